"""The composed channel denied, from this machine and from the client container: who hears what, and is told what."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from emulator.clock import wall_time
from emulator.control.client import Control
from emulator.model import arm
from tests.app.test_run import deny
from tests.containers.clients import (
    SERVED,
    control,
    exact,
    is_event,
    is_record,
    met,
    observed,
    published,
    until_met,
)
from tests.containers.stack import ROOT, Stack
from tests.worlds import nsg

pytestmark = [pytest.mark.containers, pytest.mark.timeout(300), pytest.mark.xdist_group("containers")]
SILENT, CONNECTED = "<silent>", "<connected>"
APPLIED = 1.0
"""Real seconds in which hops play what control was given."""
LOOK = 2.0
"""Real seconds in which a connection shows whether they do."""
PROBED = 2 * 1.0
"""Real seconds in which the quick channel's probes fail, or succeed, often enough."""


@pytest_asyncio.fixture
async def world(quick: Stack) -> AsyncIterator[Control]:
    """The quick channel's control; the world is put back, and the channel carries again."""
    found = control(quick)
    yield found
    found.reset()
    await until_met(exact(quick), {SERVED}, 2 * PROBED + LOOK)


def from_client(stack: Stack) -> str:
    """What a new connection of the client's container meets at the private endpoint."""
    where = f"{stack.service_net}.5:60001"
    heard = stack.dial("client", [where])[where]
    return SERVED if heard.startswith(SERVED) else heard


def unapproved(found: Control) -> dict[str, Any]:
    """The private endpoint, refused by who owns the service."""
    (endpoint,) = (each for each in found.world() if each["type"] == "Microsoft.Network/privateEndpoints")
    (connection,) = endpoint["properties"]["privateLinkServiceConnections"]
    connection["properties"]["privateLinkServiceConnectionState"] = {"status": "Rejected"}
    return dict(endpoint)


@pytest.mark.parametrize("what", ["deny", "endpoint"])
async def test_a_drop_is_silent_and_told(quick: Stack, world: Control, what: str) -> None:
    """A denied leg, or an endpoint that is not approved, is silence from host and client alike, within a second."""
    since = wall_time()
    world.apply([arm.dump(deny("NoProxy", 300, 60001)) if what == "deny" else unapproved(world)])
    await until_met(exact(quick), {SILENT}, APPLIED + LOOK)
    told = await observed(quick).first(is_record("drop", "load-balancer"), since)

    assert from_client(quick) == SILENT
    assert ("NoProxy" if what == "deny" else "Rejected") in told["sentence"]
    assert told["leg"] == ("load-balancer → proxy" if what == "deny" else "client → private-endpoint")
    assert "source unknown" in told["sentence"]
    assert told["approximated"] is False


async def test_without_a_healthy_proxy_nobody_answers(quick: Stack, world: Control) -> None:
    """Once all probes are down a SYN has no answer, neither for the host nor for the client."""
    since = wall_time()
    world.apply([arm.dump(nsg("100 deny in AzureLoadBalancer -> *:60001"))])
    down = await observed(quick).first(is_event("BackendDown", "load-balancer"), since)

    assert "deny-100" in down["sentence"]
    assert await met(exact(quick)) == SILENT
    assert from_client(quick) == SILENT
    told = await observed(quick).first(is_record("drop", "load-balancer"), since)
    assert "has no healthy backend" in told["sentence"]


async def test_at_the_published_port_a_drop_is_approximated(quick: Stack, world: Control) -> None:
    """At 127.0.0.1 the engine answers for the channel: a client connects to silence, and the record says so."""
    since = wall_time()
    world.apply([arm.dump(deny("NoProxy", 300, 60001))])
    await until_met(exact(quick), {SILENT}, APPLIED + LOOK)

    assert await met(published(quick, "LINUX")) == CONNECTED
    told = await observed(quick).first(is_record("drop", "load-balancer", approximated=True), since)
    assert "NoProxy" in told["sentence"]
    assert told["sentence"].endswith("(approximated: Docker's own proxy answered a client of 127.0.0.1 first)")


async def test_a_dead_second_segment_connects(quick: Stack, world: Control) -> None:
    """A deny between proxy and build VM connects, says nothing, then ends; the record names rule and hop."""
    since = wall_time()
    world.apply([arm.dump(deny("NoSsh", 300, 22))])
    await until_met(exact(quick), {CONNECTED}, APPLIED + LOOK)

    assert from_client(quick) == CONNECTED
    assert await met(published(quick, "LINUX")) == CONNECTED
    assert await met(exact(quick), 30.0) == "<closed>"
    told = await observed(quick).first(is_record("close", "proxy", ended_by="proxy", how="fin"), since)
    assert (told["leg"], told["reason"]["name"]) == ("proxy → build-linux", "NoSsh")


@pytest.mark.slow
async def test_without_net_admin_it_says_what_is_lost(built: Stack, tmp_path: Path) -> None:
    """Where hops may not have NET_ADMIN the channel carries and drops, and status says what is approximated."""
    without = tmp_path / "without.yaml"
    rights = "cap_add: !override [SETUID, SETGID, SETPCAP]"
    without.write_text(f"services:\n  load-balancer:\n    {rights}\n  proxy:\n    {rights}\n", "utf-8")
    files = f"{ROOT / 'compose.yaml'}:{without}"
    with built.beside("without", COMPOSE_FILE=files).running() as stack:
        found = control(stack)
        assert await met(exact(stack)) == SERVED
        found.apply([arm.dump(deny("NoProxy", 300, 60001))])
        await until_met(exact(stack), {SILENT}, APPLIED + LOOK)
        lost = found.status()["approximated"]

    assert "without CAP_NET_ADMIN" in str(lost)
