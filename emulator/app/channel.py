"""The running channel, as tests and the control API hold it."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from emulator.app.config import Config
from emulator.app.credentials import Account
from emulator.app.faults import Faults, guests_of, hops_of
from emulator.app.given import Given, laid_over
from emulator.app.history import History
from emulator.app.keeper import Keeper
from emulator.app.machines import Machines, machine_state, machines_of
from emulator.app.outbound.atlas import Atlas
from emulator.app.outbound.outgoing import Outgoing
from emulator.app.outbound.outlet import Outlet
from emulator.app.stagings import Stagings
from emulator.app.status import Endpoint, Exact, Hop, HopState, PathState, Status
from emulator.app.trial import ask_of
from emulator.app.way import way
from emulator.channels.base import Outcome
from emulator.clock import wall_time
from emulator.control.metrics import Tally
from emulator.machines.faults import line_of
from emulator.model.compute import Member
from emulator.model.switches import ProxyMode
from emulator.model.world import PROXY_PORTS, SYSTEMS, System, World, build_role
from emulator.net.gate import Gate
from emulator.net.scene import Scene
from emulator.observe import Event, Observation
from emulator.rules import time_scale
from emulator.rules.condition import SILENCES
from emulator.rules.faults.fault import Fault
from emulator.rules.spread import endings

if TYPE_CHECKING:
    from emulator.app.building import Document
    from emulator.build.report import Result


class Channel:
    """A running emulator: what it is (`status`, `world`), what it did (`events`), and how to change and use it."""

    def __init__(
        self, scene: Scene, config: Config, account: Account, history: History, group: asyncio.TaskGroup
    ) -> None:
        self.scene = scene
        self.config = config
        self.account = account
        self.history = history
        self.initial = scene.world
        self.keepers: dict[str, Keeper] = {}
        self.machines = Machines(
            scene.set_machine,
            lambda: machines_of(scene.world),
            lambda: scene.clock,
            history,
            group,
            self.keepers,
        )
        self.stagings = Stagings(self.machines.set, history)
        self.faults = Faults(self._play_faults, lambda: hops_of(scene.world), history, self._guests)
        self.entries: dict[System, Gate] = {}
        self.paths: dict[str, PathState] = {}
        self.control = ""
        self.token = ""
        self.ready = False
        self.approximated: tuple[str, ...] = ()
        self._group = group
        self._atlas = Atlas(config.outbound.map, config.outbound.dial, lambda: self.control)

    def outlet_of(self, machine: Member) -> Outlet:
        """Where the connections are decided on that a build VM opens."""
        outgoing = Outgoing(self.scene, machine.hop, self._atlas)
        return Outlet(lambda _: outgoing, self._group)

    @property
    def world(self) -> World:
        """The world as it is played now."""
        return self.scene.world

    @property
    def tally(self) -> Tally:
        """What happened so far in numbers."""
        return self.history.tally

    @property
    def status(self) -> Status:
        """The fields of `aib-emulator status --json`."""
        return Status(
            ready=self.ready,
            runtime="embedded",
            topology=self.world.topology,
            control=self.control,
            endpoints={system: self._endpoint(system) for system in self.entries},
            hops=tuple(self._hops()),
            paths=self._paths(),
            approximated=self.approximated,
            warnings=(*self.world.warnings, *time_scale.warnings(self.world, self.config.time_scale)),
            time_scale=self.scene.clock.scale,
            builds=tuple(self.stagings.as_json()),
            switches=self.world.switches,
        )

    async def apply(self, resources: Given) -> World:
        """Lay resources over the world, live: each replaces whole the one with its ID, a lone rule the rule.

        Open connections go on; new ones meet the new rules. Nothing changes when anything is wrong.

        Raises:
            InvalidInputError: with every finding, one a line.
        """
        world, applied = laid_over(self.world, resources, self.stagings.parsed(self.world))
        self._change(world, f"applied {', '.join(each.id.name for each in applied)}")
        return world

    async def reset(self) -> World:
        """Play the world it started with again, with the faults it started with."""
        self._change(self.initial, "reset to the world it started with")
        self.faults.reset()
        return self.initial

    def events(self) -> tuple[Event, ...]:
        """Every event so far: observations, and the records of connections and dropped attempts."""
        return self.history.all()

    def follow(self) -> AsyncIterator[Event]:
        """Every event so far and then each new one, until the emulator stops."""
        return self.history.follow()

    async def run(self, system: System, command: str, *, timeout: float = 60.0) -> Outcome:  # noqa: ASYNC109
        """Run one command on a build VM, through the channel.

        Raises:
            PeerError: the channel or the build VM did not carry it; the message says what a client sees.
        """
        return await run_at(self.status.endpoints[system], system, command, seconds=timeout)

    async def build(self, template: "Document", **options: Any) -> "Result":
        """Build an image template over this channel, as the Image Builder service does; see `app.building.build`.

        Args:
            template: a file, its JSON, or an `ImageTemplate`.
            options: `parameters` of a deployment template; `mirrors`, folders that have what addresses name; `folder`
                for the log, a temporary one by default; `told`, which hears Packer's output; `driver`, `own` or
                `packer`; `output`, the name of a container image to be made of a build VM that is a container.

        Raises:
            InvalidInputError: the template, a source or the world does not allow it; nothing was deployed.
        """
        from emulator.app.building import build

        return await build(self, template, **options)

    async def stop(self, hop: str) -> None:
        """Stop a hop's service: a proxy or a build VM. Its connections end; its machine answers RST.

        Raises:
            InvalidInputError: no hop of that name can be stopped.
        """
        await self.machines.set(hop, "service-stopped")

    async def start(self, hop: str) -> None:
        """Start a stopped hop's service again.

        Raises:
            InvalidInputError: no hop of that name can be started.
            UnavailableError: a build VM did not start.
        """
        await self.machines.set(hop, "running")

    async def set_machine(self, hop: str, state: str) -> None:
        """Bring a machine into a state, live: a proxy or a build VM.

        Args:
            hop: its name.
            state: `running`; `service-stopped` (RST); `guest-firewall` (silence, but open connections go on);
                `rebooting` (open connections are never heard of again; silence, then RST, then it runs);
                `deallocated` (likewise, but it stays so).

        Raises:
            InvalidInputError: there is no such machine, or no such state.
            UnavailableError: a build VM did not start.
        """
        await self.machines.set(hop, machine_state(state))

    def machine_states(self) -> dict[str, str]:
        """The state of each machine."""
        return dict(self.machines.all())

    def add_fault(self, kind: str, **values: Any) -> Fault:
        """Add a fault, live; `aib-emulator fault kinds` lists the kinds and their settings.

        Args:
            kind: as `delay`.
            values: `hop`, the kind's settings, and what of `name`, `direction`, `at`, `share`, `nth`, `lasts` (`for`)
                and `seed` is not to be the default.

        Raises:
            InvalidInputError: with every finding; nothing changed.
        """
        if "lasts" in values:
            values["for"] = values.pop("lasts")
        return self.faults.add({"kind": kind, **values})

    def remove_fault(self, name: str) -> None:
        """Remove a fault, live.

        Raises:
            InvalidInputError: there is none of that name.
        """
        self.faults.remove(name)

    def resources(self) -> list[dict[str, Any]]:
        """The world's resources and those of builds, in REST shape, as `aib-emulator world show` prints them."""
        return self.stagings.beside(self.world)

    def _guests(self) -> Sequence[str]:
        return guests_of(self.keepers)

    def _play_faults(self, faults: tuple[Fault, ...]) -> None:
        for keeper in self.keepers.values():
            keeper.play(line_of(keeper.settings.name, faults, self.scene.clock.scale))
        self.scene.change(faults=faults)

    def _change(self, world: World, what: str) -> None:
        self.scene.change(world=world)
        self._note("WorldApplied", "control", f"the world changed: {what}")

    def _paths(self) -> dict[str, PathState]:
        """How each path was tried at the start; from then on, what the world decides."""
        if not self.ready:
            return dict(self.paths)
        return {system: decided(self.scene, system) for system in SYSTEMS}

    def _note(self, event: str, hop: str, sentence: str) -> None:
        self.history(Observation(wall_time(), event, hop, sentence))

    def _endpoint(self, system: System) -> Endpoint:
        host, port = self.entries[system].address
        url = f"https://{host}:{port}/wsman" if system == "windows" else None
        account = self.account
        return Endpoint(
            host,
            port,
            account.username,
            account.password,
            str(account.private_key),
            Exact(host, port),
            url,
            *told(self.world, system),
        )

    def _hops(self) -> Iterable[Hop]:
        world, scene = self.world, self.scene
        if world.balancer and world.endpoint:
            local = ", ".join(f"{gate.address[0]}:{gate.address[1]}" for gate in self.entries.values())
            detail = f"frontend {world.frontend.private_address}, {world.endpoint.state}"
            yield Hop("load-balancer", str(world.address_of(world.endpoint)), local, "up", detail)
        for proxy in world.proxies:
            yield self._proxy_hop(proxy.hop, scene)
        for system in SYSTEMS:
            yield self._build_hop(system)
        yield Hop("control", "", self.control, "up" if self.control else "absent", "")

    def _proxy_hop(self, hop: str, scene: Scene) -> Hop:
        machine = next(each for each in self.world.proxies if each.hop == hop)
        address = self.world.interface_of(machine).address
        balancer = self.world.balancer
        healthy = [
            str(probe.port)
            for probe in (balancer.probes if balancer else ())
            if (probe.id, machine.interface) in scene.condition.healthy
        ]
        stopped, silence = hop in scene.condition.stopped, scene.condition.silence_of(hop)
        detail = f"probes up: {', '.join(healthy)}" if healthy else "no probe succeeds"
        if silence:
            return Hop(hop, str(address), "", "down", SILENCES[silence].format(hop))
        local = ", ".join(
            f"{scene.loopback.of(address)}:{scene.ports[address, port]}" for port in PROXY_PORTS.values()
        )
        return Hop(hop, str(address), local, "stopped" if stopped else "up" if healthy else "down", detail)

    def _build_hop(self, system: System) -> Hop:
        role = build_role(system)
        machine, keeper = self.world.member(role), self.keepers.get(role)
        if machine is None or (keeper is None and role not in self.scene.headless):
            return Hop(role, "", "", "absent", "the world has no such build VM")
        address = self.world.interface_of(machine).address
        local = "{}:{}".format(*self.scene.transport(address, {"linux": 22, "windows": 5986}[system]))
        silence = self.scene.condition.silence_of(role)
        if silence:
            return Hop(role, str(address), "", "down", SILENCES[silence].format(role))
        stopped = role in self.scene.condition.stopped
        if keeper is None:
            return Hop(role, str(address), local, "up", "not ours: `builds` names it")
        running: HopState = "up" if keeper.running else "down"
        return Hop(role, str(address), local, "stopped" if stopped else running, keeper.detail)


