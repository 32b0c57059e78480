"""What control knows of its hops: places are kept, the pool follows, the world is one."""

from pathlib import Path

import pytest

from emulator.app.fleet.messages import Hello, Report
from emulator.app.fleet.registry import FORGOTTEN, Joined, Registry, hop_name, scaled
from emulator.app.fleet.world import unpacked
from emulator.app.worlds import load_world
from emulator.errors import PeerError
from emulator.model.world import World
from emulator.rules import pool
from emulator.wire.hop import KEY_BYTES
from tests.worlds import nsg, world

EXPORT = load_world(Path(__file__).parents[2] / "data" / "export" / "rest")


def registry(played: World | None = None) -> tuple[Registry, list[str]]:
    """A registry, and a list that grows with each change it tells of."""
    changes: list[str] = []
    return Registry(played or world(), 1.0, lambda: changes.append("changed")), changes


def proxy(found: Registry, number: int) -> Joined:
    """A proxy says hello."""
    return found.joins(Hello("proxy", f"machine-{number}", f"10.60.0.{127 + number}"))


def test_places_are_given_and_kept() -> None:
    """Proxies are named in the order in which they say hello; one that comes back has its old name."""
    found, changes = registry()
    first, second = proxy(found, 1), proxy(found, 2)
    found.leaves(first, 0.0)
    again = proxy(found, 1)

    assert [hop_name(each) for each in (first, second, again)] == ["proxy", "proxy-2", "proxy"]
    assert again.connected
    assert changes


def test_a_place_that_is_asked_for_is_given() -> None:
    """A proxy that has a number gets it, whatever the order, and its address with it; a taken one it does not get."""
    found, _ = registry()
    third = found.joins(Hello("proxy", "c", "10.60.0.130", place=3))
    first = found.joins(Hello("proxy", "a", "10.60.0.128", place=1))
    other = found.joins(Hello("proxy", "x", "10.60.0.140", place=3))

    assert [hop_name(each) for each in (third, first, other)] == ["proxy-3", "proxy", "proxy-2"]
    assert found.scenery(third).places == {
        "10.60.0.7": "10.60.0.128",
        "10.60.0.128": "10.60.0.140",
        "10.60.0.129": "10.60.0.130",
    }


def test_the_first_hop_brings_the_key() -> None:
    """A control that was started anew plays on with the key that its hops have; the first one tells it."""
    found, _ = registry()
    first = found.joins(Hello("load-balancer", "a", "10.60.0.6", key="ab" * KEY_BYTES))
    second = found.joins(Hello("proxy", "b", "10.60.0.128", key="cd" * KEY_BYTES))

    assert {found.scenery(each).key for each in (first, second)} == {"ab" * KEY_BYTES}


