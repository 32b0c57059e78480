"""A hop is killed, paused, started anew or cut off under clients at work: what they see, and how it heals."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

import pytest

from emulator.clock import wall_time
from emulator.control.engine import Composed
from tests.containers.clients import (
    SERVED,
    Event,
    Seen,
    Session,
    exact,
    is_event,
    is_record,
    met,
    observed,
    session,
    until_met,
)
from tests.containers.stack import HOPS, Stack, docker

pytestmark = [
    pytest.mark.containers,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("containers"),
]
INTERVAL, THRESHOLD = 1.0, 2
"""Of the quick channel's probes, in real seconds."""
START = 30.0
"""Real seconds for a container's start on a busy machine, beyond what probes take."""
HEALS = THRESHOLD * INTERVAL + START
CONNECTED, SILENT, CLOSED = {"<connected>"}, {"<silent>"}, {"<closed>"}
NOBODY = {"<silent>", "<unreachable>"}
HELPED = {SERVED}
Wanted = Callable[[Event], bool]
PROXY_LEFT, BALANCER_LEFT = is_event("HopLeft", "proxy"), is_event("HopLeft", "load-balancer")


def down(event: Event) -> bool:
    """Whether the balancer believes the proxy down for Linux; the other probe is another matter."""
    told = is_event("BackendDown", "load-balancer", backend="proxy")
    return told(event) and str(event["data"]["probe"]).endswith("/probe-60001")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, and what is seen of it.

    Attributes:
        network: what the hop is cut off.
        running: what becomes of a command and of a transfer.
        at_once: what a new connection meets.
        sign: what control is told, after which...
        later: ...a new connection meets this.
        told: what is told of it besides, once it is over.
    """

    hop: str
    does: Literal["kill", "pause", "restart", "cut"]
    running: Seen
    at_once: set[str] = field(default_factory=set)
    sign: Wanted | None = None
    later: set[str] = field(default_factory=set)
    told: tuple[Wanted, ...] = ()
    network: str = ""

    def __str__(self) -> str:
        return "-".join(part for part in (self.hop, self.does, self.network) if part)


def ended(hop: str, by: str) -> Wanted:
    """A record of a connection that a hop says somebody ended."""
    return is_record("close", hop, ended_by=by)


def waited(event: Event) -> bool:
    """Whether a client that was silent itself ended a connection that the build VM did not serve for a while."""
    left = is_record("close", "proxy", ended_by="client", leg="proxy → build-linux", bytes_from_client=0)
    return left(event) and event["age"] >= 1.0


def gave_up(event: Event) -> bool:
    """Whether the proxy ended a client's connection, since the build VM did not answer."""
    gave = is_record("close", "proxy", ended_by="proxy", how="fin", leg="proxy → build-linux")
    return gave(event) and "build-linux at" in event["sentence"] and "did not answer" in event["sentence"]


