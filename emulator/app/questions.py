"""Questions to a world, as people ask them: by names, addresses and ports; nothing is started.

The command line's `explain`, `ip-flow`, `effective-rules` and `check` are these functions and a way to print.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from emulator.errors import InvalidInputError, NotLoadedError
from emulator.model.flow import Flow, Protocol
from emulator.model.network import Direction, Interface
from emulator.model.world import BUILD_PORTS, SYSTEMS, System, World, build_role
from emulator.rules import condition, path
from emulator.rules import ip_flow as flows
from emulator.rules.ends import End, end_of
from emulator.rules.entry import port_classes
from emulator.rules.ip_flow import IpFlow
from emulator.rules.legs import Path
from emulator.rules.path import ChannelPath
from emulator.rules.reach import SOURCE_PORT, trace
from emulator.rules.spread import Ending, endings

if TYPE_CHECKING:
    from emulator.rules.checklist import Finding

ANY_PORT = "*"


def explain(world: World, source: str = "client", target: str = "build-linux") -> Path:
    """The path of a flow, leg by leg, up to what stops it.

    Services are taken to run, and health probes to succeed where the security groups let them.

    Args:
        world: of `load_world`, or of a running channel.
        source: a hop, a machine's name or ID, an IPv4 address, or `internet`.
        target: the same and a port, as `proxy:60001`; a machine's name alone, for 22 or 5986; or `build-linux` or
            `build-windows`, for the path over the channel that leads there.

    Raises:
        InvalidInputError: a name means nothing in this world.
        NotLoadedError: a resource that decides was not loaded.
    """
    system = _system(target)
    if system is not None:
        return channel_path(world, system, end_of(world, source).address)
    name, port = _machine_and_port(world, target) or address_and_port("target", target)
    return trace(world, lambda: condition.assumed(world), end_of(world, source), end_of(world, name), port)


def explain_ports(world: World, source: str = "client", target: str = "build-linux") -> Sequence[Ending]:
    """The ends of the same flow by its source port, where rules or a balancer's hash tell source ports apart.

    One end where they do not; `explain` is about port 49152.

    Raises:
        InvalidInputError: a name means nothing in this world.
        NotLoadedError: a resource that decides was not loaded.
    """
    system, start, state = _system(target), end_of(world, source), cache(lambda: condition.assumed(world))
    if system is not None:
        dialled = partial(path.client_flow, world, system, source=start.address)
        return endings(world, lambda port: path.decide(dialled(port), world, state(), system))
    name, number = _machine_and_port(world, target) or address_and_port("target", target)
    end = end_of(world, name)
    return endings(world, lambda port: trace(world, state, start, end, number, source_port=port))


def _machine_and_port(world: World, target: str) -> tuple[str, int] | None:
    """A machine that is named without a port, and the one that commands arrive at; None for anything else."""
    named = [each for each in world.machines if target.lower() in (each.id.name.lower(), each.id.key)]
    if len(named) != 1 or named[0].id in {each.id for each in world.proxies}:
        return None
    return target, BUILD_PORTS["windows" if named[0].system == "Windows" else "linux"]


def _system(target: str) -> System | None:
    return next((system for system in SYSTEMS if target == build_role(system)), None)


def channel_path(world: World, system: System, source: IPv4Address | None = None) -> ChannelPath:
    """The path over the channel to the build VM of an operating system, from the client or another address.

    Raises:
        NotLoadedError: a resource that decides was not loaded, or there is no such build VM.
    """
    flow = path.client_flow(world, system, SOURCE_PORT, source)
    return path.decide(flow, world, condition.assumed(world), system)


def channel_paths(world: World, source: str = "client") -> Iterator[tuple[str, End, ChannelPath]]:
    """The path to each build VM of the world, with its hop's name and the end it begins at.

    Raises:
        InvalidInputError: the source's name means nothing in this world.
        NotLoadedError: a resource that decides was not loaded.
    """
    start = end_of(world, source)
    for system in SYSTEMS:
        if world.member(build_role(system)) is not None:
            yield build_role(system), start, channel_path(world, system, start.address)


def ip_flow(
    world: World, vm: str | None = None, *, direction: str, local: str, remote: str, protocol: str = "TCP"
) -> IpFlow:
    """IP flow verify: whether the security rules at a machine allow a packet, and which rule says so.

    Args:
        world: of `load_world`, or of a running channel.
        vm: a machine's name or ID, or a hop's; None for the first hop of the channel.
        direction: inbound or outbound.
        local: the machine's own end, `ADDRESS:PORT`; outbound its port may be `*`.
        remote: the other end; inbound its port may be `*`.
        protocol: TCP or UDP.

    Raises:
        InvalidInputError: an argument is wrong.
        NotLoadedError: a group, or what a rule names, was not loaded, and the answer hangs on it.
    """
    way = _direction(direction)
    interface = interface_of(world, vm)
    ours = _place("local", local, source=way == "Outbound")
    theirs = _place("remote", remote, source=way == "Inbound")
    if not interface.holds(ours[0]):
        held = ", ".join(str(each.address) for each in interface.configurations)
        raise InvalidInputError(f"local: found {ours[0]}, expected an address of {interface.id.name}: {held}")
    source, destination = (theirs, ours) if way == "Inbound" else (ours, theirs)
    flow = Flow(*source, *destination, _protocol(protocol))
    asked = remote if way == "Inbound" else local
    if asked.endswith(f":{ANY_PORT}"):
        return _of_any_port(world, interface, way, flow, asked)
    return flows.verify(world, interface, way, flow)


def _of_any_port(world: World, interface: Interface, way: Direction, flow: Flow, asked: str) -> IpFlow:
    """The answer for every source port; where rules tell them apart there is none, and that is said."""
    found: dict[tuple[str, str], tuple[tuple[int, int], IpFlow]] = {}
    for ports in port_classes(world.groups, world.admin_rules):
        answer = flows.verify(world, interface, way, replace(flow, source_port=ports[0]))
        found.setdefault((answer.access, answer.rule_name), (ports, answer))
    if len(found) > 1:
        said = ", ".join(
            f"{first}-{last} {each.access} by {each.rule_name}" for (first, last), each in found.values()
        )
        name = "remote" if way == "Inbound" else "local"
        raise InvalidInputError(f"{name}: found {asked}, expected a port: rules tell source ports apart: {said}")
    return next(answer for _, answer in found.values())


def effective_rules(world: World, vm: str | None = None) -> dict[str, Any]:
    """The security rules and routes at a machine's interface, as `az network nic` prints them (JSON).

    Args:
        world: of `load_world`, or of a running channel.
        vm: a machine's name or ID, or a hop's; None for the first hop of the channel.

    Raises:
        InvalidInputError: nothing with an interface has that name.
        NotLoadedError: a group, the subnet or its route table was not loaded.
    """
    from emulator.rules import network_watcher

    return network_watcher.effective(world, interface_of(world, vm))


def check(world: World) -> "tuple[Finding, ...]":
    """The documentation's checklist for the network of a build, and what failure reports add to it.

    Args:
        world: of `load_world`, or of a running channel.

    Returns:
        A finding for each item and resource: what was found, why it matters, and the command that mends it.
    """
    from emulator.rules.checklist import findings

    return findings(world)


def _direction(text: str) -> Direction:
    if text.lower() not in ("inbound", "outbound"):
        raise InvalidInputError(f"direction: found {text}, expected inbound or outbound")
    return "Inbound" if text.lower() == "inbound" else "Outbound"


def _protocol(text: str) -> Protocol:
    if text.upper() not in Protocol.__members__:
        raise InvalidInputError(f"protocol: found {text}, expected {' or '.join(Protocol.__members__)}")
    return Protocol[text.upper()]


def _place(name: str, text: str, *, source: bool) -> tuple[IPv4Address, int]:
    """An address and a port; of a source port Azure takes `*`, since rules hardly ever tell them apart."""
    any_port = source and text.endswith(f":{ANY_PORT}")
    address, port = address_and_port(name, f"{text[:-1]}{SOURCE_PORT}" if any_port else text)
    try:
        return IPv4Address(address), port
    except ValueError:
        raise InvalidInputError(f"{name}: found {address}, expected an IPv4 address") from None


def interface_of(world: World, vm: str | None) -> Interface:
    """The interface of a machine that is named; of the first hop of the channel without a name.

    Raises:
        InvalidInputError: nothing with an interface has that name.
    """
    if vm is None and not world.members:
        raise InvalidInputError("vm: found no name, expected one: the world has no machine on its channel")
    try:
        found = end_of(world, vm if vm is not None else world.members[0].hop)
    except NotLoadedError:
        raise
    except InvalidInputError as error:
        raise InvalidInputError(f"vm: {str(error).removeprefix('name: ')}") from None
    if any(found.interface.id in each.interfaces for each in world.endpoints if found.interface):
        # https://learn.microsoft.com/azure/private-link/private-endpoint-overview, limitations
        raise InvalidInputError(f"vm: found {vm}, expected a machine: Azure shows no rules of a private endpoint")
    if found.interface is None:
        raise InvalidInputError(f"vm: found {vm}, expected a machine with a network interface")
    return found.interface


def address_and_port(name: str, text: str) -> tuple[str, int]:
    """The two parts of `NAME:PORT`.

    Raises:
        InvalidInputError: it is not that.
    """
    address, colon, port = text.rpartition(":")
    if not colon or not address or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise InvalidInputError(f"{name}: found {text}, expected NAME:PORT with a port from 0 to 65535")
    return address, int(port)
