"""A hop in a process of its own: it plays its part of the world that control tells, and tells what happens."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from emulator.app.channel import decided
from emulator.app.faults import hops_of, read_all
from emulator.app.fleet.gateway import routing
from emulator.app.fleet.link import Link, linked
from emulator.app.fleet.messages import FleetRole, Hello, Report, Scenery
from emulator.app.fleet.places import LOOK_AGAIN, Places
from emulator.app.fleet.registry import member_of
from emulator.app.fleet.world import unpacked
from emulator.app.outbound.atlas import Atlas
from emulator.app.outbound.outlet import Outlet
from emulator.app.status import PathState
from emulator.app.trial import ask_of, trial
from emulator.clock import Clock
from emulator.errors import InvalidInputError, PeerError, UnavailableError
from emulator.model.world import PROXY_PORTS, SYSTEMS, System, World, build_role
from emulator.net import filters
from emulator.net.entry import entry
from emulator.net.gate import Gate
from emulator.net.listener import bind
from emulator.net.pipes import PipePool, pipe_pool
from emulator.net.prober import probing
from emulator.net.proxy import proxy
from emulator.net.scene import Scene
from emulator.net.traffic import traffic
from emulator.rules.faults.fault import Fault

EVERYWHERE = "0.0.0.0"
PATIENCE = 60.0
"""Real seconds for control's first word: its container may still be on its way."""
BUILDS = frozenset(build_role(system) for system in SYSTEMS)
"""None of them understands the hop header: in containers they are machines of their own."""
PUBLISHED = "Docker's own proxy answered a client of 127.0.0.1 first"
UNTRIED = PathState("failed", "not tried yet")
TRY_AGAIN = 0.5
"""Real seconds between two trials of a path that failed: the build VM may still be on its way."""


@dataclass(frozen=True, slots=True)
class HopSettings:
    """How a hop finds the others.

    Attributes:
        host: where it listens.
        control: control's URL.
        token: control's; empty on the hops' own network, where none is asked for.
        builds: by hop, the host names of the build VMs, with a port where it is not Azure's.
        instance: names this hop's machine.
        ports: where it listens, if not on Azure's own; 0 takes a free one.
        router: the address on the build's network that the gateway takes beside its own.
        published: where besides, what the engine's own proxy carries in from the ports that it publishes.
    """

    role: FleetRole
    host: str
    control: str
    token: str
    builds: Mapping[str, str]
    instance: str = field(default_factory=socket.gethostname)
    ports: Mapping[System, int] | None = None
    router: str = ""
    published: Mapping[System, int] = field(default_factory=dict)


def from_environment(role: FleetRole, host: str, environ: Mapping[str, str] = os.environ) -> HopSettings:
    """The settings of a hop in a container.

    Raises:
        InvalidInputError: a port is none.
        UnavailableError: nothing says where control is.
    """
    token = environ.get("AIB_EMULATOR_TOKEN", "")
    if not token and "AIB_EMULATOR_CONTROL" not in environ:
        raise UnavailableError("no control: AIB_EMULATOR_CONTROL names its URL, and AIB_EMULATOR_TOKEN its token")
    builds: dict[str, str] = {
        name: environ.get(f"AIB_EMULATOR_{name.upper().replace('-', '_')}", name)
        for name in (build_role(system) for system in SYSTEMS)
    }
    control = environ.get("AIB_EMULATOR_CONTROL", "http://control:8060")
    ports = {system: environ.get(f"AIB_EMULATOR_PUBLISHED_{system.upper()}", "") for system in SYSTEMS}
    published = {system: _port(system, text) for system, text in ports.items() if text and role == "load-balancer"}
    router = environ.get("AIB_EMULATOR_ROUTER", "")
    if role == "gateway" and not router:
        raise UnavailableError("no router: AIB_EMULATOR_ROUTER names the address that build VMs send everything to")
    return HopSettings(role, host, control, token, builds, router=router, published=published)


def _port(system: System, text: str) -> int:
    if text.isdecimal() and int(text) < 1 << 16:
        return int(text)
    raise InvalidInputError(f"AIB_EMULATOR_PUBLISHED_{system.upper()}: found {text}, expected a port, 0 to 65535")


def own_address(towards: str) -> str:
    """The address that this machine has on the network of another, and so by which it can be reached from there.

    Raises:
        UnavailableError: there is no way to it but through others.
    """
    try:
        with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_DONTROUTE, 1)
            probe.connect((towards, 9))  # nothing is sent
            return str(probe.getsockname()[0])
    except OSError as error:
        raise UnavailableError(f"no way to {towards}: {error}") from None


