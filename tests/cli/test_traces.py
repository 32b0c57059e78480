"""Drawings of decisions: what stands on each line."""

from dataclasses import replace

from emulator.cli import traces
from emulator.rules.effective import DIRECTIONS
from emulator.rules.ends import end_of
from emulator.rules.network_watcher import effective
from tests.rules.test_path import path_of
from tests.worlds import healthy, nic_of, world


def lines(*rules: str, stopped: tuple[str, ...] = ()) -> list[str]:
    """The drawing of the Linux path under these rules."""
    found = world(*rules)
    path = path_of(found, condition=healthy(found, stopped=stopped))
    return [line.plain for line in traces.trace("build-linux", end_of(found, "client"), path)]


def test_a_path_is_drawn_to_its_end() -> None:
    """Hops stand on lines of their own with their addresses, what was asked between them."""
    drawn = lines()

    assert drawn[0] == "build-linux  reached"
    assert [line.split()[1:] for line in drawn if "●" in line] == [
        ["client", "10.61.0.4"],
        ["private-endpoint", "10.61.0.5:60001"],
        ["load-balancer", "10.60.0.6:60001"],
        ["proxy", "10.60.0.7:60001"],
        ["build-linux", "10.60.0.8:22"],
    ]
    assert not any("Azure's own route" in line for line in drawn)


def test_a_path_is_cut_where_it_ends() -> None:
    """What stops the flow is marked, its resource named, and the hop behind it hollow."""
    drawn = lines("300 deny in * -> *:22")

    assert drawn[0] == "build-linux  dropped"
    assert "✗" in drawn[-3]
    assert "deny-300" in drawn[-3]
    assert drawn[-2].endswith("/networkSecurityGroups/build-nsg")
    assert drawn[-1].startswith("  ○ build-linux")


def test_a_refusal_is_drawn_as_such() -> None:
    """A machine's RST is not a drop."""
    drawn = lines(stopped=("build-linux",))

    assert drawn[0] == "build-linux  refused"
    assert any("↩ no service listens on build-linux" in line for line in drawn)


def test_an_interface_without_groups() -> None:
    """Where no group applies, that is said instead of an empty table."""
    found = world(topology="public-ip")
    bare = replace(nic_of(found, "build-linux"), group=None)
    drawn = [str(line) for line in traces.effective(effective(found.laid(bare), bare))]

    assert "no network security group: everything is allowed" in drawn


def test_rules_under_their_direction() -> None:
    """Each direction is named once, above its rules."""
    found = world()
    drawn = [str(line) for line in traces.effective(effective(found, nic_of(found, "proxy")))]

    assert [line for line in drawn if line in DIRECTIONS] == ["Inbound", "Outbound"]


def test_a_probe_is_a_line() -> None:
    """A probe's line has its mark and its sentence."""
    assert traces.probe("dropped", "nobody answers").plain == "health probe ✗ nobody answers"
