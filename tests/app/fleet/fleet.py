"""A whole fleet in one process, on loopback: control, a load balancer, proxies, and build VMs of their own."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from emulator.app.config import load_config
from emulator.app.fleet.control import Fleet, controlling
from emulator.app.fleet.hop import Hop, HopSettings, playing
from emulator.app.fleet.messages import FleetRole
from emulator.machines.child import machine
from emulator.machines.settings import GuestChoice, MachineSettings
from emulator.model.world import SYSTEMS, System
from emulator.net.addresses import Loopback
from emulator.net.listener import bind
from emulator.observe import Event

PASSWORD = "Fleet-passw0rd"


@dataclass(slots=True)
class Running:
    """The fleet under test; each hop runs in a task of its own, as it would in a process."""

    fleet: Fleet
    builds: dict[str, str]
    folder: Path
    group: asyncio.TaskGroup
    loopback: Loopback = field(default_factory=Loopback)
    hops: dict[str, Hop] = field(default_factory=dict)
    tasks: dict[str, tuple[asyncio.Task[None], asyncio.Event]] = field(default_factory=dict)

    async def start(self, role: FleetRole, instance: str) -> Hop:
        """Start a hop; it is stopped by `stop`, or with the fleet."""
        host = self.loopback.of(IPv4Address(f"192.0.2.{sum(instance.encode()) % 200}"))
        settings = HopSettings(role, host, self.fleet.control, self.token(), self.builds, instance)
        ready: asyncio.Future[Hop] = asyncio.get_running_loop().create_future()
        stop = asyncio.Event()
        self.tasks[instance] = self.group.create_task(_play(settings, ready, stop)), stop
        self.hops[instance] = await ready
        return self.hops[instance]

    def token(self) -> str:
        """What control wrote where hops look."""
        return (self.folder / "token").read_text().strip()

    async def stop(self, instance: str) -> None:
        """Stop a hop: its sockets close."""
        del self.hops[instance]
        task, stop = self.tasks.pop(instance)
        stop.set()
        await task

    async def until(self, wanted: Callable[[], bool], seconds: float = 15.0) -> None:
        """Wait until something is true; it is looked at after every event that control hears."""
        async with asyncio.timeout(seconds):
            while not wanted():
                await self._news()

    async def _news(self) -> None:
        """Something may have changed: a hop's scene, or what control knows."""
        changes = [hop.scene.changed.wait() for hop in self.hops.values()] + [self.fleet.news.wait()]
        waiting = [asyncio.ensure_future(each) for each in changes]  # noqa: TID251 - ended below, whatever happens
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()


async def _play(settings: HopSettings, ready: "asyncio.Future[Hop]", stop: asyncio.Event) -> None:
    async with playing(settings) as hop:
        ready.set_result(hop)
        await stop.wait()


def ignore(event: Event) -> None:
    """Nobody asks the build VMs."""


@contextlib.asynccontextmanager
async def build_vms(guest: GuestChoice = "builtin") -> AsyncIterator[dict[str, str]]:
    """Both build VMs, as processes that know nothing of hops; yields where they are."""
    async with contextlib.AsyncExitStack() as stack:
        found: dict[str, str] = {}
        for system in SYSTEMS:
            name = f"build-{system}"
            bound = stack.enter_context(contextlib.closing(bind("127.0.0.1", 0)))
            settings = MachineSettings(system, name, "10.60.0.8", "packer", PASSWORD, guest=guest)
            await stack.enter_async_context(machine(settings, bound, ignore))
            found[name] = f"127.0.0.1:{bound.getsockname()[1]}"
        yield found


@contextlib.asynccontextmanager
async def running(proxies: int = 1, guest: GuestChoice = "builtin", **settings: Any) -> AsyncIterator[Running]:
    """A fleet with so many proxies, ready."""
    config = load_config(None, {"listen": "auto", "credentials": {"password": PASSWORD}, **settings})
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        builds = await stack.enter_async_context(build_vms(guest))
        bound = stack.enter_context(contextlib.closing(bind("127.0.0.1", 0)))
        fleet = await stack.enter_async_context(controlling(config, folder, bound, lambda: None))
        async with asyncio.TaskGroup() as group:
            found = Running(fleet, builds, folder, group)
            for number in range(1, proxies + 1):
                await found.start("proxy", f"proxy-host-{number}")
            await found.start("load-balancer", "balancer-host")
            await found.until(lambda: fleet.status.ready)
            try:
                yield found
            finally:
                for instance in list(found.tasks)[::-1]:
                    await found.stop(instance)


def entry(found: Running, system: System = "linux") -> tuple[str, int]:
    """Where a client dials."""
    return found.hops["balancer-host"].gates[system].address
