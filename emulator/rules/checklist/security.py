"""Security groups on the way from the balancer to the build VM: the documented rule, and what it does not cover."""

from collections.abc import Iterable, Iterator, Sequence

from emulator.model.flow import Flow
from emulator.model.ids import ResourceId
from emulator.model.network import Direction, Interface, SecurityRule
from emulator.model.world import PROBE_SOURCE, Topology, World
from emulator.reason import Verdict
from emulator.rules import security
from emulator.rules.checklist import mends, scene
from emulator.rules.checklist.finding import Answer, Item
from emulator.rules.checklist.mends import Opening

VNET = "VirtualNetwork"
DOCUMENTED = Opening("AzureImageBuilderNsgRule", "Inbound", "AzureLoadBalancer", VNET, ("60000-60001",), 0)
"""https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-vnet"""
PROBES = frozenset({"azureloadbalancer", "*", "any", "0.0.0.0/0", str(PROBE_SOURCE)})
"""Sources by which a rule can let probes in."""
DATA = Opening("AllowPrivateLinkToProxy", "Inbound", VNET, VNET, ("60000-60001",), 1)
BUILD_IN = Opening("AllowProxyToBuildInbound", "Inbound", VNET, VNET, ("22", "5986"), 2)
BUILD_OUT = Opening("AllowProxyToBuildOutbound", "Outbound", VNET, VNET, ("22", "5986"), 0)


def asked(world: World, interface: Interface, direction: Direction, flows: Iterable[Flow]) -> Sequence[Verdict]:
    """What the groups at an interface say of flows."""
    return [security.at_interface(world, interface, direction, flow) for flow in flows]


def denied_of(verdicts: Iterable[Verdict]) -> Sequence[Verdict]:
    """Those that stop their flow."""
    return [verdict for verdict in verdicts if not verdict.carried]


def told(verdicts: Iterable[Verdict]) -> str:
    """Verdicts as one sentence."""
    return "; ".join(dict.fromkeys(verdict.sentence for verdict in verdicts))


def judged(world: World, place: ResourceId, verdicts: Sequence[Verdict], opening: Opening) -> Iterator[Answer]:
    """Failed for each group that denies, with the rule that would open it; ok where none does."""
    denied = denied_of(verdicts)
    for group in dict.fromkeys(ResourceId(verdict.reason.id) for verdict in denied):
        ours = [verdict for verdict in denied if ResourceId(verdict.reason.id) == group]
        yield Answer("failed", group, told(ours), mends.allow(world, first_of(world, ours), opening))
    if not denied:
        yield Answer("ok", place, told(verdicts))


def first_of(world: World, denied: Sequence[Verdict]) -> Verdict:
    """Of verdicts by rules of one group, the one whose rule comes first: what is before it is before all."""
    group = world.find("groups", ResourceId(denied[0].reason.id))
    priorities = {rule.name: rule.priority for rule in group.rules} if group else {}
    return min(denied, key=lambda verdict: priorities.get(verdict.reason.name, mends.MOST + 1))


def probes_of(world: World, proxy: Interface) -> Sequence[Verdict]:
    """What the health probes of a proxy meet."""
    return asked(world, proxy, "Inbound", [scene.probe_flow(proxy, port) for port in scene.proxy_ports(world)])


def proxy_inbound(world: World) -> Iterator[Answer]:
    """Probes reach the proxy, by the documented rule; where another lets them in without it, that is a warning."""
    ports = scene.proxy_ports(world)
    for member in scene.proxies(world):
        proxy = world.interface_of(member)
        verdicts = probes_of(world, proxy)
        groups = list(security.groups_at(world, proxy, "Inbound"))
        lacking = [group for group in groups if not any(_is_documented(rule, ports) for rule in group.rules)]
        if denied_of(verdicts) or not lacking:
            yield from judged(world, proxy.id, verdicts, DOCUMENTED)
        for group in () if denied_of(verdicts) else lacking:
            found = f"security group {group.id.name} lacks the documented rule; all the same, {told(verdicts)}"
            yield Answer("warning", group.id, found, mends.add(group, DOCUMENTED))


def _is_documented(rule: SecurityRule, wanted: Iterable[int]) -> bool:
    """Whether a rule is the documented one, or a wider one, for the ports that this build has."""
    sources = PROBES & {each.lower() for each in rule.source_prefixes}
    ports = all(any(port in each for each in rule.destination_ports) for port in wanted)
    return (rule.direction, rule.access) == ("Inbound", "Allow") and bool(sources) and ports


def probe_by_tag(world: World) -> Iterator[Answer]:
    """No deny on the tag `VirtualNetwork` stops the probes: the tag contains the host's address, too."""
    for member in scene.proxies(world):
        proxy = world.interface_of(member)
        by_tag = [verdict for verdict in denied_of(probes_of(world, proxy)) if _names_the_network(world, verdict)]
        if by_tag:
            yield from judged(world, proxy.id, by_tag, DOCUMENTED)
        else:
            yield Answer("ok", proxy.id, f"no rule on the tag {VNET} denies {PROBE_SOURCE} at {member.hop}")


def _names_the_network(world: World, verdict: Verdict) -> bool:
    group = world.find("groups", ResourceId(verdict.reason.id))
    rules = [rule for rule in group.rules if rule.name == verdict.reason.name] if group else []
    return any(prefix.lower() == VNET.lower() for rule in rules for prefix in rule.source_prefixes)


def data_of(world: World, proxy: Interface) -> Sequence[Verdict]:
    """What private-link data meets at a proxy, if its groups see it: it comes from the service's NAT addresses."""
    _, service, _ = world.linked
    ends = [(nat, port) for nat in service.nat_addresses for port in scene.proxy_ports(world)]
    return asked(world, proxy, "Inbound", [Flow(nat, scene.ANY_PORT, proxy.address, port) for nat, port in ends])


