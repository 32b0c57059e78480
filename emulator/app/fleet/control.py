"""Control: the world that all hops play, what they tell of it, and the API that people ask (design section 5)."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

from emulator.app.build_routes import routes
from emulator.app.channel import run_at, told
from emulator.app.config import Config
from emulator.app.faults import Faults, hops_of, read_all
from emulator.app.fleet.messages import Report
from emulator.app.fleet.registry import Joined, Registry, hop_name
from emulator.app.fleet.server import HopServer
from emulator.app.flow_logs import FlowLogs, flow_logs
from emulator.app.given import Given, laid_over
from emulator.app.history import History
from emulator.app.machines import Machines, machine_state, machines_of
from emulator.app.stagings import Stagings, left_as_it_is
from emulator.app.status import Endpoint, Exact, Hop, HopState, PathState, Status
from emulator.app.worlds import load_world
from emulator.channels.base import Outcome
from emulator.clock import Clock, wall_time
from emulator.control import state
from emulator.control.api import serving
from emulator.control.metrics import Tally
from emulator.errors import InvalidInputError, UnavailableError
from emulator.model.world import PROXY_PORTS, SYSTEMS, System, World, build_role
from emulator.observe import Event, Observation
from emulator.rules import time_scale
from emulator.rules.playable import playable

FORGET = 5.0
"""Real seconds between two looks for proxies that are gone for good."""
KNOWN_PASSWORD = "Packer-Emulat0r!"  # noqa: S105 - documented, the same for everybody, published on loopback only
SERVICE_NET = "10.61.0"
"""The first three octets of network `service`; there the load balancer is .5, where drops are true to the packet."""


ENTRY = "AIB_EMULATOR_ENTRY"
"""The variable that names where clients dial, where nothing is published on this machine: in a stack."""
HOPS = "AIB_EMULATOR_HOPS"
"""The variable that names control on the network where only hops are."""


class Fleet:
    """The composed channel as its API holds it: the same questions as an embedded one's.

    Attributes:
        news: set, and replaced, whenever a hop joins, leaves or reports, or the world changes.
    """

    def __init__(self, world: World, config: Config, history: History) -> None:
        self.history = history
        self.initial = world
        self.config = config
        logs, outbound = config.flow_logs is not None, config.outbound.model_dump()
        self.registry = Registry(world, config.time_scale, self._changed, flow_logs=logs, outbound=outbound)
        self.control = ""
        self.news = asyncio.Event()
        self.machines: Machines | None = None
        self.stagings = Stagings(left_as_it_is, history)
        self.faults = Faults(self.registry.set_faults, lambda: hops_of(self.world), history)
        self._ready = self._begun = False

    @property
    def world(self) -> World:
        """The world as it is played now."""
        return self.registry.world

    @property
    def tally(self) -> Tally:
        """What happened so far in numbers."""
        return self.history.tally

    @property
    def status(self) -> Status:
        """The fields of `aib-emulator status --json`."""
        return Status(
            ready=self._is_ready(),
            runtime="containers",
            topology=self.world.topology,
            control=self.control,
            endpoints={system: self._endpoint(system) for system in SYSTEMS},
            hops=tuple(self._hops()),
            paths=self._paths(),
            approximated=tuple(self._approximated()),
            warnings=(*self.world.warnings, *time_scale.warnings(self.world, self.config.time_scale)),
            time_scale=self.config.time_scale,
            builds=tuple(self.stagings.as_json()),
            switches=self.world.switches,
        )

    async def apply(self, resources: Given) -> World:
        """Lay resources over the world of every hop; see `Channel.apply`.

        Raises:
            InvalidInputError: with every finding, one a line; the old world stays.
        """
        world, applied = laid_over(self.world, resources, self.stagings.parsed(self.world))
        self.registry.plays(world)
        self._note("WorldApplied", f"the world changed: applied {', '.join(each.id.name for each in applied)}")
        return world

    async def reset(self) -> World:
        """Play the world it started with again."""
        self.registry.plays(self.initial)
        self._note("WorldApplied", "the world changed: reset to the world it started with")
        self.faults.reset()
        return self.initial

    async def set_machine(self, hop: str, state: str) -> None:
        """Bring a machine into a state, live; see `Channel.set_machine`.

        A build VM's container runs on: its state is what the channel makes of it.
        """
        if self.machines is None:
            raise UnavailableError("control is not ready yet")
        await self.machines.set(hop, machine_state(state))

    def machine_states(self) -> dict[str, str]:
        """The state of each machine."""
        return dict(self.machines.all()) if self.machines else {}

    def events(self) -> tuple[Event, ...]:
        """Every event so far, of all hops."""
        return self.history.all()

    def follow(self) -> AsyncIterator[Event]:
        """Every event so far and then each new one."""
        return self.history.follow()

    async def run(self, system: System, command: str, *, timeout: float = 60.0) -> Outcome:  # noqa: ASYNC109
        """Run one command on a build VM, through the channel."""
        return await run_at(self.status.endpoints[system], system, command, seconds=timeout)

    def resources(self) -> list[dict[str, Any]]:
        """The world's resources and those of builds, in REST shape."""
        return self.stagings.beside(self.world)

    def _changed(self) -> None:
        ready = self._is_ready()
        if ready and not self._ready:
            self._note("ChannelReady", "every path has been tried and ended as the world decides")
            self._begin_faults()
        self._ready = ready
        self.news.set()
        self.news = asyncio.Event()

    def _begin_faults(self) -> None:
        """The settings' faults begin once, when the channel is ready: what goes wrong is no trial's business."""
        if not self._begun:
            self._begun = True
            self.faults.begin()

    def _is_ready(self) -> bool:
        balancer = self.registry.balancer
        if balancer is None or balancer.report.state != "up":
            return False
        needs_proxy = self.world.topology == "existing-vnet"
        if needs_proxy and not any(each.report.state == "up" for each in self.registry.proxies()):
            return False
        outcomes = [outcome for outcome, _ in balancer.report.paths.values()]
        return bool(outcomes) and "failed" not in outcomes

    def _paths(self) -> dict[str, PathState]:
        found = self._balancer_report().paths
        return {system: PathState(outcome, reason) for system, (outcome, reason) in found.items()}  # type: ignore[arg-type]

    def _balancer_report(self) -> Report:
        balancer = self.registry.balancer
        return balancer.report if balancer else Report("down")

    def _approximated(self) -> Iterable[str]:
        if not os.environ.get(ENTRY):
            yield "at 127.0.0.1 Docker's own proxy answers: drops and refusals are true at `exact` only"
        yield from self._balancer_report().approximated
        for each in self.registry.hops:
            yield from each.report.approximated if each.hello.role == "gateway" else ()

    def _endpoint(self, system: System) -> Endpoint:
        port = PROXY_PORTS[system]
        local = published(system.upper(), port)
        entry = os.environ.get(ENTRY, "")
        exact = Exact(entry or f"{os.environ.get('AIB_EMULATOR_SERVICE_NET') or SERVICE_NET}.5", port)
        host = entry or "127.0.0.1"
        url = f"https://{host}:{local}/wsman" if system == "windows" else None
        given = self.config.credentials
        return Endpoint(
            host, local, given.username, given.password or KNOWN_PASSWORD, "", exact, url, *told(self.world, system)
        )

    def _hops(self) -> Iterable[Hop]:
        for joined in self.registry.hops:
            yield self._hop(joined)
        for system in SYSTEMS:
            yield self._build(system)
        yield Hop("control", "", self.control, "up" if self.control else "absent", "")

    def _hop(self, joined: Joined) -> Hop:
        name = hop_name(joined)
        state_now: HopState = "up" if joined.report.state == "up" else "down"
        where = joined.report.detail or ("" if joined.connected else "not heard any more")
        return Hop(name, self._azure_address(name), joined.report.local, state_now, where)

    def _azure_address(self, name: str) -> str:
        if name == "load-balancer" and self.world.endpoint:
            return str(self.world.address_of(self.world.endpoint))
        member = next((each for each in self.world.members if each.hop == name), None)
        return str(self.world.interface_of(member).address) if member else ""

    def _build(self, system: System) -> Hop:
        """A build VM has no connection to control: what is known of it is how its path ended."""
        role = build_role(system)
        outcome = self._paths().get(system, PathState("failed", "not tried yet"))
        gone = self.machine_states().get(role, "running") != "running"
        states: dict[str, HopState] = {"absent": "absent", "failed": "down"}
        known = states.get(outcome.outcome, "down" if gone else "up")
        return Hop(role, self._azure_address(role), "", known, outcome.reason)

    def _note(self, event: str, sentence: str) -> None:
        self.history(Observation(wall_time(), event, "control", sentence))


