"""Accept NTLM, raw and within SPNEGO; the door to pyspnego.

pyspnego's acceptor takes its accounts from a file named by the environment, compares with `==`, accepts NTLMv1 and
names the real host. This one holds the account itself, compares in constant time, refuses NTLMv1, and presents the
emulated computer. Channel bindings are Windows': Relaxed refuses wrong ones and accepts missing ones, Strict refuses
both, None looks at neither.
"""

import hmac
import os
import struct
from dataclasses import dataclass
from typing import cast

from spnego import NTLMHash
from spnego._context import GSSMech
from spnego._negotiate import NegotiateProxy
from spnego._ntlm import NTLMProxy
from spnego._ntlm_raw.crypto import hmac_md5, md5, ntowfv1, ntowfv2, rc4k
from spnego._ntlm_raw.messages import (
    Authenticate,
    AvFlags,
    AvId,
    Challenge,
    FileTime,
    Negotiate,
    NegotiateFlags,
    NTClientChallengeV2,
    TargetInfo,
    Version,
)
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import InvalidTokenError, SpnegoError

from emulator.errors import PeerError
from emulator.machines.settings import Scheme

# What pyspnego's parsers raise on bytes that are no token.
MALFORMED = (
    SpnegoError,
    ValueError,
    struct.error,
    LookupError,
    TypeError,
    AttributeError,
    NotImplementedError,
    OverflowError,
    StopIteration,
)
_NO_BINDINGS = bytes(16)
_NTLMV2_LEAST_BYTES = 25
"""An NTLMv1 response is 24 bytes; every NTLMv2 response is longer."""


@dataclass(frozen=True, slots=True)
class NtlmAccount:
    """Whom to accept, and as which computer to present ourselves."""

    username: str
    nt_hash: bytes
    computer: str

    @classmethod
    def of(cls, username: str, password: str, computer: str) -> "NtlmAccount":
        """The account with that password, of which only the hash is kept."""
        return cls(username, ntowfv1(password), computer.upper())


@dataclass(frozen=True, slots=True)
class Bindings:
    """What a login is held against: the TLS session's own bindings, or nothing where they are empty."""

    data: bytes = b""
    is_required: bool = False


def acceptor(account: NtlmAccount, bindings: Bindings) -> NegotiateProxy:
    """Pyspnego's side of an exchange, by NTLM raw or within SPNEGO."""
    ntlm = _Acceptor(account, bindings)
    return NegotiateProxy(hostname="", service="", usage="accept", _negotiate_contexts={GSSMech.ntlm: ntlm})


class Negotiation:
    """One exchange on one connection, from the first token to the last."""

    scheme: Scheme = "negotiate"
    protocol = "application/HTTP-SPNEGO-session-encrypted"

    def __init__(self, account: NtlmAccount, bindings: Bindings) -> None:
        self._context = acceptor(account, bindings)

    @property
    def is_complete(self) -> bool:
        """Whether the client has proven who it is."""
        return self._context.complete

    def step(self, token: bytes) -> bytes:
        """The token to answer with, possibly empty.

        Raises:
            PeerError: the token is malformed, the password wrong, the user unknown, the bindings wrong.
        """
        try:
            return self._context.step(token) or b""
        except MALFORMED as error:
            raise PeerError(f"NTLM was refused: {error}") from None

    def unwrap(self, signature: bytes, data: bytes) -> bytes:
        """The message that the client sealed.

        Raises:
            PeerError: it was not sealed in this session, or was changed.
        """
        try:
            return self._context.unwrap_winrm(signature, data)
        except MALFORMED as error:
            raise PeerError(f"a sealed message was refused: {error}") from None

    def wrap(self, data: bytes) -> tuple[bytes, bytes]:
        """The signature and the sealed bytes of a message for the client."""
        sealed = self._context.wrap_winrm(data)
        return sealed.header, sealed.data