def private_link_data(world: World) -> Iterator[Answer]:
    """Data from the NAT addresses reaches the proxy, in both readings of whether groups see it.

    Azure's documentation has it that they do, with the NAT address as its source; in azure-docs #84627 they seem not
    to. The switch `pls_data_nsg` says which of the two holds here.
    """
    bypassed = world.switches.pls_data_nsg == "bypass"
    for member in scene.proxies(world):
        proxy = world.interface_of(member)
        for answer in judged(world, proxy.id, data_of(world, proxy), DATA):
            if answer.state == "ok":
                yield answer
            elif bypassed:
                found = f"passes by the switch pls_data_nsg: bypass alone; if groups see it, {answer.found}"
                yield Answer("warning", answer.resource, found, answer.mend)
            else:
                found = f"{answer.found} (with the switch pls_data_nsg: bypass it would pass unseen)"
                yield Answer("failed", answer.resource, found, answer.mend)


def outbound_of(world: World, proxy: Interface) -> Sequence[Verdict]:
    """What the proxy's connections to the build VMs meet on their way out."""
    flows = [scene.flow_between(proxy, build, port) for build, port in scene.builds(world)]
    return asked(world, proxy, "Outbound", flows)


def inbound_of(world: World, proxy: Interface) -> Sequence[Verdict]:
    """What the proxy's connections meet at the build VMs."""
    ends = [(build, scene.flow_between(proxy, build, port)) for build, port in scene.builds(world)]
    return [verdict for build, flow in ends for verdict in asked(world, build, "Inbound", [flow])]


def proxy_to_build_outbound(world: World) -> Iterator[Answer]:
    """The proxy may open connections to 22 and 5986: outbound rules hold within a subnet, too."""
    for member in scene.proxies(world):
        proxy = world.interface_of(member)
        yield from judged(world, proxy.id, outbound_of(world, proxy), BUILD_OUT)


def proxy_to_build_inbound(world: World) -> Iterator[Answer]:
    """The build VM lets the proxy in on 22 and 5986."""
    first, _ = scene.builds(world)[0]
    for member in scene.proxies(world):
        yield from judged(world, first.id, inbound_of(world, world.interface_of(member)), BUILD_IN)


def green_but_dead(world: World) -> Iterator[Answer]:
    """No proxy has a green probe and a dead channel: the state of azure-docs #84627."""
    for member in scene.proxies(world):
        proxy = world.interface_of(member)
        dead = _dead(world, proxy)
        if denied_of(probes_of(world, proxy)):
            yield Answer("ok", proxy.id, f"the probe of {member.hop} fails openly")
        elif not dead:
            yield Answer("ok", proxy.id, f"the probe of {member.hop} succeeds, and so do the commands behind it")
        else:
            denied = [verdict for verdict, _ in dead]
            found = f"the probe of {member.hop} is green and the channel behind it dead: {told(denied)}"
            mend = mends.joined(mends.allow(world, verdict, opening) for verdict, opening in dead)
            yield Answer("failed", ResourceId(denied[0].reason.id), found, mend)


def _dead(world: World, proxy: Interface) -> Sequence[tuple[Verdict, Opening]]:
    """The denials behind the probe, one a leg and direction, each with what would open it."""
    data = [] if world.switches.pls_data_nsg == "bypass" else data_of(world, proxy)
    legs = ((data, DATA), (outbound_of(world, proxy), BUILD_OUT), (inbound_of(world, proxy), BUILD_IN))
    return [(first_of(world, denied), opening) for verdicts, opening in legs if (denied := denied_of(verdicts))]


CHECKLIST = "https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-networking"
I84627 = "https://github.com/MicrosoftDocs/azure-docs/issues/84627"
I38326 = "https://github.com/MicrosoftDocs/azure-docs/issues/38326"
LINKED: tuple[Topology, ...] = ("existing-vnet",)
ITEMS = (
    Item(
        "proxy-inbound",
        "Where the load balancer's probes do not reach the proxy VM on 60001 (Linux) or 60000 (Windows), it sends "
        "new connections nowhere: the first point of the documentation's checklist",
        CHECKLIST,
        proxy_inbound,
        LINKED,
    ),
    Item(
        "probe-virtual-network-tag",
        f"The tag {VNET} contains 168.63.129.16, so that a rule that denies the tag stops health probes as well "
        "(azure-docs #38326)",
        I38326,
        probe_by_tag,
        LINKED,
    ),
    Item(
        "private-link-data",
        "Commands reach the proxy VM from the NAT address of the private link service, which the documented rule "
        "does not cover: it admits probes alone",
        "https://learn.microsoft.com/azure/private-link/private-link-service-overview",
        private_link_data,
        LINKED,
    ),
    Item(
        "proxy-to-build-outbound",
        "The proxy VM opens connections to the build VM on 22 and 5986, and outbound rules hold within one subnet "
        "(azure-docs #84627)",
        I84627,
        proxy_to_build_outbound,
        LINKED,
    ),
    Item(
        "proxy-to-build-inbound",
        "The build VM is reached from the proxy VM on 22 and 5986, which the documented rule does not cover "
        "(azure-docs #84627)",
        I84627,
        proxy_to_build_inbound,
        LINKED,
    ),
    Item(
        "probe-green-data-dead",
        "A healthy probe says nothing of the commands: they need the NAT address to the proxy VM and the proxy VM to "
        "the build VM, outbound and inbound; without them a build connects, waits, and ends in `context deadline "
        "exceeded` (azure-docs #84627)",
        I84627,
        green_but_dead,
        LINKED,
    ),
)