FAULTS = [
    # A process that dies resets what it carried. Nobody knows before the probe does: who connects then is held; after
    # it nobody answers a SYN. azure.md 8: "RST first, SYN timeout after probe-down", for a machine that is gone.
    Fault("proxy", "kill", "ended", CONNECTED, down, SILENT, (ended("load-balancer", "proxy"), PROXY_LEFT)),
    # A TCP probe is a handshake, and the kernel of a process that hangs still makes it: the probe stays up.
    Fault("proxy", "pause", "silent", CONNECTED, PROXY_LEFT, CONNECTED),
    Fault("proxy", "restart", "ended", told=(ended("proxy", "emulator"), ended("load-balancer", "proxy"))),
    # azure.md 3.5: established flows to a member that is gone learn it only by their own timers.
    Fault("proxy", "cut", "silent", CONNECTED, down, SILENT, network="build"),
    Fault("load-balancer", "kill", "ended", NOBODY, BALANCER_LEFT, NOBODY, (ended("proxy", "client"),)),
    Fault("load-balancer", "pause", "silent", CONNECTED, BALANCER_LEFT, CONNECTED),
    Fault("load-balancer", "restart", "ended", told=(ended("load-balancer", "emulator"),)),
    Fault("load-balancer", "cut", "silent", CONNECTED, down, SILENT, network="build"),
    # azure.md 3.4: the probe is the proxy's: a build VM that is down takes none out. The proxy tries, and then ends.
    Fault("build-linux", "kill", "ended", CONNECTED, gave_up, CONNECTED, (ended("proxy", "build-linux"),)),
    Fault("build-linux", "pause", "silent", CONNECTED, told=(waited,)),
    Fault("build-linux", "restart", "ended", told=(ended("proxy", "build-linux"),)),
    Fault("build-linux", "cut", "silent", CONNECTED, gave_up, CONNECTED, network="build"),
    # Whoever rules the hops is not on the way: clients notice nothing, and what happened meanwhile is told later.
    Fault("control", "kill", "goes on", HELPED, told=(ended("proxy", "client"), ended("load-balancer", "client"))),
    Fault("control", "pause", "goes on", HELPED),
    Fault("control", "restart", "goes on"),
    Fault("control", "cut", "goes on", HELPED, PROXY_LEFT, HELPED, network="control"),
]
FURTHER = [
    Fault("proxy", "cut", "goes on", HELPED, PROXY_LEFT, HELPED, network="control"),
    Fault("load-balancer", "cut", "silent", NOBODY, network="service"),
    Fault("load-balancer", "cut", "goes on", HELPED, BALANCER_LEFT, HELPED, network="control"),
]
JOINS = {
    "proxy": ("proxy",),
    "load-balancer": ("load-balancer",),
    "build-linux": (),
    "control": ("proxy", "load-balancer"),
}
"""Who joins control anew when a hop comes back."""


@contextlib.asynccontextmanager
async def at_work(stack: Stack, key: Path) -> AsyncIterator[tuple[Session, Session]]:
    """A command and a transfer that run."""
    where = exact(stack)
    async with session(key, where, "cat") as command, session(key, where, "cat /dev/zero") as transfer:
        await asyncio.gather(command.starts(), transfer.starts())
        yield command, transfer


@contextlib.asynccontextmanager
async def broken(stack: Stack, fault: Fault) -> AsyncIterator[None]:
    """The fault, until the body ends."""
    composed = Composed(stack.project)
    address = None
    if fault.does == "cut":
        address = await asyncio.to_thread(composed.cut, fault.hop, fault.network)
    else:
        await asyncio.to_thread(getattr(composed, fault.does), fault.hop)
    try:
        yield
    finally:
        if fault.does == "cut":
            await asyncio.to_thread(composed.mend, fault.hop, fault.network, address)
        elif fault.does != "restart":
            await asyncio.to_thread(composed.resume if fault.does == "pause" else composed.start, fault.hop)


async def one_round(stack: Stack, key: Path, fault: Fault) -> None:
    """Break the channel under work, look, heal it, and look again."""
    since, began = wall_time(), time.monotonic()
    async with at_work(stack, key) as running:
        async with broken(stack, fault):
            if fault.does != "restart":
                await look(stack, fault, since)
            assert await asyncio.gather(*(each.sees() for each in running)) == [fault.running] * 2
            mended = wall_time()
        await until_met(exact(stack), HELPED, HEALS)
        if fault.running != "ended":
            for each in running:
                await goes_on(each, HEALS + time.monotonic() - began)
    await back(stack, fault, since if fault.does == "restart" else mended)
    told = observed(stack)
    for wanted in fault.told:
        await told.first(wanted, since)


async def look(stack: Stack, fault: Fault, since: str) -> None:
    """What new connections meet, before and after control is told."""
    where = exact(stack)
    first = await met(where)
    assert first in fault.at_once
    if fault.sign is not None:
        await observed(stack).first(fault.sign, since)
        assert await met(where) in fault.later


async def goes_on(running: Session, seconds: float) -> None:
    """A session that was silent goes on, once TCP has sent anew what was lost, after as long again."""
    async with asyncio.timeout(seconds):
        while (now := await running.sees()) == "silent":
            pass
    assert now == "goes on"


