"""A hop's own part: how it finds the others, and what it does where the topology has no place for it."""

import pytest

from emulator.app.fleet.hop import from_environment, own_address
from emulator.errors import InvalidInputError, UnavailableError
from emulator.net.addresses import can_bind
from tests.app.fleet.fleet import entry, running
from tests.app.test_run import client, connects, hears

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(not can_bind("127.60.0.1"), reason="hops need loopback addresses of their own"),
]


def test_the_environment() -> None:
    """A container's variables say where control and the build VMs are, and what the token is, if one is needed."""
    free = from_environment("proxy", "0.0.0.0", {"AIB_EMULATOR_CONTROL": "http://control:8060"})
    given = from_environment(
        "load-balancer",
        "0.0.0.0",
        {"AIB_EMULATOR_TOKEN": "given", "AIB_EMULATOR_CONTROL": "http://c:1", "AIB_EMULATOR_BUILD_LINUX": "vm:2222"},
    )
    ports = {"AIB_EMULATOR_TOKEN": "x", "AIB_EMULATOR_PUBLISHED_LINUX": "61001"}

    assert (free.control, free.token, free.builds["build-windows"]) == ("http://control:8060", "", "build-windows")
    assert (given.control, given.token, given.builds["build-linux"]) == ("http://c:1", "given", "vm:2222")
    assert from_environment("load-balancer", "0.0.0.0", ports).published == {"linux": 61001}
    assert (given.published, from_environment("proxy", "0.0.0.0", ports).published) == ({}, {})


@pytest.mark.parametrize("port", ["ssh", "-1", "65536"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    """What cannot be a port is named with its variable, and what may stand there."""
    environment = {"AIB_EMULATOR_TOKEN": "x", "AIB_EMULATOR_PUBLISHED_LINUX": port}
    with pytest.raises(InvalidInputError, match=f"AIB_EMULATOR_PUBLISHED_LINUX: found {port}, expected a port"):
        from_environment("load-balancer", "0.0.0.0", environment)


def test_no_control_is_said() -> None:
    """A hop that was told neither of control nor of its token says what is missing."""
    with pytest.raises(
        UnavailableError, match="AIB_EMULATOR_CONTROL names its URL, and AIB_EMULATOR_TOKEN its token"
    ):
        from_environment("proxy", "0.0.0.0", {})


def test_a_gateway_without_a_router_says_so() -> None:
    """It takes the address that build VMs send everything to, and nobody else may guess which."""
    told = {"AIB_EMULATOR_TOKEN": "x"}
    with pytest.raises(UnavailableError, match="AIB_EMULATOR_ROUTER names the address"):
        from_environment("gateway", "0.0.0.0", told)

    assert from_environment("gateway", "0.0.0.0", {**told, "AIB_EMULATOR_ROUTER": "10.60.0.1"}).router == "10.60.0.1"


def test_the_address_towards_others() -> None:
    """A machine is reached by the address from which it reaches others; a name that leads nowhere is named."""
    assert own_address("127.0.0.1") == "127.0.0.1"
    with pytest.raises(UnavailableError, match=r"no way to no-such-name\.invalid"):
        own_address("no-such-name.invalid")


@pytest.mark.parametrize("topology", ["public-ip", "container-instance"])
async def test_a_proxy_without_a_place_idles(topology: str) -> None:
    """Without private link the entry leads straight to the build VM, and a proxy says that it has no part."""
    async with running(topology=topology) as found:
        with client() as connection:
            assert await connects(connection, entry(found), 1) == "connected"
            assert await hears(connection, 5)
        hops = {hop.name: hop for hop in found.fleet.status.hops}

    assert hops["proxy"].state == "up"
    assert hops["proxy"].detail == f"topology {topology} has no proxy"