class _Acceptor(NTLMProxy):
    def __init__(self, account: NtlmAccount, bindings: Bindings) -> None:
        # An initiator's set-up asks for no file of accounts; what differs for an acceptor is put right below.
        held = NTLMHash(username=account.username, nt_hash=account.nt_hash.hex())
        super().__init__(held, usage="initiate")
        self._bindings = bindings
        self.usage = "accept"
        self._is_wrapped = True
        self._account = account

    def _step_accept_negotiate(self, token: bytes) -> bytes:
        negotiate = Negotiate.unpack(token)
        computer = self._account.computer
        info = TargetInfo()
        info[AvId.nb_computer_name] = computer
        info[AvId.nb_domain_name] = computer
        info[AvId.dns_computer_name] = computer.lower()
        info[AvId.dns_domain_name] = computer.lower()
        info[AvId.timestamp] = FileTime.now()
        flags = _challenge_flags(negotiate.flags)
        version = Version(major=10, minor=0, build=20348) if flags & NegotiateFlags.version else None
        challenge = Challenge(flags, os.urandom(8), target_name=computer, target_info=info, version=version)
        self._temp_negotiate, self._temp_challenge = negotiate, challenge
        return challenge.pack()

    def _step_accept_authenticate(
        self,
        token: bytes,
        channel_bindings: GssChannelBindings | None,  # noqa: ARG002  # the signature is pyspnego's
    ) -> None:
        authenticate = Authenticate.unpack(token)
        response = authenticate.nt_challenge_response or b""
        if len(response) < _NTLMV2_LEAST_BYTES:
            raise InvalidTokenError(context_msg="NTLMv1 and anonymous logins are refused")
        key = self._proven(authenticate, response)
        info = NTClientChallengeV2.unpack(response[16:]).av_pairs
        if self._bindings.data:
            _check_bindings(info.get(AvId.channel_bindings, _NO_BINDINGS), self._bindings)
        self._session_key = _session_key(authenticate, key)
        if info.get(AvId.flags, 0) & AvFlags.mic:
            self._check_mic(authenticate)
        self._context_attr = authenticate.flags
        self._complete = True

    def _proven(self, authenticate: Authenticate, response: bytes) -> bytes:
        """The key that both ends share, if the response proves that the client knows the password.

        Any domain will do: a machine outside a domain looks every name up among its own accounts.
        """
        challenge = cast("Challenge", self._temp_challenge)
        name = authenticate.user_name or ""
        secret = ntowfv2(name, self._account.nt_hash, authenticate.domain_name)
        proof = hmac_md5(secret, challenge.server_challenge + response[16:])
        is_proven = hmac.compare_digest(proof, response[:16])
        if not (is_proven and name.upper() == self._account.username.upper()):
            raise InvalidTokenError(context_msg="unknown user or wrong password")
        return hmac_md5(secret, proof)

    def _check_mic(self, authenticate: Authenticate) -> None:
        negotiate, challenge = cast("Negotiate", self._temp_negotiate), cast("Challenge", self._temp_challenge)
        told = authenticate.mic or b""
        authenticate.mic = bytes(16)
        right = self._calculate_mic(self.session_key, negotiate.pack(), challenge.pack(), authenticate.pack())
        if not hmac.compare_digest(told, right):
            raise InvalidTokenError(context_msg="the message was changed on its way")


def _challenge_flags(asked: int) -> int:
    flags = (
        asked
        | NegotiateFlags.request_target
        | NegotiateFlags.ntlm
        | NegotiateFlags.always_sign
        | NegotiateFlags.target_info
        | NegotiateFlags.target_type_server
    )
    if not flags & NegotiateFlags.unicode:
        raise InvalidTokenError(context_msg="a client without Unicode is refused")
    return int(flags & ~NegotiateFlags.oem & ~NegotiateFlags.lm_key)


def _check_bindings(told: bytes, bindings: Bindings) -> None:
    right = md5(GssChannelBindings(application_data=bindings.data).pack())
    is_absent = hmac.compare_digest(told, _NO_BINDINGS)
    if not hmac.compare_digest(told, right) and (bindings.is_required or not is_absent):
        raise InvalidTokenError(context_msg="the channel bindings are missing or another connection's")


def _session_key(authenticate: Authenticate, key: bytes) -> bytes:
    protects = NegotiateFlags.sign | NegotiateFlags.seal
    if authenticate.flags & NegotiateFlags.key_exch and authenticate.flags & protects:
        return rc4k(key, authenticate.encrypted_random_session_key or b"")
    return key
