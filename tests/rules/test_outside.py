"""Flows from and to what was not loaded: our side is judged, and what lies beyond is not guessed."""

import pytest

from emulator.errors import NotLoadedError
from tests.rules.test_reach import EXPORT, ending, traced
from tests.worlds import with_routes, world

# Addresses that no network has: who dials whom, and what on our side or the platform ends it.
ENDS = [
    ("proxy", "10.99.0.4", 22, "proxy → 10.99.0.4: dropped, DenyAllOutBound"),
    ("10.99.0.4", "proxy", 22, "10.99.0.4 → proxy: dropped, DenyAllInBound"),
    ("proxy", "168.63.129.16", 53, "proxy → 168.63.129.16: carried, PlatformService"),
    ("proxy", "169.254.169.254", 80, "proxy → 169.254.169.254: carried, PlatformService"),
    ("168.63.129.16", "proxy", 60001, "168.63.129.16 → proxy: carried, AllowVnetInBound"),
    ("internet", "168.63.129.16", 53, "Internet → 168.63.129.16: dropped, PlatformService"),
]


@pytest.mark.parametrize(("source", "target", "port", "expected"), ENDS)
def test_ends_in_no_network(source: str, target: str, port: int, expected: str) -> None:
    """Private space is not the Internet, and the platform's own addresses are neither."""
    assert ending(traced(world(), source, target, port)) == expected


def test_a_denied_probe() -> None:
    """The platform's address as a source is judged as the probe that it sends."""
    found = world("200 deny in AzureLoadBalancer -> *")

    assert ending(traced(found, "168.63.129.16", "proxy", 60001)).endswith("dropped, deny-200")


def test_beyond_what_was_loaded() -> None:
    """Of private space that was not loaded nobody knows what it does with a flow that our side lets go or come."""
    out = with_routes(world("200 allow out * -> *", "200 allow in * -> *"), "10.99.0.0/16 -> VnetLocal")

    with pytest.raises(NotLoadedError, match=r"leaves proxy .*, and nothing that was loaded has 10\.99\.0\.4"):
        traced(out, "proxy", "10.99.0.4", 22)
    with pytest.raises(NotLoadedError, match=r"is let in, and what 10\.99\.0\.4 meets on its own side"):
        traced(out, "10.99.0.4", "proxy", 22)
    with pytest.raises(NotLoadedError, match=r"touches nothing that was loaded: no network has 10\.99\.0\.4 in it"):
        traced(EXPORT, "8.8.8.8", "10.99.0.4", 22)
