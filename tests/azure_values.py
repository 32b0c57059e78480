"""Random resources of every type, as Azure could hold them, and the shapes in which tools print them."""

from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Address, ip_network
from typing import Any, TypeVar, get_args

from hypothesis import strategies as st

from emulator.model.access import Permission, RoleAssignment, RoleDefinition
from emulator.model.arm.compute import role_id
from emulator.model.arm.powershell import ROLES
from emulator.model.balancer import (
    AdminState,
    BalancingRule,
    Distribution,
    Frontend,
    LoadBalancer,
    NatRule,
    OutboundRule,
    Pool,
    PoolAddress,
    Probe,
    TransportProtocol,
)
from emulator.model.compute import VirtualMachine
from emulator.model.ids import ResourceId, resource_id
from emulator.model.image import ImageTemplate, NetworkConfig
from emulator.model.kept import Kept
from emulator.model.network import (
    AdminAccess,
    AdminRule,
    ApplicationSecurityGroup,
    EndpointPolicy,
    Interface,
    IpConfiguration,
    NextHop,
    Peering,
    Policy,
    PublicIp,
    Route,
    RouteTable,
    RuleProtocol,
    SecurityGroup,
    SecurityRule,
    ServiceTags,
    Subnet,
    VirtualNetwork,
)
from emulator.model.privatelink import (
    ConnectionState,
    EndpointConnection,
    NatConfiguration,
    PrivateEndpoint,
    PrivateLinkService,
    ServiceConnection,
)
from emulator.model.resources import Other, Resource
from tests.worlds import DIRECTIONS, RANGES, TAGS, port_ranges

T = TypeVar("T")
Strategy = st.SearchStrategy
NETWORK = "Microsoft.Network/"
UNREAD = ("provisioningState", "resourceGuid", "allowBackendPortConflict", "some day", "ünï")
UNREAD_BESIDE = ("etag", "zones", "managedBy", "extendedLocation")

