"""Who holds a port."""

import os
import socket

import pytest

from emulator.net.taken import holder

pytestmark = pytest.mark.network


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_we_hold_it(family: socket.AddressFamily, host: str) -> None:
    """A port on which a process listens names it; once closed it names nobody."""
    with socket.socket(family) as listening:
        try:
            listening.bind((host, 0))
        except OSError:
            pytest.skip(f"{host} cannot be bound here")
        listening.listen()
        port = listening.getsockname()[1]
        said = holder(port)

        assert said.startswith(" (held by ")
        assert said.endswith(f", process {os.getpid()})")
    assert holder(port) == ""


def test_a_bound_port_is_not_listened_on() -> None:
    """A socket that is bound but does not listen is not named."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))

        assert holder(bound.getsockname()[1]) == ""


def test_no_port() -> None:
    """Port 0 is everybody's."""
    assert holder(0) == ""
