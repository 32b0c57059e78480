"""A network exported from Azure, played: what `explain` says of it is what a real client then meets."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Literal

import pytest

from emulator import explain
from emulator.app.channel import Channel
from emulator.app.run import start
from emulator.app.trial import client_hello
from emulator.app.worlds import load_world
from emulator.errors import InvalidInputError, NotLoadedError
from emulator.model.network import SecurityGroup
from emulator.model.world import SYSTEMS, System, World, build_role
from emulator.net import filters
from emulator.reason import Outcome
from emulator.rules import condition
from emulator.rules.legs import Path as FlowPath
from tests.rules.test_path import VECTORS
from tests.worlds import rule

pytestmark = pytest.mark.network
EXPORT = Path(__file__).parents[1] / "data" / "export"
SHAPES = ("rest", "cli", "powershell")
SCALE = 20


@contextlib.asynccontextmanager
async def played(shape: str, data: Literal["match_nat_ip", "bypass"] = "match_nat_ip") -> AsyncIterator[Channel]:
    """The channel of an export, twenty times as fast."""
    async with start(
        resources=EXPORT / shape, guest="builtin", switches={"pls_data_nsg": data}, time_scale=SCALE
    ) as channel:
        yield channel


@pytest.mark.parametrize("shape", SHAPES)
async def test_an_export_is_played(shape: str) -> None:
    """In each shape an export is played with its own addresses, and commands reach both build VMs."""
    async with played(shape) as channel:
        linux = await channel.run("linux", "echo through")
        windows = await channel.run("windows", "echo through")
        hops = {hop.name: hop.address for hop in channel.status.hops}

    assert (linux.stdout, windows.stdout) == (b"through\n", b"through\r\n")
    assert hops == {
        "load-balancer": "10.30.0.68",
        "proxy": "10.20.1.7",
        "build-linux": "10.20.1.8",
        "build-windows": "10.20.1.9",
        "control": "",
    }


def build_group(world: World) -> SecurityGroup:
    """The security group of the subnet that builds run in."""
    assert world.parts.subnet
    group = world.group(world.subnet(world.parts.subnet).group)
    assert group
    return group


def under(group: SecurityGroup, rules: tuple[str, ...]) -> SecurityGroup:
    """The group with these rules and no other."""
    return replace(group, rules=tuple(rule(text) for text in rules))


async def settled(channel: Channel) -> None:
    """Wait until the balancer believes of every probe what the groups make of it."""
    wanted = condition.assumed(channel.world).healthy
    async with asyncio.timeout(10):
        async for _ in channel.follow():
            if channel.scene.condition.healthy == wanted:
                return


async def met(channel: Channel, system: System) -> str:
    """What a client meets: `silent`, `refused`, `connected` and nothing more, or `served`."""
    loop = asyncio.get_running_loop()
    endpoint = channel.status.endpoints[system]
    with contextlib.closing(socket.socket()) as client:
        client.setblocking(False)
        try:
            async with asyncio.timeout(0.4):
                await loop.sock_connect(client, (endpoint.host, endpoint.port))
        except TimeoutError:
            return "silent"
        except ConnectionRefusedError:
            return "refused"
        if system == "windows":
            await loop.sock_sendall(client, client_hello())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.4):
                return "served" if await loop.sock_recv(client, 65536) else "closed"
        return "connected"


def foretold(said: FlowPath) -> str:
    """The same, out of what `explain` says."""
    end = said.end()
    if end.verdict.carried:
        return "served"
    if end.segment == 2:
        return "connected"
    return "silent" if end.verdict.outcome is Outcome.DROPPED else "refused"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("data", ["match_nat_ip", "bypass"])
async def test_explain_agrees_with_a_real_client(data: Literal["match_nat_ip", "bypass"]) -> None:
    """For every row of azure.md 8.1, in both readings: each system's client meets what `explain` foretells."""
    if filters.supported() is not None:
        pytest.skip("a drop for some sources only needs socket filters to be silent")
    async with played("rest", data) as channel:
        group = build_group(channel.world)
        for rules, strict, bypass in VECTORS:
            await channel.apply(under(group, rules))
            await settled(channel)
            for system in SYSTEMS:
                said = explain(channel.world, target=build_role(system))
                assert (await met(channel, system), system, rules) == (foretold(said), system, rules)
            expected = strict if data == "match_nat_ip" else bypass
            end = explain(channel.world).end()
            if all_probes_up(channel):
                assert f"{end.name}: {end.verdict.outcome.value}, {end.verdict.reason.name}" == expected


def all_probes_up(channel: Channel) -> bool:
    """Whether the balancer believes the proxy up for both of its ports."""
    return len(channel.scene.condition.healthy) == 2


async def test_a_lone_rule_is_applied_live() -> None:
    """A rule as `az network nsg rule show` prints it joins its group at once; reset takes it out again."""
    async with played("cli") as channel:
        group = build_group(channel.world)
        deny = {
            "id": f"{group.id}/securityRules/NoSsh",
            "name": "NoSsh",
            "access": "Deny",
            "direction": "Inbound",
            "priority": 200,
            "protocol": "Tcp",
            "sourceAddressPrefix": "*",
            "sourcePortRange": "*",
            "destinationAddressPrefix": "*",
            "destinationPortRange": "22",
        }
        await channel.apply(deny)
        during = channel.status.paths["linux"]
        await channel.reset()
        after = channel.status.paths["linux"]

    assert (during.outcome, "NoSsh" in during.reason) == ("denied", True)
    assert after.outcome == "carried"


async def test_a_hop_does_not_move_while_it_runs() -> None:
    """A resource that gives a running hop another address is refused, and the world stays as it was."""
    async with played("rest") as channel:
        before = channel.world
        nic = before.interface_of(before.proxies[0])
        moved = replace(nic, configurations=(replace(nic.configurations[0], address=IPv4Address("10.20.1.99")),))
        with pytest.raises(InvalidInputError, match=r"address of proxy: found 10\.20\.1\.99, expected 10\.20\.1\.7"):
            await channel.apply(moved)
        assert channel.world is before


async def test_what_the_channel_needs_must_be_there(tmp_path: Path) -> None:
    """An export without the build subnet's security group does not start, and says what is missing."""
    for file in (EXPORT / "rest").glob("*.json"):
        if file.name != "nsgs.json":
            (tmp_path / file.name).write_bytes(file.read_bytes())

    assert any("nsg-build was not loaded" in warning for warning in load_world(tmp_path).warnings)
    with pytest.raises(NotLoadedError, match=r"network security group .*/nsg-build was not loaded"):
        async with start(resources=tmp_path, guest="builtin"):
            raise AssertionError("it must not start")
