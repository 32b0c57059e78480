"""Start an emulator from settings, and stop it without a trace."""

import asyncio
import contextlib
import secrets
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import IO, Any

from emulator.app.channel import Channel
from emulator.app.config import Config, Listen, Port, load_config
from emulator.app.credentials import Account, account
from emulator.app.elsewhere import end_elsewhere
from emulator.app.faults import guests_in, hops_of, read_all
from emulator.app.flow_logs import flow_logs
from emulator.app.given import Resources, places
from emulator.app.guests import chosen
from emulator.app.history import History
from emulator.app.keeper import Keeper
from emulator.app.outbound.surroundings import surroundings
from emulator.app.status import PathState
from emulator.app.trial import ask_of, trial
from emulator.app.worlds import load_world
from emulator.clock import Clock
from emulator.control import state
from emulator.errors import UnavailableError
from emulator.machines.settings import GuestChoice, MachineSettings, WinrmSettings
from emulator.model.world import BUILD_PORTS, PROBE_SOURCE, PROXY_PORTS, SYSTEMS, System, World, build_role
from emulator.net import filters, taken
from emulator.net.addresses import Loopback
from emulator.net.entry import entry
from emulator.net.listener import bind
from emulator.net.pipes import PipePool, pipe_pool
from emulator.net.prober import probing
from emulator.net.proxy import proxy
from emulator.net.scene import Jump, Scene
from emulator.net.traffic import traffic
from emulator.rules import condition
from emulator.rules.playable import playable
from emulator.wire.hop import KEY_BYTES

PROBES_PATIENCE = 2.0
"""Real seconds for the first round of probes."""


@contextlib.asynccontextmanager
async def start(
    *,
    config: Config | Path | str | None = None,
    home: Path | None = None,
    resources: Resources = (),
    log: IO[bytes] | None = None,
    **settings: Any,
) -> AsyncIterator[Channel]:
    """A running emulator, ready when this yields, gone when the block ends.

    Args:
        config: a file like `emulator.yaml`, or the settings as a value.
        home: the state folder for keys and certificates; without it, a temporary one.
        resources: files and folders of Azure JSON (paths), or the resources themselves (values, or JSON in any of
            its shapes), to be played or laid over the default world.
        log: where the build VMs' processes complain; standard error by default.
        settings: keys of the configuration (`topology`, `time_scale`, `switches`, …). `listen` is `auto` here
            unless set, so that tests in parallel never meet.

    Raises:
        InvalidInputError: settings or resources are wrong; nothing was started.
        UnavailableError: a port is taken, or a build VM did not start.
    """
    chosen = config if isinstance(config, Config) else _settings(config, settings)
    failure: BaseException | None = None
    try:
        async with _running(chosen, home, resources, log) as channel:
            try:
                yield channel
            except BaseException as error:  # noqa: BLE001 - raised again below, outside our task groups
                failure = error
    except BaseExceptionGroup as group:
        raise _only(group) from None
    if failure is not None:
        raise failure


def _settings(file: Path | str | None, settings: dict[str, Any]) -> Config:
    chosen = {"listen": "auto", **settings}
    return load_config(Path(file) if file else None, chosen)


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """A lone exception out of its nested groups; several stay a group."""
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup) and len(found.exceptions) == 1:
        found = found.exceptions[0]
    return found


@contextlib.asynccontextmanager
async def _running(
    config: Config, home: Path | None, resources: Resources, log: IO[bytes] | None
) -> AsyncIterator[Channel]:
    world = load_world(*config.resources, resources=resources, wanted=config.wanted, switches=config.switch_values)
    playable(world)
    faults = read_all(config.faults, hops_of(world), guests=guests_in(world, config))
    guest = await chosen(config.guest)
    history = History()
    async with contextlib.AsyncExitStack() as stack:
        folder = state.make(home) if home else Path(stack.enter_context(tempfile.TemporaryDirectory("-aib-emulator")))
        credentials = account(config.credentials, folder)
        pipes = await stack.enter_async_context(pipe_pool())
        scene = _scene(world, config, history, pipes)
        await _log_flows(scene, config, stack)
        watchers = await stack.enter_async_context(asyncio.TaskGroup())
        if world.switches.proxy_mode == "ssh-jump":
            scene.jump = _jump(credentials)
        channel = Channel(scene, config, credentials, history, watchers)
        stack.callback(channel.machines.stop)
        stack.callback(scene.close)
        sockets = _bind_all(scene, config.listening, stack)
        _make_keepers(channel, sockets, folder, log, guest=guest, config=config)
        stack.push_async_callback(_stop_all, channel)
        async with asyncio.TaskGroup() as group:
            starting = [group.create_task(keeper.start()) for keeper in channel.keepers.values()]
            await _open_hops(channel, sockets, stack)
            await asyncio.wait(starting)
        watching = [watchers.create_task(keeper.watch(channel.machines.ended)) for keeper in channel.keepers.values()]
        stack.callback(lambda: [task.cancel() for task in watching])
        await _get_ready(channel)
        channel.faults.start(faults)
        yield channel
        history.end()


