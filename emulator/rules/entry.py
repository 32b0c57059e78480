"""The postures that a world gives to its listeners: what each source's SYN meets."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address

from emulator.model.compute import Member
from emulator.model.flow import Flow
from emulator.model.network import AdminRule, Interface, SecurityGroup
from emulator.model.world import PROBE_SOURCE, System, World
from emulator.reason import Outcome
from emulator.rules import frontend, path, security
from emulator.rules.condition import Condition, probe_verdict
from emulator.rules.distribution import backend_hash, prefix
from emulator.rules.posture import Answer, Posture, SourceClass, Spread

ANSWERS = {Outcome.CARRIED: Answer.OPEN, Outcome.DROPPED: Answer.DROP, Outcome.REFUSED: Answer.REFUSE}
OUTSIDER = IPv4Address("127.0.0.1")
"""What a local process that is no hop counts as behind the entry: nobody in any virtual network."""
EVERY_PORT = (0, 65535)

Sources = Mapping[str, IPv4Address]
"""Transport addresses and the Azure addresses they stand for."""


def entry_posture(world: World, condition: Condition, system: System, sources: Sources) -> Posture:
    """The posture of the client-facing listener; a source that stands for nobody counts as the AIB client.

    A listener cannot refuse one source and drop another. Where the client is to be refused, its answer is given
    to all: nobody else on this machine dials here but to look around.
    """
    everybody = list(_classes(world, condition, system, None, world.client))
    if any(source.answer is Answer.REFUSE for source in everybody):
        return Posture(tuple(_merged(everybody)))
    named = [
        each
        for transport, azure in sources.items()
        if azure != world.client
        for each in _classes(world, condition, system, transport, azure)
    ]
    return Posture(tuple(_merged([*named, *everybody])))


def proxy_posture(world: World, condition: Condition, proxy: Member, port: int, sources: Sources) -> Posture:
    """The posture of a proxy's listener: as the groups say of each source, outsiders included."""
    interface = world.interface_of(proxy)
    if condition.silence_of(proxy.hop) is not None:
        return Posture.to_all(Answer.DROP)
    if proxy.hop in condition.stopped:
        return Posture.to_all(Answer.REFUSE)
    classes: list[SourceClass] = []
    for transport, azure in [*sources.items(), (None, OUTSIDER)]:
        if azure == PROBE_SOURCE:
            verdict = probe_verdict(world, condition, proxy, port)
            classes.append(SourceClass(transport, EVERY_PORT, ANSWERS[verdict.outcome]))
        else:
            classes += _at_proxy(world, interface, port, transport, azure)
    return Posture(tuple(_merged(classes)))


def _at_proxy(
    world: World, interface: Interface, port: int, transport: str | None, azure: IPv4Address
) -> Sequence[SourceClass]:
    nat = world.service is not None and azure == world.service.nat_address
    if nat and world.switches.pls_data_nsg == "bypass":
        return [SourceClass(transport, EVERY_PORT, Answer.OPEN)]
    classes = []
    for first, last in source_ports(world):
        verdict = security.at_interface(world, interface, "Inbound", Flow(azure, first, interface.address, port))
        classes.append(SourceClass(transport, (first, last), ANSWERS[verdict.outcome]))
    if nat and any(each.answer is Answer.OPEN for each in classes):
        # The entry judged the client's own source port before it dialled; the hop's transport port means nothing.
        return [SourceClass(transport, EVERY_PORT, Answer.OPEN)]
    return classes


def _classes(
    world: World, condition: Condition, system: System, transport: str | None, azure: IPv4Address
) -> Iterator[SourceClass]:
    for first, last in source_ports(world):
        flow = path.client_flow(world, system, first, azure)
        yield SourceClass(transport, (first, last), _answer(flow, world, condition, system))


def _answer(flow: Flow, world: World, condition: Condition, system: System) -> Answer | Spread:
    if world.topology == "existing-vnet" and world.service and world.balancer:
        rule = frontend.rule_of(world, flow.destination_port)
        backends = frontend.eligible(world, condition, rule) if rule else ()
        if rule and len(backends) > 1:
            front = world.frontend.private_address
            natted = Flow(world.service.nat_address, flow.source_port, front, flow.destination_port)
            legs = [path.at_proxy(natted, world, condition, each, rule) for each in backends]
            answers = [ANSWERS[leg.verdict.outcome] for leg in legs]
            if len(set(answers)) > 1 and path.decide(flow, world, condition, system).legs[0].verdict.carried:
                names = [backend_hash(each.interface.text) for each in backends]
                by_port = rule.distribution == "Default"
                return Spread(prefix(natted, rule.distribution), by_port, tuple(zip(names, answers, strict=True)))
    return ANSWERS[path.decide(flow, world, condition, system).end(1).verdict.outcome]


def source_ports(world: World) -> list[tuple[int, int]]:
    """The ranges of source ports that nothing on the channel tells apart."""
    return world.remembered("source ports", lambda: port_classes(_groups(world), world.admin_rules))


def _groups(world: World) -> Sequence[SecurityGroup]:
    """The security groups that can meet the channel: of other machines' there may be hundreds."""
    nics = [world.interface_of(member) for member in world.members]
    subnets = {nic.subnet for nic in nics} | ({world.endpoint.subnet} if world.endpoint else set())
    homes = [each for network in world.networks for each in network.subnets]
    ours = {each.group for each in homes if each.id in subnets or world.client in each}
    on_the_way = [nic for nic in world.interfaces if nic.forwarding]
    ours |= {nic.group for nic in (*nics, *world.holders(world.client), *on_the_way)}
    ours |= {each.group for each in homes if each.id in {nic.subnet for nic in on_the_way}}
    return [group for group in world.groups if group.id in ours]


def port_classes(groups: Iterable[SecurityGroup], admin_rules: Iterable[AdminRule] = ()) -> list[tuple[int, int]]:
    """The ranges of source ports that no rule of `groups`, and no security admin rule, tells apart."""
    ranges = [ports for group in groups for rule in group.rules for ports in rule.source_ports]
    ranges += [ports for rule in admin_rules for ports in rule.source_ports]
    starts = sorted({0, *(ports.first for ports in ranges), *(ports.last + 1 for ports in ranges)} - {65536})
    return list(zip(starts, [*(start - 1 for start in starts[1:]), 65535], strict=True))


def _merged(classes: Iterable[SourceClass]) -> Sequence[SourceClass]:
    """Neighbouring port ranges of one source with one answer become one class."""
    merged: list[SourceClass] = []
    for each in classes:
        last = merged[-1] if merged else None
        if last and (last.address, last.answer) == (each.address, each.answer):
            merged[-1] = SourceClass(last.address, (last.ports[0], each.ports[1]), last.answer)
        else:
            merged.append(each)
    return merged