@contextlib.asynccontextmanager
async def controlling(
    config: Config, folder: Path, bound: socket.socket, stop: Callable[[], None]
) -> AsyncIterator[Fleet]:
    """Control on a bound socket, from settings, until the body ends; `folder` keeps its token.

    Raises:
        InvalidInputError: settings or resources are wrong.
    """
    world = load_world(*config.resources, wanted=config.wanted, switches=config.switch_values)
    playable(world)
    _must_be_composable(world)
    faults = read_all(config.faults, hops_of(world))
    history = History()
    fleet = Fleet(world, config, history)
    fleet.faults.at_start = faults
    token = _token(folder)
    async with contextlib.AsyncExitStack() as stack:
        logs = await _logging(config, stack)
        hops = HopServer(fleet.registry, history, os.environ.get(HOPS, ""), logs)
        api = serving(fleet, token, bound, stop=stop, more=[hops.route(), *routes(fleet)], admits=hops.admits)
        url = await stack.enter_async_context(api)
        fleet.control = _reachable(url)
        async with asyncio.TaskGroup() as group:
            forgetting = group.create_task(_forget(fleet.registry))
            fleet.machines = _machines(fleet, group)
            try:
                yield fleet
            finally:
                forgetting.cancel()
                fleet.machines.stop()
                await hops.close()
                history.end()


