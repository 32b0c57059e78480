"""The router of a real network: what it needs of its machine; what it does is in tests/containers/test_gateway.py."""

import pytest

from emulator.errors import UnavailableError
from emulator.machines.outside import router
from emulator.machines.sandbox import messages

pytestmark = pytest.mark.network
NOWHERE = "203.0.113.1"


def test_an_interface_is_found_by_its_address() -> None:
    """Loopback has 127.0.0.1; nobody has an address for documentation."""
    assert router.interface_of("127.0.0.1") == "lo"
    with pytest.raises(UnavailableError, match=NOWHERE):
        router.interface_of(NOWHERE)


def test_what_it_lacks_is_told() -> None:
    """Without an interface on that network it says so, and ends."""
    ours, theirs = messages.pair()
    with ours:
        router.main([str(theirs.detach()), NOWHERE, "203.0.113.254"])
        ours.settimeout(5)
        message, _ = messages.receive(ours)

    assert NOWHERE in str(message["lost"])