@pytest.mark.parametrize("key", ["ab", "AB" * KEY_BYTES, "no digits"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    """A hop whose key is not one has not joined."""
    found, _ = registry()
    with pytest.raises(PeerError, match="a hop's key has 64 hexadecimal digits"):
        found.joins(Hello("proxy", "a", "10.60.0.128", key=key))

    assert found.hops == ()


def test_a_machine_made_anew_takes_its_place_again() -> None:
    """A proxy's machine with another name but the number of one that left is that one: nobody waits for the old."""
    found, _ = registry()
    old = found.joins(Hello("proxy", "old", "10.60.0.128", place=1))
    found.leaves(old, 0.0)
    new = found.joins(Hello("proxy", "new", "10.60.0.129", place=1))

    assert found.proxies() == [new]
    assert found.scenery(new).places == {"10.60.0.7": "10.60.0.129"}


def test_an_old_connection_ends_without_harm() -> None:
    """A hop that dialled anew before its old connection was seen to break is connected, and as it reported."""
    found, changes = registry()
    old = proxy(found, 1)
    found.reports(old, Report("up", local="here"))
    new = proxy(found, 1)
    changes.clear()
    assert not found.leaves(old, 0.0)

    assert (new.connected, new.report) == (True, Report("up", local="here"))
    assert changes == []
    assert found.leaves(new, 0.0)
    assert new.report.state == "down"


def test_a_hop_moves() -> None:
    """A proxy whose address changed is dialled there from then on."""
    found, _ = registry()
    joined = proxy(found, 1)
    changed = found.changed
    found.moves(joined, Hello("proxy", "machine-1", "10.60.0.200"))

    assert changed.is_set()
    assert found.scenery(joined).places == {"10.60.0.7": "10.60.0.200"}


def test_each_proxy_is_in_the_pool() -> None:
    """The world that hops are told has a proxy VM for each, with an address from .128 on, where it really is."""
    found, _ = registry()
    for number in (1, 2, 3):
        proxy(found, number)
    scenery = found.scenery(found.proxies()[2])
    told = unpacked(scenery.world)

    assert scenery.hop == "proxy-3"
    assert [member.hop for member in told.proxies] == ["proxy", "proxy-2", "proxy-3"]
    assert scenery.places == {"10.60.0.7": "10.60.0.128", "10.60.0.128": "10.60.0.129", "10.60.0.129": "10.60.0.130"}
    assert told.balancer
    assert len(pool.backends(told, told.balancer)) == 3


def test_who_is_gone_for_long_leaves_the_pool() -> None:
    """A proxy that is gone stays for its probe to speak, then its place is free; the first one's stays."""
    found, _ = registry()
    found.reports(found.joins(Hello("load-balancer", "b", "10.60.0.6")), Report("up"))
    for number in (1, 2):
        found.leaves(proxy(found, number), 100.0)
    found.forget(100.0 + FORGOTTEN)
    assert len(found.world.proxies) == 2
    found.forget(101.0 + FORGOTTEN)

    assert [member.hop for member in found.world.proxies] == ["proxy"]
    assert hop_name(proxy(found, 5)) == "proxy-2"


def test_who_hangs_stays_in_the_pool() -> None:
    """A proxy that control does not hear stays as long as its probe succeeds, and where no balancer could say so."""
    found, _ = registry()
    balancer = found.joins(Hello("load-balancer", "b", "10.60.0.6"))
    for number in (1, 2):
        found.leaves(proxy(found, number), 100.0)
    hanging = next(member for member in found.world.proxies if member.hop == "proxy-2")
    found.reports(balancer, Report("up", healthy=(("probe", hanging.interface.text),)))
    found.forget(101.0 + FORGOTTEN)
    assert hanging in found.world.proxies
    found.reports(balancer, Report("up"))
    found.leaves(balancer, 200.0)
    found.forget(201.0 + FORGOTTEN)
    assert hanging in found.world.proxies
    found.reports(found.joins(Hello("load-balancer", "b", "10.60.0.6")), Report("up"))
    found.forget(202.0 + FORGOTTEN)

    assert hanging not in found.world.proxies


def test_a_change_keeps_the_pool() -> None:
    """Another world is played with the proxies that are there."""
    found, _ = registry()
    for number in (1, 2):
        proxy(found, number)
    found.plays(world().laid(nsg("200 deny in * -> *")))

    assert len(found.world.proxies) == 2
    assert found.world.groups == (nsg("200 deny in * -> *"),)


def test_an_exported_pool_is_scaled() -> None:
    """An export's own proxy is the first; others join its balancer's pool."""
    found = scaled(EXPORT, [1, 2])

    assert [str(found.interface_of(member).address) for member in found.proxies] == ["10.20.1.7", "10.20.1.128"]
    assert scaled(found, [1, 2]) == found


@pytest.mark.parametrize("topology", ["public-ip", "container-instance"])
def test_topologies_without_proxies(topology: str) -> None:
    """Where there is no private link, a proxy that says hello changes nothing."""
    played = world(topology="public-ip" if topology == "public-ip" else "container-instance")
    found, _ = registry(played)
    joined = proxy(found, 1)

    assert found.world == played
    assert found.scenery(joined).places == {}


def test_reports_are_kept() -> None:
    """The last report of a hop is what is known of it; a hop that is not heard is down."""
    found, _ = registry()
    balancer = found.joins(Hello("load-balancer", "b", "10.60.0.6"))
    found.reports(balancer, Report("up", local="0.0.0.0:60001"))
    assert found.balancer is balancer
    assert balancer.report.state == "up"
    found.leaves(balancer, 1.0)

    assert (balancer.report.state, balancer.report.local) == ("down", "0.0.0.0:60001")