words = st.text(alphabet="abcXYZ 019._-ä", min_size=1, max_size=8)
names = st.text(alphabet="abcXYZ019._-", min_size=1, max_size=6)
json_values: Strategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 70000)
    | st.floats(allow_nan=False)
    | st.text(max_size=6)
    | st.sampled_from(["*", "Tcp", "10.0.0.0/8", "/a/b", "a/b", "9" * 5000, "2001:db8::1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "name", "x"]), inner),
    max_leaves=6,
)
v4: Strategy[IPv4Address] = st.integers(0, 2**32 - 1).map(IPv4Address)
addresses = st.one_of(v4, v4, v4, st.ip_addresses(v=6))
ranges = st.one_of(
    st.tuples(v4, st.integers(0, 32)).map(lambda both: ip_network(both, strict=False)),
    st.tuples(st.ip_addresses(v=6), st.integers(0, 128)).map(lambda both: ip_network(both, strict=False)),
)


def some(values: Strategy[T], least: int = 0, most: int = 2) -> Strategy[tuple[T, ...]]:
    """A tuple of a few values."""
    return st.lists(values, min_size=least, max_size=most).map(tuple)


def maybe(values: Strategy[T]) -> Strategy[T | None]:
    """A value, or none."""
    return st.none() | values


def one_of(kind: Any) -> Strategy[Any]:
    """One of the words of a literal type."""
    return st.sampled_from(get_args(kind))


def ids(kind: str) -> Strategy[ResourceId]:
    """IDs of a type, in a few groups."""
    return st.builds(resource_id, st.just(kind), names, group=st.sampled_from(["rg", "IT_rg_x"]))


def below(kind: str, collection: str) -> Strategy[ResourceId]:
    """IDs of parts of resources of a type."""
    return st.builds(ResourceId.child, ids(kind), st.just(collection), names)


def kept(*objects: str, beside: tuple[str, ...] = ()) -> Strategy[Kept]:
    """Fields that nobody reads: alone, and within the objects of which only a field is read."""

    def fields(words: tuple[str, ...], holders: tuple[str, ...]) -> Strategy[Any]:
        alone = st.dictionaries(st.sampled_from(words), json_values, max_size=2)
        more = st.dictionaries(st.sampled_from(holders), st.builds(lambda value: {"more": value}, json_values))
        return st.builds(lambda one, two: {**one, **two}, alone, more) if holders else alone

    return st.builds(Kept, fields(UNREAD_BESIDE, beside), fields(UNREAD, objects))


def parts(parent: ResourceId, collection: str, make: Callable[[ResourceId], Strategy[T]]) -> Strategy[tuple[T, ...]]:
    """A few parts of a resource, of different names."""
    found = st.lists(names, unique_by=str.lower, max_size=2)
    return found.flatmap(lambda few: st.tuples(*(make(parent.child(collection, name)) for name in few)))


SUBNETS = below(NETWORK + "virtualNetworks", "subnets")
GROUPS = ids(NETWORK + "networkSecurityGroups")
APPLICATION_GROUPS = ids(NETWORK + "applicationSecurityGroups")
POOLS = below(NETWORK + "loadBalancers", "backendAddressPools")
CONFIGURATIONS = below(NETWORK + "networkInterfaces", "ipConfigurations")
IDENTITIES = ids("Microsoft.ManagedIdentity/userAssignedIdentities")
places = st.sampled_from(["westeurope", "North Europe"])


def subnets(identity: ResourceId) -> Strategy[Subnet]:
    """Subnets of an ID."""
    return st.builds(
        Subnet,
        st.just(identity),
        some(ranges, 1),
        maybe(GROUPS),
        one_of(Policy),
        one_of(EndpointPolicy),
        maybe(ids(NETWORK + "routeTables")),
        maybe(ids(NETWORK + "natGateways")),
        maybe(st.booleans()),
        some(st.just("Microsoft.ContainerInstance/containerGroups") | words, most=1),
        kept(),
    )


def peerings(identity: ResourceId) -> Strategy[Peering]:
    """Peerings of a name."""
    return st.builds(
        Peering,
        st.just(identity.name),
        ids(NETWORK + "virtualNetworks"),
        st.sampled_from(["Initiated", "Connected", "Disconnected"]),
        st.booleans(),
        some(ranges),
        st.booleans(),
        kept("remoteAddressSpace"),
    )


@st.composite
def networks(draw: st.DrawFn) -> VirtualNetwork:
    """Virtual networks with subnets and peerings."""
    identity = draw(ids(NETWORK + "virtualNetworks"))
    return VirtualNetwork(
        identity,
        draw(some(ranges)),
        draw(parts(identity, "subnets", subnets)),
        draw(places),
        draw(parts(identity, "virtualNetworkPeerings", peerings)),
        draw(maybe(st.integers(4, 30))),
        draw(kept("addressSpace")),
    )


def _ends() -> Strategy[tuple[tuple[str, ...], tuple[ResourceId, ...]]]:
    """The addresses of one end of a rule: prefixes with one tag at most, or application security groups."""
    tag = some(st.sampled_from((*TAGS, "Storage.WestEurope")), most=1)
    prefixes = st.tuples(tag, some(st.sampled_from(RANGES), 1)).map(lambda both: (*both[0], *both[1]))
    by_prefix = prefixes.map(lambda found: (found, ()))
    return by_prefix | some(APPLICATION_GROUPS, 1).map(lambda found: ((), found))


@st.composite
def rules(draw: st.DrawFn, number: int) -> SecurityRule:
    """Rules whose name and priority no other number has."""
    (sources, source_groups), (destinations, destination_groups) = draw(_ends()), draw(_ends())
    return SecurityRule(
        f"r{draw(names)}-{number}",
        100 + number,
        draw(st.sampled_from(DIRECTIONS)),
        draw(st.sampled_from(["Allow", "Deny"])),
        draw(one_of(RuleProtocol)),
        sources,
        draw(some(port_ranges, 1)),
        destinations,
        draw(some(port_ranges, 1)),
        source_groups,
        destination_groups,
        draw(st.text(max_size=8)),
        draw(kept()),
    )


@st.composite
def security_groups(draw: st.DrawFn) -> SecurityGroup:
    """Security groups of any ID, ends given by prefixes or by application security groups."""
    numbers = range(draw(st.integers(0, 3)))
    own = tuple(draw(rules(number)) for number in numbers)
    return SecurityGroup(draw(GROUPS), own, draw(places), draw(st.booleans()), draw(kept()))


ADMIN_RULES = below(
    NETWORK + "networkManagers/m/securityAdminConfigurations/c/ruleCollections", "rules"
)  # `…/ruleCollections/NAME/rules/NAME`
admin_prefixes = some(st.sampled_from((*TAGS, *RANGES)))
admin_rules = st.builds(
    AdminRule,
    ADMIN_RULES,
    st.integers(1, 4096),
    st.sampled_from(DIRECTIONS),
    one_of(AdminAccess),
    one_of(RuleProtocol),
    admin_prefixes,
    some(port_ranges),
    admin_prefixes,
    some(port_ranges),
    kept(),
)
application_groups = st.builds(ApplicationSecurityGroup, APPLICATION_GROUPS, places, kept())


@st.composite
def routes(draw: st.DrawFn, identity: ResourceId) -> Route:
    """Routes of a name; one to an appliance has its address."""
    hop = draw(one_of(NextHop))
    address = draw(v4 if hop == "VirtualAppliance" else maybe(v4))
    prefix = draw(ranges.map(str) | st.sampled_from(["0.0.0.0/0", "Storage.WestEurope"]))
    return Route(identity.name, prefix, hop, address, draw(kept()))


@st.composite
def route_tables(draw: st.DrawFn) -> RouteTable:
    """Route tables with a few routes."""
    identity = draw(ids(NETWORK + "routeTables"))
    found = draw(parts(identity, "routes", routes))
    return RouteTable(identity, found, draw(st.booleans()), draw(places), draw(kept()))


def configurations(identity: ResourceId) -> Strategy[IpConfiguration]:
    """IP configurations of a name, with and without subnet and address."""
    return st.builds(
        IpConfiguration,
        st.just(identity.name),
        maybe(SUBNETS),
        maybe(addresses),
        st.integers(0, 128),
        st.booleans(),
        maybe(ids(NETWORK + "publicIPAddresses")),
        some(APPLICATION_GROUPS),
        some(POOLS),
        kept(),
    )


@st.composite
def interfaces(draw: st.DrawFn) -> Interface:
    """Interfaces with a few configurations."""
    identity = draw(ids(NETWORK + "networkInterfaces"))
    return Interface(
        identity,
        draw(parts(identity, "ipConfigurations", configurations)),
        draw(maybe(GROUPS)),
        draw(maybe(ids("Microsoft.Compute/virtualMachines"))),
        draw(st.booleans()),
        draw(places),
        draw(kept()),
    )


public_ips = st.builds(PublicIp, ids(NETWORK + "publicIPAddresses"), maybe(addresses), places, kept(beside=("sku",)))
service_tags = st.builds(
    ServiceTags,
    ids(NETWORK + "serviceTags"),
    some(st.tuples(words, some(ranges))),
    st.builds(Kept, st.just({}), st.dictionaries(st.sampled_from(UNREAD), json_values, max_size=2)),
)


def frontends(identity: ResourceId) -> Strategy[Frontend]:
    """Frontends of an ID."""
    public = maybe(ids(NETWORK + "publicIPAddresses"))
    return st.builds(Frontend, st.just(identity), maybe(addresses), maybe(SUBNETS), public, kept())


def pools(identity: ResourceId) -> Strategy[Pool]:
    """Pools of an ID, with members by interface and by address."""
    network = maybe(ids(NETWORK + "virtualNetworks"))
    members = parts(
        identity,
        "loadBalancerBackendAddresses",
        lambda each: st.builds(
            PoolAddress,
            st.just(each.name),
            maybe(addresses),
            network,
            one_of(AdminState),
            maybe(CONFIGURATIONS),
            kept(),
        ),
    )
    drain = maybe(st.integers(0, 1_000_000))
    return st.builds(Pool, st.just(identity), some(CONFIGURATIONS), members, drain, kept())


def probes(identity: ResourceId) -> Strategy[Probe]:
    """Probes of an ID; those by HTTP have a path."""
    protocol = st.sampled_from([("Tcp", ""), ("Http", "/"), ("Https", "/health")])
    return protocol.flatmap(
        lambda both: st.builds(
            Probe,
            st.just(identity),
            st.integers(1, 65535),
            st.just(both[0]),
            st.integers(5, 2_147_483_646),
            st.integers(1, 100),
            st.just(both[1]),
            maybe(st.integers(1, 9)),
            st.sampled_from(["AllProbedDown", "AllProbedUp"]),
            kept(),
        )
    )


ELSEWHERE = resource_id(NETWORK + "loadBalancers", "x", group="elsewhere").child("frontendIPConfigurations", "f")
TIMING: tuple[Strategy[Any], ...] = (st.integers(4, 100), st.booleans(), st.booleans())


@st.composite
def balancing_rules(draw: st.DrawFn, identity: ResourceId, balancer: LoadBalancer) -> BalancingRule:
    """Rules that name parts of their balancer, or of another."""
    protocol = draw(one_of(TransportProtocol))
    fronts = [st.just(each.id) for each in balancer.frontends]
    probe_ids = [st.just(each.id) for each in balancer.probes]
    idle, reset, floating = TIMING
    return BalancingRule(
        identity,
        0 if protocol == "All" else draw(st.integers(1, 65534)),
        draw(st.integers(0, 65535)),
        draw(st.one_of(st.none(), *probe_ids)),
        draw(st.one_of(st.none(), st.just(ELSEWHERE), *fronts)),
        tuple(each.id for each in balancer.pools),
        protocol,
        draw(one_of(Distribution)),
        draw(idle),
        draw(reset),
        draw(floating),
        draw(st.booleans()),
        draw(kept()),
    )


@st.composite
def balancers(draw: st.DrawFn) -> LoadBalancer:
    """Load balancers with every kind of part."""
    identity = draw(ids(NETWORK + "loadBalancers"))
    fronts = draw(parts(identity, "frontendIPConfigurations", frontends))
    bare = LoadBalancer(
        identity,
        fronts,
        draw(parts(identity, "backendAddressPools", pools)),
        draw(parts(identity, "probes", probes)),
    )
    frontend = maybe(st.sampled_from([each.id for each in fronts])) if fronts else st.none()
    port = st.integers(0, 65534)
    nat_rules = parts(
        identity,
        "inboundNatRules",
        lambda each: st.builds(
            NatRule,
            st.just(each),
            port,
            port,
            frontend,
            maybe(CONFIGURATIONS),
            one_of(TransportProtocol),
            *TIMING,
            kept(),
        ),
    )
    several = st.just(tuple(each.id for each in fronts))
    outbound = parts(
        identity,
        "outboundRules",
        lambda each: st.builds(OutboundRule, st.just(each), several, maybe(POOLS), one_of(TransportProtocol), kept()),
    )
    return LoadBalancer(
        identity,
        bare.frontends,
        bare.pools,
        bare.probes,
        draw(parts(identity, "loadBalancingRules", lambda each: balancing_rules(each, bare))),
        draw(nat_rules),
        draw(outbound),
        draw(st.sampled_from(["Basic", "Standard"])),
        draw(places),
        draw(kept(beside=("sku",))),
    )


@st.composite
def services(draw: st.DrawFn) -> PrivateLinkService:
    """Private link services with NAT addresses and connections."""
    identity = draw(ids(NETWORK + "privateLinkServices"))
    state = "privateLinkServiceConnectionState"

    def nat(each: ResourceId) -> Strategy[NatConfiguration]:
        return st.builds(
            NatConfiguration, st.just(each.name), maybe(addresses), maybe(SUBNETS), st.booleans(), kept()
        )

    def connection(each: ResourceId) -> Strategy[EndpointConnection]:
        endpoint, link = maybe(ids(NETWORK + "privateEndpoints")), maybe(st.integers(0, 2**32 - 1))
        return st.builds(EndpointConnection, st.just(each), endpoint, one_of(ConnectionState), link, kept(state))

    return PrivateLinkService(
        identity,
        draw(parts(identity, "ipConfigurations", nat)),
        draw(some(below(NETWORK + "loadBalancers", "frontendIPConfigurations"))),
        draw(parts(identity, "privateEndpointConnections", connection)),
        draw(some(words)),
        draw(some(words)),
        draw(st.booleans()),
        draw(places),
        draw(kept("visibility", "autoApproval")),
    )


@st.composite
def endpoints(draw: st.DrawFn) -> PrivateEndpoint:
    """Private endpoints with connections of both kinds."""
    identity = draw(ids(NETWORK + "privateEndpoints"))

    def connection(each: ResourceId) -> Strategy[ServiceConnection]:
        service = maybe(ids(NETWORK + "privateLinkServices"))
        return st.builds(
            ServiceConnection,
            st.just(each.name),
            service,
            one_of(ConnectionState),
            kept("privateLinkServiceConnectionState"),
        )

    return PrivateEndpoint(
        identity,
        draw(maybe(SUBNETS)),
        draw(parts(identity, "privateLinkServiceConnections", connection)),
        draw(parts(identity, "manualPrivateLinkServiceConnections", connection)),
        draw(maybe(addresses)),
        draw(some(ids(NETWORK + "networkInterfaces"))),
        draw(places),
        draw(kept()),
    )


machines = st.builds(
    VirtualMachine,
    ids("Microsoft.Compute/virtualMachines"),
    some(ids(NETWORK + "networkInterfaces")),
    words,
    st.sampled_from([None, "Linux", "Windows"]),
    places,
    st.dictionaries(words, st.text(max_size=4), max_size=3).map(lambda found: tuple(found.items())),
    kept("hardwareProfile", "storageProfile", "networkProfile"),
)
permissions = st.builds(
    Permission,
    some(words),
    some(words),
    st.builds(Kept, st.just({}), st.dictionaries(st.sampled_from(["dataActions", "x y"]), json_values)),
)
role_definitions = st.builds(
    RoleDefinition, names.map(lambda name: ResourceId(ROLES + name)), words, some(permissions), some(words), kept()
)
role_assignments = st.builds(
    RoleAssignment,
    ids("Microsoft.Authorization/roleAssignments"),
    words,
    names.map(role_id),
    ids(NETWORK + "virtualNetworks"),
    st.text(max_size=5),
    kept(),
)
configs = st.builds(NetworkConfig, maybe(SUBNETS), maybe(SUBNETS), maybe(st.just("") | words), *[maybe(words)] * 3)
templates = st.builds(
    ImageTemplate,
    ids("Microsoft.VirtualMachineImages/imageTemplates"),
    maybe(configs.filter(lambda config: config != NetworkConfig())),
    st.lists(st.tuples(IDENTITIES, st.text(max_size=5)), unique_by=lambda pair: pair[0].text, max_size=2).map(tuple),
    some(IDENTITIES),
    words,
    maybe(st.just(ResourceId("/subscriptions/s/resourceGroups/staging"))),
    places,
    st.sampled_from(["", "2024-02-01"]),
    kept=st.builds(Kept, st.dictionaries(st.sampled_from(UNREAD_BESIDE), json_values)),
)
others = st.builds(
    lambda identity, raw: Other(identity, {"id": identity.text, **raw}),
    ids("Microsoft.Network/firewallPolicies"),
    st.dictionaries(st.sampled_from(["name", "properties", *UNREAD]), json_values),
)

VALUES: Mapping[type, Strategy[Any]] = {
    VirtualNetwork: networks(),
    SecurityGroup: security_groups(),
    ApplicationSecurityGroup: application_groups,
    AdminRule: admin_rules,
    RouteTable: route_tables(),
    Interface: interfaces(),
    PublicIp: public_ips,
    LoadBalancer: balancers(),
    PrivateLinkService: services(),
    PrivateEndpoint: endpoints(),
    VirtualMachine: machines,
    RoleDefinition: role_definitions,
    RoleAssignment: role_assignments,
    ImageTemplate: templates,
    ServiceTags: service_tags,
    Other: others,
}
"""A strategy for each type of resource."""
resources: Strategy[Resource] = st.sampled_from(list(VALUES.values())).flatmap(lambda found: found)

Path = tuple[str | int, ...]


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Where a value can stand in a document, the document itself apart."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from paths(inner, (*path, key))


def with_value(document: Any, path: Path, value: Any) -> Any:
    """A copy of a document with another value at a path."""
    if not path:
        return value
    first, rest = path[0], path[1:]
    if isinstance(document, dict):
        return {**document, first: with_value(document[first], rest, value)}
    return [with_value(each, rest, value) if index == first else each for index, each in enumerate(document)]


def flattened(value: Any) -> Any:
    """A document as the Azure CLI prints it: what stands in `properties` beside the rest."""
    if isinstance(value, list):
        return [flattened(each) for each in value]
    if not isinstance(value, dict):
        return value
    inner = value.get("properties")
    own = {key: each for key, each in value.items() if key != "properties" or not isinstance(inner, dict)}
    joined = {**own, **(inner if isinstance(inner, dict) else {})}
    return {key: flattened(each) for key, each in joined.items()}


def pascal(value: Any) -> Any:
    """A document with its names as PowerShell spells them; tags keep theirs."""
    if isinstance(value, list):
        return [pascal(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {key[:1].upper() + key[1:]: each if key == "tags" else pascal(each) for key, each in value.items()}


SOMEWHERE = IPv4Address("10.61.0.4")
