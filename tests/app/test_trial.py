"""The trial at a start: judged by the source port that it has."""

import pytest

from emulator.app.run import start
from emulator.app.status import PathState
from tests.worlds import nsg

pytestmark = pytest.mark.network


@pytest.mark.parametrize("ports", ["49152", "0-49151,49153-65535"])
async def test_a_rule_about_source_ports(ports: str) -> None:
    """A rule that denies some source ports does not keep a channel from getting ready, whichever the trial has."""
    async with start(resources=[nsg(f"200 deny in *:{ports} -> *:60001")], guest="builtin") as channel:
        assert channel.status.ready
        assert channel.status.paths["linux"] != PathState("failed", "")
        assert channel.status.paths["windows"].outcome == "carried"
