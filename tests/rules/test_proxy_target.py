"""Where a proxy gets to when its client names the target."""

import pytest

from emulator.model.world import World
from emulator.rules.legs import Leg
from emulator.rules.proxy_target import target_leg
from tests.worlds import healthy, with_routes, world

TARGETS = [
    # host, port, how it ends, the build VM
    ("10.60.0.8", 22, "proxy → build-linux: carried, AllowVnetInBound", "build-linux"),
    ("build-windows", 5986, "proxy → build-windows: carried, AllowVnetInBound", "build-windows"),
    ("10.60.0.9", 5985, "proxy → build-windows: refused, NoListener", "build-windows"),
    ("10.60.0.6", 60001, "load-balancer → proxy: dropped, Hairpin", ""),
    ("10.60.0.77", 22, "proxy → 10.60.0.77: dropped, NobodyThere", ""),
    ("nobody.example", 22, "proxy → nobody.example: refused, UnknownHost", ""),
]


def leg(found: World, host: str, port: int) -> tuple[Leg, str]:
    """The proxy's way to a target, and the build VM that it is."""
    made, build = target_leg(found, healthy(found), found.proxies[0], (host, port), 50000)
    return made, build.hop if build else ""


@pytest.mark.parametrize(("host", "port", "ending", "build"), TARGETS)
def test_targets(host: str, port: int, ending: str, build: str) -> None:
    """A build VM by address or name, any port of it; the balancer's frontend is a hairpin; others find nobody."""
    made, which = leg(world(), host, port)

    assert f"{made.name}: {made.verdict.outcome.value}, {made.verdict.reason.name}" == ending
    assert which == build
    assert made.segment == 2


def test_groups_decide() -> None:
    """A deny stands between as it does for a proxy that just forwards."""
    made, _ = leg(world("300 deny in * -> *:22"), "10.60.0.8", 22)
    assert made.verdict.reason.name == "deny-300"


def test_the_internet_is_judged_and_not_played() -> None:
    """A member of an internal balancer's pool has no way out; with one by an appliance nobody plays what is there."""
    made, _ = leg(world(), "93.184.215.14", 443)
    assert (made.verdict.outcome.value, made.verdict.reason.name) == ("dropped", "LoadBalancerMember")
    nowhere, _ = leg(with_routes(world(), "0.0.0.0/0 -> None"), "93.184.215.14", 443)
    assert nowhere.verdict.reason.kind == "route"