async def _own_address(builds: Iterable[str]) -> str:
    """The address on the network of the build VMs, as soon as one of them is known there.

    Raises:
        UnavailableError: none was, for as long as a hop waits.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE
    while True:
        for name in builds:
            try:
                return await asyncio.to_thread(own_address, name.partition(":")[0])
            except UnavailableError as error:
                reason = error
        if loop.time() > until:
            raise reason
        await asyncio.sleep(TRY_AGAIN)


class Hop:
    """What both roles share: the scene, and following control."""

    def __init__(self, settings: HopSettings, link: Link, scene: Scene, places: Places) -> None:
        self.settings = settings
        self.link = link
        self.scene = scene
        self.places = places
        self.gates: dict[System, Gate] = {}
        self.published: dict[System, Gate] = {}
        self.paths: dict[str, PathState] = {}
        self.outlet: Outlet | None = None

    async def follow(self) -> None:
        """Play each scenery that control sends, for ever."""
        while True:
            news = self.link.news
            self.play()
            await news.wait()

    def play(self) -> None:
        """Play the newest scenery."""
        scenery = self.link.scenery
        if scenery is not None:
            world = unpacked(scenery.world)
            self.places.update(world, scenery.places)
            self.scene.ports = self.places.ports(world)
            self.scene.clock = Clock(scenery.time_scale)
            self.scene.key = bytes.fromhex(scenery.key)
            silent = frozenset((hop, why) for hop, why in scenery.silent)
            condition = replace(self.scene.condition, stopped=frozenset(scenery.stopped), silent=silent)
            self.scene.change(world=world, condition=condition, faults=_faults(scenery, world))

    async def look(self) -> None:
        """Look for the build VMs by their names, and at our own address among them, again and again."""
        while True:
            if await self.places.look():
                self.play()
            self._look_at_ourselves()
            await asyncio.sleep(LOOK_AGAIN)

    def _look_at_ourselves(self) -> None:
        if self.settings.host != EVERYWHERE:
            return
        for place in self.places.found():
            with contextlib.suppress(UnavailableError):  # off that network for now
                now = own_address(place)
                if now != self.link.hello.address:
                    self.link.moved(now)
                    self.link.report(self.report())
                return

    async def tell(self) -> None:
        """Tell control how this hop is, whenever that changes."""
        while True:
            changed = self.scene.changed
            self.link.report(self.report())
            await changed.wait()

    def report(self) -> Report:
        """How this hop is."""
        local = ", ".join(f"{self.link.hello.address}:{gate.address[1]}" for gate in self.gates.values())
        healthy = tuple((probe.text, nic.text) for probe, nic in sorted(self.scene.condition.healthy, key=str))
        paths: dict[str, tuple[str, str]] = {
            system: (found.outcome, found.reason) for system, found in self.paths.items()
        }
        if self.outlet is not None:
            return self._report_of(self.outlet)
        why = filters.supported()
        lost = (f"a drop towards some sources only is accepted and held: {why}",) if why else ()
        idle = "" if self.gates else f"topology {self.scene.world.topology} has no {self.settings.role}"
        return Report("up", idle, local, healthy, paths, lost)

    def _report_of(self, outlet: Outlet) -> Report:
        """How the gateway is."""
        if not outlet.lost:
            return Report("up", "the build VMs' way out", self.link.hello.address)
        return Report(
            "up", "", "", approximated=(f"build VMs have no way out, whatever the rules say: {outlet.lost}",)
        )

    async def try_paths(self) -> None:
        """Try each path until it ends as the world decides; from then on say what the world decides."""
        while True:
            changed = self.scene.changed
            for system, gate in self.gates.items():
                tried = self.paths.get(system, UNTRIED).outcome != "failed"
                self.paths[system] = decided(self.scene, system) if tried else await self._try(system, gate)
            self.link.report(self.report())
            failed = any(each.outcome == "failed" for each in self.paths.values())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TRY_AGAIN if failed else None):
                    await changed.wait()

    async def _try(self, system: System, gate: Gate) -> PathState:
        scene = self.scene
        if scene.world.member(build_role(system)) is None:
            return decided(scene, system)
        host = "127.0.0.1" if self.settings.host == EVERYWHERE else self.settings.host
        ask = ask_of(scene.world, system)
        return await trial((host, gate.address[1]), partial(scene.decide, system), system, ask)


def _faults(scenery: Scenery, world: World) -> tuple[Fault, ...]:
    try:
        return read_all(scenery.faults, hops_of(world))
    except InvalidInputError as error:
        raise PeerError(f"control sent a fault that is none: {error}") from None


@contextlib.asynccontextmanager
async def playing(settings: HopSettings) -> AsyncIterator[Hop]:
    """A hop that plays, from control's first word until the body ends.

    Raises:
        UnavailableError: control does not answer, or a port is taken.
    """
    everywhere = settings.host == EVERYWHERE
    reached = await _own_address(settings.builds.values()) if everywhere else settings.host
    link = Link(settings.control, settings.token, Hello(settings.role, settings.instance, reached))
    async with contextlib.AsyncExitStack() as stack:
        no_ports: Mapping[System, int] = {}
        ports = settings.ports or (no_ports if settings.role == "gateway" else PROXY_PORTS)
        bound = {system: _bound(settings.host, port, stack) for system, port in ports.items()}
        published = {system: _bound(settings.host, port, stack) for system, port in settings.published.items()}
        pipes = await stack.enter_async_context(pipe_pool())
        scenery = await stack.enter_async_context(linked(link, patience=PATIENCE))
        places = Places(settings.builds)
        await places.look()
        scene = _scene(scenery, link, places, pipes)
        if scenery.flow_logs:
            scene.traffic = await stack.enter_async_context(traffic(link.log, scene.clock))
        hop = Hop(settings, link, scene, places)
        hop.play()
        if settings.role == "proxy":
            await _open_proxy(hop, scenery, bound, stack)
        elif settings.role == "gateway":
            await _open_gateway(hop, scenery, stack)
        else:
            await _open_entries(hop, bound, published, stack)
        await _work(hop, stack)
        yield hop


def _bound(host: str, port: int, stack: contextlib.AsyncExitStack) -> socket.socket:
    try:
        return stack.enter_context(contextlib.closing(bind(host, port)))
    except OSError as error:
        raise UnavailableError(f"port {port} on {host}: {error.strerror}") from None


def _scene(scenery: Scenery, link: Link, places: Places, pipes: PipePool) -> Scene:
    world, key = unpacked(scenery.world), bytes.fromhex(scenery.key)
    clock = Clock(scenery.time_scale)
    return Scene(world, clock, link.observe, places, pipes, key, headless=BUILDS)


async def _open_proxy(
    hop: Hop, scenery: Scenery, bound: Mapping[System, socket.socket], stack: contextlib.AsyncExitStack
) -> None:
    """Listen, where the topology has a proxy at all."""
    member = member_of(hop.scene.world, scenery.hop)
    if member is None:
        return
    for system, listening in bound.items():
        hop.gates[system] = await stack.enter_async_context(proxy(hop.scene, member, system, listening))


async def _open_entries(
    hop: Hop,
    bound: Mapping[System, socket.socket],
    published: Mapping[System, socket.socket],
    stack: contextlib.AsyncExitStack,
) -> None:
    """Probes first, then what clients dial: nobody meets half a path."""
    await stack.enter_async_context(probing(hop.scene))
    for system, listening in bound.items():
        hop.gates[system] = await stack.enter_async_context(entry(hop.scene, system, listening))
    for system, listening in published.items():
        hop.published[system] = await stack.enter_async_context(entry(hop.scene, system, listening, PUBLISHED))


async def _open_gateway(hop: Hop, scenery: Scenery, stack: contextlib.AsyncExitStack) -> None:
    """Route, or say why not."""
    told, control = scenery.outbound, hop.settings.control
    atlas = Atlas(told.get("map", {}), bool(told.get("dial", True)), lambda: control)
    group = await stack.enter_async_context(asyncio.TaskGroup())
    ways = routing(hop.scene, atlas, hop.link.hello.address, hop.settings.router, group)
    hop.outlet = await stack.enter_async_context(ways)


async def _work(hop: Hop, stack: contextlib.AsyncExitStack) -> None:
    """The tasks of a hop beside its listeners."""
    group = await stack.enter_async_context(asyncio.TaskGroup())
    jobs = [hop.follow(), hop.look(), hop.tell()]
    if hop.settings.role == "load-balancer":
        jobs.append(hop.try_paths())
    tasks = [group.create_task(job) for job in jobs]
    stack.callback(lambda: [task.cancel() for task in tasks])