def _scene(world: World, config: Config, history: History, pipes: PipePool) -> Scene:
    scene = Scene(world, Clock(config.time_scale), history, Loopback(), pipes, secrets.token_bytes(KEY_BYTES))
    scene.fuses = config.fused
    end_elsewhere(scene, config.builds.given)
    return scene


async def _log_flows(scene: Scene, config: Config, stack: contextlib.AsyncExitStack) -> None:
    if config.flow_logs is not None:
        logs = await stack.enter_async_context(flow_logs(config.flow_logs, scene.clock))
        scene.traffic = await stack.enter_async_context(traffic(logs, scene.clock))


def _jump(of: Account) -> Jump:
    """The proxy VM's SSH server, with the build VMs' account; imported where there is one."""
    from emulator.machines.jump import Jump

    return Jump(of.username, of.password, of.public_key)


Sockets = dict[tuple[str, System], socket.socket]


def _bind_all(scene: Scene, listen: Listen, stack: contextlib.AsyncExitStack) -> Sockets:
    """Bind every address before anything starts, so that a taken port leaves nothing behind."""
    world, sockets = scene.world, {}
    for address in addresses(world):  # every one has its place before the first posture names sources
        scene.loopback.of(address)
    wanted: list[tuple[str, System, str, int]] = []
    for system in SYSTEMS:
        build = world.member(build_role(system))
        if build is None:
            continue
        chosen: Port = listen.linux if system == "linux" else listen.windows
        wanted.append(("entry", system, listen.host, 0 if chosen == "auto" else chosen))
        if build.hop not in scene.headless:
            wanted.append((build.hop, system, scene.loopback.of(world.interface_of(build).address), 0))
        proxies = ((each.hop, world.interface_of(each).address) for each in world.proxies)
        wanted += ((hop, system, scene.loopback.of(address), 0) for hop, address in proxies)
    for name, system, host, port in wanted:
        sockets[name, system] = stack.enter_context(contextlib.closing(bind_or_say(f"{name} {system}", host, port)))
    _note_ports(scene, sockets)
    return sockets


def addresses(world: World) -> Iterable[IPv4Address]:
    """Every Azure address that speaks on the channel."""
    yield PROBE_SOURCE
    yield from (address for _, address in places(world))


def bind_or_say(name: str, host: str, port: int) -> socket.socket:
    """A bound socket for what is called `name`.

    Raises:
        UnavailableError: naming the port, and the process that holds it where that can be seen.
    """
    try:
        return bind(host, port)
    except OSError as error:
        why = f"{error.strerror}{taken.holder(port)}"
        raise UnavailableError(f"port {port} on {host} ({name}): {why}; `listen` sets another, or `auto`") from None


def _note_ports(scene: Scene, sockets: Sockets) -> None:
    world = scene.world
    for (name, system), bound in sockets.items():
        if name == "entry":
            continue
        machine = next(each for each in world.members if each.hop == name)
        port = PROXY_PORTS[system] if machine.role == "proxy" else BUILD_PORTS[system]
        scene.ports[world.interface_of(machine).address, port] = bound.getsockname()[1]