def _must_be_composable(world: World) -> None:
    if world.switches.proxy_mode == "ssh-jump":
        raise InvalidInputError(
            "switches.proxy_mode: found ssh-jump, expected tcp-forward, http-connect or socks5: in containers the "
            "proxy VM has no SSH server"
        )


def _machines(fleet: Fleet, group: asyncio.TaskGroup) -> Machines:
    clock = Clock(fleet.config.time_scale)
    return Machines(fleet.registry.set_machine, lambda: machines_of(fleet.world), lambda: clock, fleet.history, group)


async def _logging(config: Config, stack: contextlib.AsyncExitStack) -> FlowLogs | None:
    if config.flow_logs is None:
        return None
    return await stack.enter_async_context(flow_logs(config.flow_logs, Clock(config.time_scale)))


def published(name: str, port: int) -> int:
    """The port of this machine at which the engine publishes one of ours; 0, any, is the engine's secret."""
    found = os.environ.get(f"AIB_EMULATOR_{name}_PORT", "")
    return int(found) if found.isdecimal() and int(found) else port


def _reachable(url: str) -> str:
    """Where people reach control: in a container its own address is nobody's."""
    everywhere, _, port = url.partition("//0.0.0.0:")
    return f"http://127.0.0.1:{published('CONTROL', int(port))}" if port else everywhere


def _token(folder: Path) -> str:
    """The token: given, kept, or made; always written, for a command line that reads it through the engine."""
    given = os.environ.get("AIB_EMULATOR_TOKEN")
    file = folder / "token"
    token = state.secret(file, given)
    if given:
        state.write_private(file, given + "\n")
    return token


async def _forget(registry: Registry) -> None:
    while True:
        await asyncio.sleep(FORGET)
        registry.forget(asyncio.get_running_loop().time())
