"""The states of machines, set live, as a client meets them (azure.md 8)."""

import asyncio

import pytest

from emulator.app.channel import Channel
from emulator.app.machines import STATES, machine_state
from emulator.errors import InvalidInputError
from emulator.observe import Observation, Record
from tests.app.test_run import attempt, client, connects, entry, hears, quick, seen

pytestmark = pytest.mark.network
HURRY = {"time_scale": 10, "switches": {"proxy_connect_timeout": 5}}


async def until_state(channel: Channel, hop: str, state: str) -> None:
    """Wait until a machine has come into a state."""
    async with asyncio.timeout(20):
        async for event in channel.follow():
            if not isinstance(event, Observation) or event.event != "MachineStateChanged":
                continue
            if (event.hop, event.data["state"]) == (hop, state):
                return


async def banner(channel: Channel) -> bytes | None:
    """What a fresh client hears of the Linux build VM; nothing at the end of its connection."""
    with client() as connection:
        assert await connects(connection, entry(channel), 2) == "connected"
        return await hears(connection, 5)


async def test_a_firewall_in_the_build_vm() -> None:
    """New connections connect and hear nothing, though groups allow them; open ones go on; it is told as it is."""
    async with quick(**HURRY) as channel:
        with client() as session:
            assert await connects(session, entry(channel), 2) == "connected"
            assert await hears(session, 5)
            await channel.set_machine("build-linux", "guest-firewall")
            assert await banner(channel) == b""
            record = await seen(channel, lambda found: found.reason.name == "GuestFirewall", 5)
            session.send(b"SSH-2.0-client\r\n")
            assert await hears(session, 5)
            await channel.set_machine("build-linux", "running")
            assert (await banner(channel) or b"").startswith(b"SSH-2.0")

    assert (record.hop, record.leg) == ("proxy", "proxy → build-linux")
    assert "security groups know nothing of that" in record.sentence


async def test_a_proxy_that_is_deallocated() -> None:
    """New connections meet silence; an open one is never heard of again; both hops' records name the proxy."""
    async with quick(**HURRY) as channel:
        with client() as session:
            assert await connects(session, entry(channel), 2) == "connected"
            assert await hears(session, 5)
            await channel.set_machine("proxy", "deallocated")
            assert channel.status.paths["linux"].outcome == "denied"
            assert await attempt(channel) == "silent"
            assert await hears(session, 0.5) is None
            gone = [each for each in channel.events() if isinstance(each, Record) and each.how == "drop"]
            await channel.set_machine("proxy", "running")
            await seen_up(channel)
            assert (await banner(channel) or b"").startswith(b"SSH-2.0")
        status = {hop.name: hop.state for hop in channel.status.hops}

    closed = {(each.hop, each.ended_by, each.reason.name) for each in gone if each.kind == "close"}
    assert closed == {("load-balancer", "proxy", "Deallocated"), ("proxy", "proxy", "Deallocated")}
    assert status["proxy"] == "up"


async def seen_up(channel: Channel) -> None:
    """Wait until the balancer believes in the proxy again."""
    async with asyncio.timeout(10):
        while not channel.scene.condition.healthy:
            await channel.scene.changed.wait()
    async with asyncio.timeout(10):
        while len(channel.scene.condition.healthy) < 2:
            await channel.scene.changed.wait()


async def test_behaviour_12_a_build_vm_that_reboots() -> None:
    """Silence, then refusals, then it is back, and the proxy's leg stays up throughout (section 9, 12)."""
    async with quick(**HURRY) as channel:
        with client() as session:
            assert await connects(session, entry(channel), 2) == "connected"
            assert await hears(session, 5)
            await channel.set_machine("build-linux", "rebooting")
            lost = await seen(channel, lambda found: found.reason.name == "Rebooting" and found.kind == "close", 2)
            assert await hears(session, 0.3) is None
            await until_state(channel, "build-linux", "service-stopped")
            assert await banner(channel) == b""
            refused = await seen(channel, lambda found: found.reason.name == "ServiceStopped", 5)
            await until_state(channel, "build-linux", "running")
            assert (await banner(channel) or b"").startswith(b"SSH-2.0")
        flips = [each for each in channel.events() if isinstance(each, Observation) and each.event == "BackendDown"]

    assert (lost.hop, lost.ended_by, lost.how) == ("proxy", "build-linux", "drop")
    assert refused.leg == "proxy → build-linux"
    assert flips == []


async def test_a_reboot_can_be_called_off() -> None:
    """Another state ends it."""
    async with quick(**HURRY) as channel:
        await channel.set_machine("build-linux", "rebooting")
        await channel.set_machine("build-linux", "running")
        assert (await banner(channel) or b"").startswith(b"SSH-2.0")
        await channel.scene.clock.sleep(25)
        assert (await banner(channel) or b"").startswith(b"SSH-2.0")


async def test_unknown_machines_and_states() -> None:
    """Both are told with what there is."""
    async with quick() as channel:
        with pytest.raises(InvalidInputError, match=r"hop: found 'nobody', expected one of proxy, build-linux"):
            await channel.set_machine("nobody", "running")
        with pytest.raises(
            InvalidInputError, match=r"state: found 'asleep', expected one of running, service-stopped"
        ):
            await channel.set_machine("proxy", "asleep")
    assert [machine_state(each) for each in STATES] == list(STATES)