def _make_keepers(
    channel: Channel,
    sockets: Sockets,
    folder: Path,
    log: IO[bytes] | None,
    *,
    guest: GuestChoice,
    config: Config,
) -> None:
    scene, world = channel.scene, channel.world
    senders = [world.interface_of(each).address for each in world.proxies] or [world.client]
    hops = tuple(scene.loopback.of(address) for address in senders)
    for system in SYSTEMS:
        machine = world.member(build_role(system))
        if machine is None or (machine.hop, system) not in sockets:
            continue
        settings = MachineSettings(
            system=system,
            name=machine.hop,
            address=str(world.interface_of(machine).address),
            username=channel.account.username,
            password=channel.account.password,
            authorized_key=channel.account.public_key,
            folder=str(folder),
            guest=guest,
            network=surroundings(world, machine) if system == "linux" else None,
            winrm=_in_its_time(config),
            **config.windows.fields,
            hops=hops,
            hop_key=scene.key.hex(),
        )
        seen = settings.network or system == "windows"
        outlet = channel.outlet_of(machine) if seen and sys.platform.startswith("linux") else None
        channel.keepers[machine.hop] = Keeper(settings, sockets[machine.hop, system], channel.history, log, outlet)


def _in_its_time(config: Config) -> WinrmSettings:
    """The WinRM settings, how long a restart takes in the emulator's own time."""
    found, scale = config.winrm.settings, config.time_scale
    return replace(found, restart_silent=found.restart_silent / scale, restart_refused=found.restart_refused / scale)


async def _stop_all(channel: Channel) -> None:
    async with asyncio.TaskGroup() as group:
        for keeper in channel.keepers.values():
            group.create_task(keeper.stop())


async def _open_hops(channel: Channel, sockets: Sockets, stack: contextlib.AsyncExitStack) -> None:
    """Proxies first, then probes, then what clients dial: nobody meets half a path."""
    scene = channel.scene
    for machine in scene.world.proxies:
        for system in SYSTEMS:
            if (machine.hop, system) in sockets:
                await stack.enter_async_context(proxy(scene, machine, system, sockets[machine.hop, system]))
    asked = await stack.enter_async_context(probing(scene))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PROBES_PATIENCE):
            await asked.wait()
    for system in SYSTEMS:
        if ("entry", system) in sockets:
            gate = await stack.enter_async_context(entry(scene, system, sockets["entry", system]))
            channel.entries[system] = gate


async def _get_ready(channel: Channel) -> None:
    scene = channel.scene
    channel.approximated = tuple(_approximations(channel))
    for system in SYSTEMS:
        channel.paths[system] = PathState("absent", f"the world has no {build_role(system)}")
    async with asyncio.TaskGroup() as group:
        trials = {}
        for system, gate in channel.entries.items():
            trials[system] = group.create_task(
                trial(gate.address, partial(scene.decide, system), system, ask_of(scene.world, system))
            )
    for system, task in trials.items():
        channel.paths[system] = task.result()
    failed = [f"{system}: {found.reason}" for system, found in channel.paths.items() if found.outcome == "failed"]
    failed += _unanswered(scene)
    if failed:
        raise UnavailableError("the channel did not get ready: " + "; ".join(failed))
    channel.ready = True


def _unanswered(scene: Scene) -> Iterable[str]:
    """Probes that the world lets through and that still found nobody: our own fault, never Azure's verdict."""
    balancer = scene.world.balancer
    for probe in balancer.probes if balancer else ():
        for machine in scene.world.proxies:
            verdict = condition.probe_answer(scene.world, scene.condition, machine, probe)
            if verdict.carried and (probe.id, machine.interface) not in scene.condition.healthy:
                yield f"probe {probe.id.name} of {machine.hop} was not answered within {PROBES_PATIENCE:g} s"


def _approximations(channel: Channel) -> Sequence[str]:
    found = []
    why = filters.supported()
    if why is not None:
        found.append(f"a drop towards some sources only is accepted and held: {why}")
    if not channel.scene.loopback.exact:
        found.append("every hop shares 127.0.0.1: sources behind the entry are told apart by the hop header alone")
    linux = channel.keepers.get("build-linux")
    if linux is not None and linux.detail.split(":")[0] not in ("sandbox", "container"):
        found.append(f"build-linux: {linux.detail}")
    elif linux is not None and linux.outlet is not None:
        why = linux.outlet.lost if linux.is_ours else "the guest is a container without one"
        found += [f"build-linux: its commands have no network, whatever the rules say: {why}"] if why else []
    return found