def decided(scene: Scene, system: System) -> PathState:
    """What the rules say of a path, without trying it."""
    if scene.world.member(build_role(system)) is None:
        return PathState("absent", f"the world has no {build_role(system)}")
    found = endings(scene.world, partial(scene.decide, system))
    lost = next((each for each in found if not each.path.carried), None)
    if lost is None:
        return PathState("carried", "")
    said = lost.path.end().verdict.sentence
    return PathState("carried", str(lost)) if any(each.path.carried for each in found) else PathState("denied", said)


def told(world: World, system: System) -> tuple[ProxyMode | None, str | None]:
    """What the proxy VM speaks and what a client asks it for; nothing where it just forwards."""
    ask = ask_of(world, system)
    return (ask.mode, f"{ask.host}:{ask.port}") if ask else (None, None)


async def run_at(endpoint: Endpoint, system: System, command: str, *, seconds: float) -> Outcome:
    """Run one command at an endpoint of a running emulator; see `Channel.run`."""
    async with way(endpoint) as (host, port):
        if system == "linux":
            from emulator.channels import ssh

            return await ssh.run(
                host,
                port,
                endpoint.username,
                private_key=endpoint.private_key,
                password=endpoint.password,
                command=command,
                timeout=seconds,
            )
        from emulator.channels import winrm

        url = f"https://{host}:{port}/wsman"
        return await winrm.run(url, endpoint.username, endpoint.password, command, timeout=seconds)
