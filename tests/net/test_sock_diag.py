"""The kernel tells whether somebody holds a TCP socket."""

import pytest

from emulator.net.sock_diag import is_held
from tests.net.tcp import pair

pytestmark = pytest.mark.network


def test_an_open_socket_is_held() -> None:
    """Both ends of an open connection are held."""
    with pair() as (client, accepted):
        assert is_held(client.getsockname(), accepted.getsockname())
        assert is_held(accepted.getsockname(), client.getsockname())


def test_a_closed_socket_is_not() -> None:
    """A client that closed has left, though the kernel still waits for the last acknowledgement."""
    with pair() as (client, accepted):
        ends = client.getsockname(), accepted.getsockname()
        client.close()

        assert not is_held(*ends)


def test_no_such_socket() -> None:
    """Nobody holds what never was, as an end on another machine."""
    assert not is_held(("192.0.2.1", 1), ("192.0.2.2", 2))
