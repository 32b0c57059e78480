"""The whole checklist: what it says of the default worlds, of an exported network, and of any world at all."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.model import arm
from emulator.model.network import SecurityGroup
from emulator.model.world import TOPOLOGIES, Topology, World
from emulator.rules.checklist import findings
from emulator.rules.checklist.registry import ITEMS
from emulator.rules.deployment import assembled
from tests.worlds import groups, world

EXPORT = Path(__file__).parents[2] / "data" / "export"


def exported(shape: str) -> World:
    """The example network, as a tool printed it."""
    files = sorted((EXPORT / shape).glob("*.json"))
    return assembled(arm.load([(file.name, arm.load_json(file.name, file.read_bytes())) for file in files]).resources)


@pytest.mark.parametrize("shape", ["rest", "cli", "powershell"])
def test_an_exported_network(shape: str) -> None:
    """A whole network without fault is in order, item by item, whichever tool printed it."""
    found = findings(exported(shape))

    assert [str(each) for each in found if each.state != "ok"] == []
    assert len(found) > 20


# What is not ok in the default worlds: no template and no roles are there, and their networks have the default
# outbound access that new ones lack.
DEFAULT: list[tuple[Topology, set[str], set[str]]] = [
    ("existing-vnet", {"build-egress"}, {"template", "region", "network-read", "subnet-join"}),
    ("public-ip", set(), {"template"}),
    (
        "container-instance",
        {"build-egress", "container-egress"},
        {"template", "region", "network-read", "subnet-join", "container-subnet-join"},
    ),
]


@pytest.mark.parametrize(("topology", "warnings", "unknown"), DEFAULT)
def test_default_worlds(topology: Topology, warnings: set[str], unknown: set[str]) -> None:
    """Nothing fails in the default worlds."""
    found = findings(world("400 allow in AzureLoadBalancer -> *:60000-60001 Tcp", topology=topology))

    assert [str(each) for each in found if each.state == "failed"] == []
    assert {each.name for each in found if each.state == "warning"} == warnings
    assert {each.name for each in found if each.state == "unknown"} == unknown


def test_the_items() -> None:
    """Each item has a name of its own in small letters, its reasons, its source, and a docstring that claims."""
    names = [item.name for item in ITEMS]

    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in names)
    assert [item.name for item in ITEMS if not (item.why and item.answers.__doc__)] == []
    assert [item.name for item in ITEMS if not item.source.startswith("https://")] == []
    assert [item.name for item in ITEMS if not item.topologies] == []


COLLECTIONS = ("networks", "groups", "interfaces", "machines", "balancers", "services", "endpoints", "public_ips")


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Worlds of each topology, with any group, and without some of what is in them."""
    data: Any = draw(st.sampled_from(("match_nat_ip", "bypass")))
    gone: dict[str, Any] = dict.fromkeys(draw(st.sets(st.sampled_from(COLLECTIONS), max_size=2)), ())
    found = world(topology=draw(st.sampled_from(TOPOLOGIES)), data=data).laid(draw(groups()))
    return replace(found, **gone)


@given(worlds())
@settings(max_examples=80, deadline=None)
def test_any_world(found: World) -> None:
    """Whatever a world lacks, each item says something or nothing, and every fault has its command."""
    for each in findings(found):
        assert bool(each.mend) is (each.state != "ok")
        assert each.mend.startswith("az ") or each.state == "ok"
        assert each.found


@given(groups())
@settings(max_examples=30, deadline=None)
def test_the_same_world_the_same_findings(group: SecurityGroup) -> None:
    """The checklist decides and changes nothing."""
    found = exported("rest").laid(group)

    assert findings(found) == findings(found)
