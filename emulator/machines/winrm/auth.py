"""Whose request it is: Basic for one request, Negotiate and CredSSP for the connection they were made on.

One `ConnectionAuth` lives and dies with one TCP connection.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from emulator.errors import PeerError
from emulator.machines.faults import MachineFaults
from emulator.machines.settings import MachineSettings, Scheme, WinrmSettings
from emulator.machines.winrm.certificate import Identity, flawed
from emulator.rules.faults.guest_kinds import WinrmCertificate, WinrmSchemes

if TYPE_CHECKING:
    from emulator.machines.winrm.credssp import Delegation
    from emulator.machines.winrm.ntlm import Negotiation, NtlmAccount

WORDS: dict[Scheme, str] = {"negotiate": "Negotiate", "basic": 'Basic realm="WSMAN"', "credssp": "CredSSP"}
"""What a 401 offers, one header each; WinRM offers no `NTLM`, whose tokens travel inside `Negotiate`."""
MUTUAL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
"""The scheme by which a client says that its TLS certificate is its login."""
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


@dataclass(frozen=True, slots=True)
class Line:
    """What the connection itself is.

    Attributes:
        is_tls: whether it runs within TLS.
        is_certified: whether the client showed a certificate that is believed.
    """

    is_tls: bool = True
    is_certified: bool = False


class Account:
    """The machine's one account, and what proves the machine itself.

    Attributes:
        identity: what is shown now.
    """

    def __init__(self, settings: MachineSettings, identity: Identity, faults: MachineFaults | None = None) -> None:
        self.username = settings.username
        self.winrm: WinrmSettings = settings.winrm
        self._computer = settings.name
        self._password = settings.password
        self.identity = self._own = identity
        self._faults = faults or MachineFaults()
        self._flaw: WinrmCertificate | None = None
        self._ntlm: NtlmAccount | None = None

    def challenges(self, line: Line) -> tuple[str, ...]:
        """What a 401 offers; Basic shows the password, and so is offered within TLS only."""
        alone = self._faults.find(WinrmSchemes)
        schemes = self.winrm.schemes if alone is None else (alone.offer,)
        return tuple(WORDS[scheme] for scheme in schemes if line.is_tls or scheme != "basic")

    def follow(self) -> None:
        """Show the certificate that a fault wants shown, or our own again."""
        flaw = self._faults.find(WinrmCertificate)
        if flaw != self._flaw:
            self._flaw = flaw
            self.identity = self._own if flaw is None else flawed(self._computer, flaw.problem)

    def has_basic(self, user: bytes, password: bytes) -> bool:
        """Whether these are the account's; a client may send latin-1 (requests) or UTF-8 (the others)."""
        name, right = user.rpartition(b"\\")[2].upper(), False
        for encoding in ("utf-8", "latin-1"):
            known = hmac.compare_digest(name, self.username.encode(encoding, "replace").upper())
            right |= known & hmac.compare_digest(password, self._password.encode(encoding, "replace"))
        return right

    def negotiation(self, line: Line) -> "Negotiation":
        """A fresh NTLM exchange; pyspnego is loaded by the first."""
        from emulator.machines.winrm.ntlm import Bindings, Negotiation

        level = self.winrm.channel_binding
        is_bound = line.is_tls and level != "none"
        bindings = Bindings(self.identity.bindings, level == "strict") if is_bound else Bindings()
        return Negotiation(self._secret(), bindings)

    def delegation(self) -> "Delegation":
        """A fresh CredSSP exchange."""
        from emulator.machines.winrm.credssp import Delegation

        return Delegation(self._secret(), self._password, self.identity.inner_tls, self.identity.public_key)

    def _secret(self) -> "NtlmAccount":
        from emulator.machines.winrm.ntlm import NtlmAccount

        if self._ntlm is None:
            self._ntlm = NtlmAccount.of(self.username, self._password, self._computer)
        return self._ntlm


class ConnectionAuth:
    """What one connection has proven."""

    def __init__(self, account: Account, line: Line) -> None:
        self.line = line
        self._account = account
        self._exchange: Negotiation | Delegation | None = None

    @property
    def session(self) -> "Negotiation | Delegation | None":
        """The finished exchange, which can unseal messages, or None."""
        exchange = self._exchange
        return exchange if exchange is not None and exchange.is_complete else None

    @property
    def denied(self) -> Verdict:
        """Nobody, and what would make somebody of him."""
        return Verdict("", self._account.challenges(self.line))

    def judge(self, header: str | None) -> Verdict:
        """Whose request carries this `Authorization` header, or None where it has none."""
        if header is None:
            return self.denied if self.session is None else Verdict(self._account.username)
        word, _, value = header.strip().partition(" ")
        if word == MUTUAL:
            return Verdict(self._account.username) if self.line.is_certified else self.denied
        scheme = _offered(word.casefold(), self._account.challenges(self.line))
        if scheme is None:
            self._exchange = None
            return self.denied
        return self._by(scheme, _decoded(value))

    def _by(self, scheme: Scheme, credential: bytes) -> Verdict:
        match scheme:
            case "basic":
                return self._basic(credential)
            case "negotiate":
                return self._negotiate(credential)
            case "credssp":
                return self._delegate(credential)
            case _:
                assert_never(scheme)

    def _basic(self, credential: bytes) -> Verdict:
        self._exchange = None
        user, colon, password = credential.partition(b":")
        is_known = colon and self._account.has_basic(user, password)
        return Verdict(self._account.username) if is_known else self.denied

    def _negotiate(self, token: bytes) -> Verdict:
        if self._is_other("negotiate") or _begins(token):
            self._exchange = self._account.negotiation(self.line)
        return self._step("Negotiate", token)

    def _delegate(self, token: bytes) -> Verdict:
        if self._is_other("credssp"):
            self._exchange = self._account.delegation()
        return self._step("CredSSP", token)

    def _is_other(self, scheme: Scheme) -> bool:
        """Whether no exchange of that scheme is under way."""
        exchange = self._exchange
        return exchange is None or exchange.is_complete or exchange.scheme != scheme

    def _step(self, word: str, token: bytes) -> Verdict:
        exchange = self._exchange
        if exchange is None:
            raise AssertionError("a step without an exchange")
        try:
            answer = exchange.step(token)
        except PeerError:
            self._exchange = None
            return self.denied
        challenge = (f"{word} {base64.b64encode(answer).decode()}",) if answer else ()
        return Verdict(self._account.username if exchange.is_complete else "", challenge)


def _offered(word: str, challenges: tuple[str, ...]) -> Scheme | None:
    """The scheme of that name, where it is among those offered."""
    return next((scheme for scheme, text in WORDS.items() if scheme == word and text in challenges), None)


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
