"""A world out of whatever was loaded: what is missing of the channel is deployed, as Image Builder would.

People export what they have. Before a build that is a network, its groups and routes; during one it is everything,
staging group included. Resources that bring no network of their own are laid over the default world.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from emulator.errors import InvalidInputError
from emulator.model import deployed
from emulator.model.balancer import Frontend, LoadBalancer
from emulator.model.compute import Member, Role
from emulator.model.default_world import (
    SERVICE_RANGE,
    SERVICE_SUBNET,
    SERVICE_VNET,
    VNET,
    default_world,
    service_network,
)
from emulator.model.image import ImageTemplate
from emulator.model.network import Subnet, VirtualNetwork
from emulator.model.privatelink import PrivateEndpoint, PrivateLinkService
from emulator.model.resources import Lack, Parts, Resource
from emulator.model.switches import Switches
from emulator.model.world import PROXY_PORTS, SYSTEMS, System, Topology, World, build_role
from emulator.rules import approval, pool, space, staging
from emulator.rules import topology as topologies
from emulator.rules.space import Addresses

NOWHERE = IPv4Address("0.0.0.0")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What settings say of the channel, over what the resources say.

    Attributes:
        topology: one of the three; None for what the image template leads to.
        template: the name or ID of the image template.
        subnet: the name or ID of the subnet that builds run in.
        optional: whether a world without a channel will do: the question is about other machines.
    """

    topology: Topology | None = None
    template: str | None = None
    subnet: str | None = None
    optional: bool = False


def assembled(resources: Iterable[Resource], wanted: Wanted = Wanted(), switches: Switches | None = None) -> World:
    """The world of these resources, with a channel in it.

    Where the subnet has no room for what is deployed the world says so (`parts.lacking`), and is not played.

    Raises:
        InvalidInputError: they do not say where builds run, and the channel is not optional.
    """
    switches = switches or Switches()
    loose = World("existing-vnet", NOWHERE, switches=switches).laid(*resources)
    try:
        return approval.begun(_with_channel(approval.begun(loose), wanted, switches))
    except InvalidInputError as error:
        if not wanted.optional:
            raise
        return replace(loose, warnings=(f"there is no channel in this world: {error}",))


def _with_channel(loose: World, wanted: Wanted, switches: Switches) -> World:
    template = topologies.chosen_template(loose, wanted.template)
    topology = wanted.topology or (topologies.topology_of(template, switches) if template else "existing-vnet")
    parts = Parts(template=template.id if template else None)
    own = [each.id for each in loose.networks if each.id not in (VNET, SERVICE_VNET)]
    left_out = _left_out(wanted, template)
    if not own or left_out:
        base = default_world(topology, switches)
        base = replace(base, parts=replace(base.parts, template=parts.template))
        return replace(base.laid(*loose.resources), warnings=tuple(f"{each}: {left_out}" for each in own))
    subnet = topologies.build_subnet(loose, template, wanted.subnet)
    placed = replace(loose, topology=topology, parts=replace(parts, subnet=subnet.id))
    return _Deployment(placed, subnet, template).world()


def _left_out(wanted: Wanted, template: ImageTemplate | None) -> str:
    """Why the networks that were loaded are not the build's; empty where they may be (azure.md 1.1)."""
    if wanted.topology == "public-ip":
        return "is not what the build runs in: topology public-ip builds in a network of Image Builder's own"
    if wanted.topology is None and template and not topologies.names_network(template):
        return (
            f"is not what the build runs in: image template {template.id.name} names no subnet, and so Image Builder "
            "makes a network of its own; `properties.vmProfile.vnetConfig.subnetId` names one"
        )
    return ""


