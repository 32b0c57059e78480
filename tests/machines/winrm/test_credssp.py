"""CredSSP against pyspnego's own client; no sockets."""

import pytest
import spnego

from emulator.errors import PeerError
from emulator.machines.winrm import certificate
from emulator.machines.winrm.credssp import Delegation
from emulator.machines.winrm.ntlm import NtlmAccount

IDENTITY = certificate.identity("vm", "")


def delegation(*, public_key: bytes = IDENTITY.public_key, delegated: str = "secret") -> Delegation:
    """The machine's side; `delegated` is what it expects to be handed at the end."""
    account = NtlmAccount.of("packer", "secret", "VM")
    return Delegation(account, delegated, IDENTITY.inner_tls, public_key)


def exchange(machine: Delegation, client: spnego.ContextProxy) -> None:
    """Let both speak until the machine is convinced."""
    token = client.step()
    while answer := machine.step(token or b""):
        token = client.step(answer)
    assert machine.is_complete


def client() -> spnego.ContextProxy:
    """A client that knows the password."""
    return spnego.client("packer", "secret", protocol="credssp", options=spnego.NegotiateOptions.use_negotiate)


@pytest.mark.parametrize("size", [0, 1, 16384])
def test_seals_both_ways(size: int) -> None:
    """What one end seals, the other opens."""
    machine, speaker = delegation(), client()
    exchange(machine, speaker)
    message = bytes(size)

    sealed = speaker.wrap_winrm(message)
    assert machine.unwrap(sealed.header, sealed.data) == message
    assert speaker.unwrap_winrm(*machine.wrap(message)) == message


def test_refuses_what_another_session_sealed() -> None:
    """A message that was changed is refused."""
    machine, speaker = delegation(), client()
    exchange(machine, speaker)
    sealed = speaker.wrap_winrm(b"message")

    with pytest.raises(PeerError, match="sealed message"):
        machine.unwrap(sealed.header, bytes(byte ^ 1 for byte in sealed.data))


def test_refuses_another_delegated_password() -> None:
    """The password handed over at the end must be the account's, whoever logged in before."""
    with pytest.raises(PeerError, match="delegated password"):
        exchange(delegation(delegated="other"), client())


def test_clients_notice_another_key() -> None:
    """A machine whose inner TLS session is not its own is noticed: someone stands between."""
    with pytest.raises((PeerError, spnego.exceptions.SpnegoError)):
        exchange(delegation(public_key=IDENTITY.public_key[::-1]), client())


def test_an_endless_exchange_ends() -> None:
    """Empty tokens without end are refused."""
    machine = delegation()

    def exhaust() -> None:
        for _ in range(100):
            machine.step(b"")

    with pytest.raises(PeerError):
        exhaust()
