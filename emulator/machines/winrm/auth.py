"""Whose request it is: Basic for one request, Negotiate for the connection it was made on.

One `ConnectionAuth` lives and dies with one TCP connection.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.errors import PeerError

if TYPE_CHECKING:
    from emulator.machines.winrm.ntlm import Negotiation, NtlmAccount

CHALLENGES = ("Negotiate", 'Basic realm="WSMAN"')
"""What a 401 offers, one header each; WinRM offers no `NTLM`, whose tokens travel inside `Negotiate`."""
MAX_TOKEN_CHARACTERS = 64 * 1024


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an `Authorization` header came to.

    Attributes:
        user: who it is, or empty.
        challenges: values for `WWW-Authenticate` headers, one each.
    """

    user: str
    challenges: tuple[str, ...] = ()


DENIED = Verdict("", CHALLENGES)


class Account:
    """The machine's one account, and the bindings of its certificate."""

    def __init__(self, username: str, password: str, computer: str, bindings: bytes) -> None:
        self.username = username
        self.bindings = bindings
        self._computer = computer
        self._password = password
        self._ntlm: NtlmAccount | None = None

    def has_basic(self, user: bytes, password: bytes) -> bool:
        """Whether these are the account's; a client may send latin-1 (requests) or UTF-8 (the others)."""
        name, right = user.rpartition(b"\\")[2].upper(), False
        for encoding in ("utf-8", "latin-1"):
            known = hmac.compare_digest(name, self.username.encode(encoding, "replace").upper())
            right |= known & hmac.compare_digest(password, self._password.encode(encoding, "replace"))
        return right

    def negotiation(self) -> "Negotiation":
        """A fresh NTLM exchange; pyspnego is loaded by the first."""
        from emulator.machines.winrm.ntlm import Negotiation, NtlmAccount

        if self._ntlm is None:
            self._ntlm = NtlmAccount.of(self.username, self._password, self._computer)
        return Negotiation(self._ntlm, self.bindings)


class ConnectionAuth:
    """What one connection has proven."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._negotiation: Negotiation | None = None

    @property
    def session(self) -> "Negotiation | None":
        """The finished NTLM exchange, which can unseal messages, or None."""
        negotiation = self._negotiation
        return negotiation if negotiation is not None and negotiation.is_complete else None

    def judge(self, header: str | None) -> Verdict:
        """Whose request carries this `Authorization` header, or None where it has none."""
        if header is None:
            return DENIED if self.session is None else Verdict(self._account.username)
        scheme, _, value = header.strip().partition(" ")
        match scheme.casefold():
            case "basic":
                return self._basic(value)
            case "negotiate":
                return self._negotiate(value)
            case _:
                self._negotiation = None
                return DENIED

    def _basic(self, value: str) -> Verdict:
        self._negotiation = None
        user, colon, password = _decoded(value).partition(b":")
        return Verdict(self._account.username) if colon and self._account.has_basic(user, password) else DENIED

    def _negotiate(self, value: str) -> Verdict:
        token = _decoded(value)
        if self._negotiation is None or self._negotiation.is_complete or _begins(token):
            self._negotiation = self._account.negotiation()
        try:
            answer = self._negotiation.step(token)
        except PeerError:
            self._negotiation = None
            return DENIED
        challenge = (f"Negotiate {base64.b64encode(answer).decode()}",) if answer else ()
        return Verdict(self._account.username if self._negotiation.is_complete else "", challenge or ())


def _decoded(value: str) -> bytes:
    """The bytes of a credential; nothing where it is no base64, which then proves nothing."""
    if len(value) > MAX_TOKEN_CHARACTERS:
        return b""
    try:
        return base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _begins(token: bytes) -> bool:
    """Whether a token opens an exchange: NTLM's first message, or SPNEGO's NegTokenInit."""
    return token.startswith((b"NTLMSSP\x00\x01", b"\x60"))