class _Deployment:
    """Adds to a world, step by step, what its channel lacks."""

    def __init__(self, world: World, subnet: Subnet, template: ImageTemplate | None) -> None:
        self._world = world
        self._template = template
        self._subnet = subnet
        self._lacking: list[Lack] = []
        self._addresses = Addresses(world, subnet, self._lacking)
        self._services = _services(world, subnet) if world.topology == "existing-vnet" else ()

    def world(self) -> World:
        if self._world.topology == "existing-vnet":
            self._client_beside(self._link())
        else:
            self._client_in_containers()
        self._builds()
        self._name(lacking=tuple(self._lacking))
        doubts = staging.doubts(self._world, self._subnet, self._services)
        return replace(self._world, warnings=(*(each.sentence for each in self._lacking), *doubts))

    def _lay(self, *resources: Resource) -> None:
        self._world = self._world.laid(*resources)

    def _name(self, **parts: Any) -> None:
        """Say which resources are the channel's."""
        self._world = replace(self._world, parts=replace(self._world.parts, **parts))

    def _link(self) -> PrivateEndpoint:
        """Private endpoint, private link service, balancer, proxies: those that are there, the others deployed."""
        service = staging.preferred(self._world, self._services) or self._deploy_service()
        balancer = self._world.find("balancers", service.frontends[0].parent)
        self._name(balancer=balancer.id, service=service.id, members=tuple(_proxies(self._world, balancer)))
        endpoint = _endpoint(self._world, service) or self._deploy_endpoint(service)
        self._name(endpoint=endpoint.id)
        return endpoint

    def _deploy_service(self) -> PrivateLinkService:
        self._refuse_policies()
        nat = self._addresses.next("the private link service", deployed.SERVICE)
        ours = _balancers(self._world, self._subnet)
        balancer = staging.preferred(self._world, ours) or self._deploy_balancer()
        service = deployed.service(nat, self._subnet.id, _frontend(balancer, self._subnet).id)
        self._lay(service)
        return service

    def _deploy_balancer(self) -> LoadBalancer:
        machine, member = deployed.machine("proxy", "proxy", self._proxy_size())
        frontend = self._addresses.next("the load balancer's frontend", deployed.BALANCER)
        address = self._addresses.next("the proxy VM", member.id)
        nic = deployed.interface("proxy", address, self._subnet.id, pools=(deployed.POOL,))
        found = deployed.balancer(frontend, self._subnet.id, (nic.id.child("ipConfigurations", "ipconfig"),))
        self._lay(nic, machine, found)
        return found

    def _deploy_endpoint(self, service: PrivateLinkService) -> PrivateEndpoint:
        """In a network of Image Builder's own, beside those that were loaded (azure.md 4.1 lets them overlap)."""
        prefix = _beside(self._world.networks)
        address = IPv4Address(int(prefix.network_address) + 5)
        bare, nic = deployed.endpoint(address, SERVICE_SUBNET, service.id)
        endpoint = _as_connected(bare, service)
        self._lay(service_network(prefix), endpoint, nic)
        return endpoint

    def _client_beside(self, endpoint: PrivateEndpoint) -> None:
        """The client stands where Image Builder's container does: in the endpoint's network (azure.md 1.1, B-new)."""
        own = self._world.subnet(endpoint.subnet or SERVICE_SUBNET)
        network = self._world.network_of(own.id)
        delegated = [each for each in network.subnets if topologies.CONTAINERS in map(str.lower, each.delegations)]
        self._place_client(delegated[0] if delegated else own)

    def _client_in_containers(self) -> None:
        self._place_client(topologies.container_subnet(self._world, self._template, self._subnet))

    def _place_client(self, subnet: Subnet) -> None:
        first = sorted(space.free(self._world, subnet))[:1]
        address = first[0] if first else Addresses(self._world, subnet, self._lacking).next("the client")
        self._world = replace(self._world, client=address)

    def _builds(self) -> None:
        """The build VMs: those of the staging group, or where there is none, new ones."""
        found = staging.builds(self._world, self._subnet)
        members = found or tuple(self._deploy_build(build_role(system)) for system in self._systems())
        self._name(members=(*self._world.members, *members))

    def _systems(self) -> Sequence[System]:
        """The template's system; else those that a balancer of the user's has rules for; else both."""
        told = _system_of(self._template) if self._template else None
        balancer = self._world.balancer
        ruled = {rule.frontend_port for rule in balancer.rules} if balancer else set()
        served = [each for each in SYSTEMS if PROXY_PORTS[each] in ruled]
        return [told] if told else served or SYSTEMS

    def _deploy_build(self, role: Role) -> Member:
        machine, member = deployed.machine(role, role, self._size())
        nic = deployed.interface(role, self._addresses.next(f"the {role} VM", member.id), self._subnet.id)
        self._lay(nic, machine)
        return member

    def _refuse_policies(self) -> None:
        """A service takes no NAT address where network policies are on, as by default (azure.md 1.4).

        https://learn.microsoft.com/azure/private-link/disable-private-link-service-network-policy
        """
        if self._subnet.private_link_service_policies != "Disabled":
            said = f"{self._subnet.id}: privateLinkServiceNetworkPolicies: found Enabled, expected Disabled: "
            said += "the private link service of a build cannot take its NAT address there"
            self._lacking.append(Lack(deployed.SERVICE, said))

    def _proxy_size(self) -> str:
        network = self._template.network if self._template else None
        return (network.proxy_size if network else None) or deployed.PROXY_SIZE

    def _size(self) -> str:
        return (self._template.vm_size if self._template else "") or deployed.BUILD_SIZE


