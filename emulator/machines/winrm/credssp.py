"""Accept CredSSP: a TLS session within HTTP, an NTLM login within that, and the password itself at the end.

pyspnego's acceptor does the work; what it delegates is compared with the account's password and then forgotten.
"""

import hmac
import ssl

from spnego._credssp import CredSSPProxy
from spnego._credssp_structures import TSPasswordCreds
from spnego.tls import CredSSPTLSContext

from emulator.errors import PeerError
from emulator.machines.settings import Scheme
from emulator.machines.winrm.ntlm import MALFORMED, Bindings, NtlmAccount, acceptor

MAX_STEPS = 12
"""More than any exchange takes: two for TLS, three for the login, and the empty ones between."""
CHUNK_BYTES = 16384
"""MS-WSMV 2.2.9.1: what one part of a sealed message carries at most."""


class Delegation:
    """One exchange on one connection, from the first token to the last."""

    scheme: Scheme = "credssp"
    protocol = "application/HTTP-CredSSP-session-encrypted"

    def __init__(self, account: NtlmAccount, password: str, tls: ssl.SSLContext, public_key: bytes) -> None:
        self._password = password.encode()
        self._steps = 0
        self._is_proven = False
        self._context = CredSSPProxy(
            usage="accept",
            # The login is bound to the inner TLS session by CredSSP itself, which compares its public key.
            credssp_negotiate_context=acceptor(account, Bindings()),
            credssp_tls_context=CredSSPTLSContext(tls, public_key),
        )

    @property
    def is_complete(self) -> bool:
        """Whether the client has proven who it is."""
        return self._is_proven

    def step(self, token: bytes) -> bytes:
        """The token to answer with, possibly empty.

        Raises:
            PeerError: the token is malformed, the password wrong, the user unknown, the public key another's.
        """
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise PeerError("CredSSP was refused: it does not come to an end")
        try:
            answer = self._context.step(token) or b""
        except (*MALFORMED, ssl.SSLError) as error:
            raise PeerError(f"CredSSP was refused: {error}") from None
        if self._context.complete:
            self._is_proven = self._delegates_the_password()
        if not answer and not self._is_proven and self._steps > 1:
            raise PeerError("CredSSP was refused")
        return answer

    def _delegates_the_password(self) -> bool:
        given = self._context.get_extra_info("client_credential")
        if not isinstance(given, TSPasswordCreds):
            raise PeerError("CredSSP was refused: what it delegates is no password")
        if not hmac.compare_digest(given.password.encode(errors="replace"), self._password):
            raise PeerError("CredSSP was refused: the delegated password is wrong")
        return True

    def unwrap(self, signature: bytes, data: bytes) -> bytes:
        """The message that the client sealed.

        Raises:
            PeerError: it was not sealed in this session, or was changed.
        """
        try:
            return self._context.unwrap_winrm(signature, data)
        except (*MALFORMED, ssl.SSLError) as error:
            raise PeerError(f"a sealed message was refused: {error}") from None

    def wrap(self, data: bytes) -> tuple[bytes, bytes]:
        """The signature and the sealed bytes of a message for the client, of `CHUNK_BYTES` at most."""
        sealed = self._context.wrap_winrm(data)
        return sealed.header, sealed.data