async def back(stack: Stack, fault: Fault, since: str) -> None:
    """The hop has joined again by itself, and its probe was believed in time."""
    if fault.hop == "control" and fault.does in ("kill", "restart"):
        await asyncio.to_thread(stack.up, "--no-recreate", "control")
    told = observed(stack)
    noticed = fault.does in ("kill", "restart") or fault.sign in (PROXY_LEFT, BALANCER_LEFT)
    joined = [await told.first(is_event("HopJoined", hop), since) for hop in JOINS[fault.hop] if noticed]
    if fault.hop == "proxy" and fault.does == "kill":
        up = await told.first(is_event("BackendUp", backend="proxy"), joined[0]["time"])
        assert seconds(joined[0], up) <= THRESHOLD * INTERVAL + 1
    states = {hop["name"]: hop["state"] for hop in told.control.status()["hops"]}
    assert set(states.values()) == {"up"}, states


def seconds(first: Event, second: Event) -> float:
    """The time between two events."""
    return (datetime.fromisoformat(second["time"]) - datetime.fromisoformat(first["time"])).total_seconds()


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_a_fault_is_seen_told_and_heals(quick: Stack, key_file: Path, fault: Fault) -> None:
    """Under a fault clients see what Azure's would, control is told whose it is, and all goes on when it is over."""
    await one_round(quick, key_file, fault)


@pytest.mark.parametrize("fault", FURTHER, ids=str)
async def test_a_cut_elsewhere_is_seen_too(quick: Stack, key_file: Path, fault: Fault) -> None:
    """A hop that is cut off control plays on; a balancer that is cut off its clients is gone for them."""
    await one_round(quick, key_file, fault)


async def test_a_proxy_that_moved_is_found(quick: Stack, key_file: Path) -> None:
    """A proxy that gets another address when it is put back on its network says so, and carries again."""
    composed, address = Composed(quick.project), quick.address("proxy", "build")
    await asyncio.to_thread(composed.cut, "proxy", "build")
    with squatting(quick, address):
        since = wall_time()
        await asyncio.to_thread(composed.mend, "proxy", "build")
        moved = await observed(quick).first(is_event("HopMoved", "proxy"), since)
        await until_met(exact(quick), HELPED, HEALS)

    assert moved["data"]["address"] == quick.address("proxy", "build") != address


@contextlib.contextmanager
def squatting(stack: Stack, address: str) -> Iterator[None]:
    """A stranger has an address on `build`."""
    name = f"{stack.project}-squatter"
    options = ("--network", stack.network("build"), "--ip", address, "--entrypoint", "sleep")
    docker("run", "--detach", "--rm", "--name", name, *options, stack.image("build-linux"), "infinity")
    try:
        yield
    finally:
        docker("rm", "--force", name)


async def test_a_proxy_starts_without_its_build_vm(quick: Stack) -> None:
    """A proxy that is started anew while the build VM is gone joins, and carries once the build VM is back."""
    composed, since = Composed(quick.project), wall_time()
    await asyncio.to_thread(composed.kill, "build-linux")
    try:
        await asyncio.to_thread(composed.restart, "proxy")
        await observed(quick).first(is_event("HopJoined", "proxy"), since)
    finally:
        await asyncio.to_thread(composed.start, "build-linux")

    await until_met(exact(quick), HELPED, HEALS)


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_fifty_rounds_leave_nothing(quick: Stack, key_file: Path) -> None:
    """After fifty faults of every kind in turn nobody is stuck, and no container, network or socket is left over."""
    before = left(quick)
    for _, fault in zip(range(50), itertools.cycle([*FAULTS, *FURTHER])):
        await one_round(quick, key_file, fault)

    async with asyncio.timeout(60):
        while (after := await asyncio.to_thread(left, quick)) != before:
            pass
    assert after == before


def left(stack: Stack) -> dict[str, int]:
    """How many containers and networks a project has, and each hop sockets."""
    label = ("--quiet", "--filter", f"label=com.docker.compose.project={stack.project}")
    counts = {
        "containers": len(docker("ps", "--all", *label).stdout.split()),
        "networks": len(docker("network", "ls", *label).stdout.split()),
    }
    return counts | {hop: sockets(stack, hop) for hop in HOPS}


def sockets(stack: Stack, hop: str) -> int:
    """How many sockets the first process of a hop has."""
    seeing = ("--pid", f"container:{stack.container(hop)}", "--cap-add", "SYS_PTRACE", "--network", "none")
    command = ("--entrypoint", "ls", stack.image("build-linux"), "-l", "/proc/1/fd")
    return docker("run", "--rm", *seeing, *command).stdout.count("socket:")
