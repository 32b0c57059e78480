"""The composed channel as clients meet it: silence where Azure drops, one sentence for the attempt."""

from collections.abc import Iterator

import pytest

from emulator.clock import wall_time
from emulator.control.client import Control
from tests.containers.clients import SERVED, control, exact, is_record, met, observed, until_met
from tests.containers.stack import Stack

pytestmark = [pytest.mark.containers, pytest.mark.timeout(300), pytest.mark.xdist_group("containers")]
DENY = {
    "priority": 100,
    "direction": "Inbound",
    "access": "Deny",
    "protocol": "*",
    **{f"{end}{what}": "*" for end in ("source", "destination") for what in ("AddressPrefix", "PortRange")},
}


@pytest.fixture
def world(stack: Stack) -> Iterator[Control]:
    """The running world, which is put back."""
    found = control(stack)
    yield found
    found.reset()


def denying(running: Control) -> list[dict[str, object]]:
    """The group of the build subnet with a rule that denies everything inbound."""
    groups = [each for each in running.world() if str(each["id"]).endswith("/networkSecurityGroups/build-nsg")]
    return [
        {**each, "properties": {**each["properties"], "securityRules": [{"name": "Deny", "properties": DENY}]}}
        for each in groups
    ]


async def test_a_drop_is_silent_and_told(stack: Stack, world: Control) -> None:
    """Under a deny at the proxy a client hears nothing, its attempt has a sentence, and a reset heals it."""
    assert await met(exact(stack), 20.0) == SERVED
    since = wall_time()

    world.apply(denying(world))
    await until_met(exact(stack), {"<silent>"}, 30.0)
    told = await observed(stack).first(is_record("drop", "load-balancer"), since)
    world.reset()
    await until_met(exact(stack), {SERVED}, 60.0)

    assert "source unknown" in told["sentence"]
