"""Where Azure's addresses are: names are looked up, and what is gone keeps its last place."""

from ipaddress import IPv4Address

from emulator.app.fleet.places import NOWHERE, Places
from tests.worlds import world

LINUX, PROXY = IPv4Address("10.60.0.8"), IPv4Address("10.60.0.7")


async def test_names_and_proxies() -> None:
    """A build VM is where its name leads, a proxy where control says, anything else nowhere."""
    places = Places({"build-linux": "localhost:2222", "build-windows": "no-such-name.invalid"})
    assert await places.look()
    places.update(world(), {"10.60.0.7": "10.60.0.128"})

    assert (places.of(LINUX), places.of(PROXY)) == ("127.0.0.1", "10.60.0.128")
    assert places.of(IPv4Address("10.60.0.9")) == NOWHERE
    assert places.ports(world()) == {(LINUX, 22): 2222}
    assert places.sources() == {}


async def test_looking_again_changes_nothing() -> None:
    """A name that leads where it led is no news."""
    places = Places({"build-linux": "localhost"})
    await places.look()

    assert not await places.look()
