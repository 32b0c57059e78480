"""Azure's behaviour, live, in the composed channel: balancer, private link and PROXY v2."""

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.app.channel import run_at
from emulator.clock import wall_time
from emulator.control.client import Control
from emulator.model import arm
from emulator.model.default_world import default_world
from emulator.model.privatelink import ConnectionState
from emulator.model.resources import Resource
from tests.containers.clients import SERVED, Where, exact, is_event, is_record, observed, until_met
from tests.containers.stack import Stack, settings_folder
from tests.containers.test_channel import endpoint
from tests.containers.test_drops import APPLIED, CONNECTED, LOOK, SILENT, world

pytestmark = [pytest.mark.containers, pytest.mark.timeout(300), pytest.mark.xdist_group("containers")]
__all__ = ["world"]


def without_linux_rule() -> Resource:
    """The balancer without a rule for 60001."""
    found = default_world().balancer
    assert found
    return replace(found, rules=tuple(each for each in found.rules if each.frontend_port == 60000))


def ha_ports() -> Resource:
    """The balancer with one rule for every port."""
    found = default_world().balancer
    assert found
    return replace(found, rules=(replace(found.rules[0], frontend_port=0, backend_port=0, protocol="All"),))


def connection(state: ConnectionState, *, proxy_protocol: bool = False) -> Resource:
    """The service with its connection in a state."""
    found = default_world().service
    assert found
    (own,) = found.connections
    return replace(found, connections=(replace(own, state=state),), proxy_protocol=proxy_protocol)


async def test_a_port_without_a_rule_is_silent(quick: Stack, world: Control) -> None:
    """The rule for 60001 gone, nobody answers there, and the record says so; HA ports serve it again."""
    since = wall_time()
    world.apply([arm.dump(without_linux_rule())])
    await until_met(exact(quick), {SILENT}, APPLIED + LOOK)
    told = await observed(quick).first(is_record("drop", "load-balancer"), since)
    world.apply([arm.dump(ha_ports())])
    await until_met(exact(quick), {SERVED}, APPLIED + LOOK)

    assert told["reason"]["name"] == "NoLoadBalancingRule"


async def test_the_provider_rejects_and_approves(quick: Stack, world: Control) -> None:
    """The service's owner decides, live, for both sides."""
    world.apply([arm.dump(connection("Rejected"))])
    await until_met(exact(quick), {SILENT}, APPLIED + LOOK)
    world.apply([arm.dump(connection("Approved"))])
    await until_met(exact(quick), {SERVED}, APPLIED + LOOK)


async def until_hung_up(where: Where) -> None:
    """Stay connected, and say nothing, until the far end has had enough."""
    async with asyncio.timeout(60):
        reader, writer = await asyncio.open_connection(*where)
        with contextlib.suppress(OSError):
            await reader.read()
        writer.close()


async def test_a_header_that_nobody_reads_reaches_openssh(quick: Stack, world: Control) -> None:
    """`enableProxyProtocol` with a proxy VM that does not expect it: OpenSSH hangs up, and the proxy says why."""
    since = wall_time()
    world.apply([arm.dump(connection("Approved", proxy_protocol=True))])
    closes = is_record("close", "proxy")
    await until_met(exact(quick), {SERVED, CONNECTED, "<closed>"}, APPLIED + LOOK)
    await until_hung_up(exact(quick))
    told = await observed(quick).first(
        lambda each: closes(each) and each["reason"]["name"] == "ProxyProtocolMismatch", since
    )
    refused = observed(quick)(is_event("HopHeaderRefused", "proxy"), since)

    assert "the proxy VM passes the header on as its client's bytes" in told["sentence"]
    assert refused == []  # probes carry a header, too, and are known for what they are


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["http-connect", "socks5"])
async def test_a_proxy_that_is_told_its_target(built: Stack, tmp_path: Path, mode: str) -> None:
    """With `proxy_mode` set, `status` says what to ask for, and commands reach both build VMs."""
    folder = settings_folder(tmp_path, f"switches: {{proxy_mode: {mode}}}\n")
    with built.beside(mode, AIB_EMULATOR_CONFIG_FOLDER=str(folder)).running() as stack:
        linux, windows = endpoint(stack, "linux"), endpoint(stack, "windows")
        said = await run_at(linux, "linux", "hostname", seconds=60)
        told = await run_at(windows, "windows", "echo hello", seconds=60)

    assert (linux.mode, linux.target) == (mode, "10.60.0.8:22")
    assert (said.stdout, told.stdout) == (b"build-linux\n", b"hello\r\n")
