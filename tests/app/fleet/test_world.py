"""Worlds travel whole."""

import json
from pathlib import Path

import pytest

from emulator.app.fleet.world import packed, unpacked
from emulator.app.worlds import load_world
from emulator.errors import PeerError
from emulator.model.world import TOPOLOGIES, Topology
from tests.worlds import nsg, world

EXPORT = Path(__file__).parents[2] / "data" / "export"


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_worlds_arrive_as_they_were_sent(topology: Topology) -> None:
    """A world packed and unpacked, through text, is the same value, switches and members included."""
    sent = world("100 deny in * -> *", topology=topology, data="bypass")

    assert unpacked(json.loads(json.dumps(packed(sent)))) == sent


def test_an_export_arrives() -> None:
    """So does a world out of an export, with what no decision reads."""
    sent = load_world(EXPORT / "rest")

    found = unpacked(json.loads(json.dumps(packed(sent))))

    assert found == sent
    assert packed(found) == packed(sent)


@pytest.mark.parametrize("broken", [{}, {**packed(world()), "client": "x"}, {**packed(world()), "resources": [5]}])
def test_a_broken_world_is_refused(broken: dict[str, object]) -> None:
    """What is no world is control's mistake, not a crash."""
    with pytest.raises(PeerError, match="a world that is none"):
        unpacked(broken)


def test_the_group_travels_with_its_rules() -> None:
    """A rule is there at the other end."""
    assert unpacked(packed(world().laid(nsg("150 deny in * -> *")))).groups == (nsg("150 deny in * -> *"),)