def _system_of(template: ImageTemplate) -> System | None:
    """The system that a template builds; its rules are imported only where there is one."""
    from emulator.rules.template.build import system_of

    return system_of(template)


def _services(world: World, subnet: Subnet) -> Sequence[PrivateLinkService]:
    """The private link services whose NAT addresses are in the build's subnet, before balancers that are here."""
    ours = [each for each in world.services if each.subnet == subnet.id and each.nat_addresses]
    return [each for each in ours if each.frontends and world.find("balancers", each.frontends[0].parent)]


def _balancers(world: World, subnet: Subnet) -> Sequence[LoadBalancer]:
    """The balancers with a frontend in the build's subnet and a rule for one of the proxy's ports."""
    ports = set(PROXY_PORTS.values())
    ours = [each for each in world.balancers if subnet.id in {one.subnet for one in each.frontends}]
    return [each for each in ours if ports & {rule.frontend_port for rule in each.rules}]


def _frontend(balancer: LoadBalancer, subnet: Subnet) -> Frontend:
    """The frontend in a subnet that the rules for the proxy's ports are of; any in it where they are of none."""
    ruled = {rule.frontend for rule in balancer.rules if rule.frontend_port in PROXY_PORTS.values()}
    ours = [each for each in balancer.frontends if each.subnet == subnet.id]
    return next((each for each in ours if each.id in ruled), ours[0])


def _as_connected(endpoint: PrivateEndpoint, service: PrivateLinkService) -> PrivateEndpoint:
    """An endpoint in place of one that is not at hand, as one in Microsoft's subscription: in the service's state."""
    states = [each.state for each in service.connections if each.state]
    state = "Approved" if not states or "Approved" in states else states[0]
    return replace(endpoint, connections=tuple(replace(each, state=state) for each in endpoint.connections))


def _proxies(world: World, balancer: LoadBalancer) -> Iterable[Member]:
    """A proxy for each member of the balancer's pools, in order."""
    for number, backend in enumerate(pool.backends(world, balancer), 1):
        interface = world.interface(backend.interface)
        name = "proxy" if number == 1 else f"proxy-{number}"
        yield Member(interface.machine or interface.id, "proxy", name, interface.id)


def _endpoint(world: World, service: PrivateLinkService) -> PrivateEndpoint | None:
    """The private endpoint of a service, an approved one first."""
    ours = [each for each in world.endpoints if each.service == service.id and world.has_subnet(each.subnet)]
    return next((each for each in ours if each.state == "Approved"), ours[0] if ours else None)


def _beside(networks: Iterable[VirtualNetwork]) -> IPv4Network:
    """A range of 256 addresses that no loaded network has."""
    used = [prefix for network in networks for prefix in network.prefixes if isinstance(prefix, IPv4Network)]
    start = int(SERVICE_RANGE.network_address)
    candidates = (IPv4Network((start + (step << 16), 24)) for step in range(256 - 61))
    return next((each for each in candidates if not any(each.overlaps(one) for one in used)), SERVICE_RANGE)
