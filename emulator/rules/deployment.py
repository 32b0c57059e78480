"""A world out of whatever was loaded: what is missing of the channel is deployed, as Image Builder would.

People export what they have. Before a build that is a network, its groups and routes; during one it is everything,
staging group included. Resources that bring no network of their own are laid over the default world.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from emulator.model import deployed
from emulator.model.balancer import Frontend, LoadBalancer
from emulator.model.compute import Member, Role, VirtualMachine
from emulator.model.default_world import (
    SERVICE_RANGE,
    SERVICE_SUBNET,
    SERVICE_VNET,
    VNET,
    default_world,
    service_network,
)
from emulator.model.image import ImageTemplate
from emulator.model.network import Interface, Subnet, VirtualNetwork
from emulator.model.privatelink import PrivateEndpoint, PrivateLinkService
from emulator.model.resources import Parts, Resource
from emulator.model.switches import Switches
from emulator.model.world import PROXY_PORTS, SYSTEMS, Topology, World, build_role
from emulator.rules import pool, space
from emulator.rules import topology as topologies
from emulator.rules.space import Addresses

ROLE_TAG = "aib-emulator-role"
"""A virtual machine with this tag plays the role that it names: `build-linux` or `build-windows`."""
NOWHERE = IPv4Address("0.0.0.0")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What settings say of the channel, over what the resources say.

    Attributes:
        topology: one of the three; None for what the image template leads to.
        template: the name or ID of the image template.
        subnet: the name or ID of the subnet that builds run in.
    """

    topology: Topology | None = None
    template: str | None = None
    subnet: str | None = None


def assembled(resources: Iterable[Resource], wanted: Wanted = Wanted(), switches: Switches | None = None) -> World:
    """The world of these resources, with a channel in it.

    Raises:
        InvalidInputError: they do not say where builds run, or leave no room for what is deployed.
    """
    switches = switches or Switches()
    loose = World("existing-vnet", NOWHERE, switches=switches).laid(*resources)
    template = topologies.chosen_template(loose, wanted.template)
    topology = wanted.topology or (topologies.topology_of(template) if template else "existing-vnet")
    parts = Parts(template=template.id if template else None)
    own = any(each.id not in (VNET, SERVICE_VNET) for each in loose.networks)
    if not own or topology == "public-ip":
        base = default_world(topology, switches)
        return replace(base, parts=replace(base.parts, template=parts.template)).laid(*loose.resources)
    subnet = topologies.build_subnet(loose, template, wanted.subnet)
    placed = replace(loose, topology=topology, parts=replace(parts, subnet=subnet.id))
    return _Deployment(placed, subnet, template).world()


class _Deployment:
    """Adds to a world, step by step, what its channel lacks."""

    def __init__(self, world: World, subnet: Subnet, template: ImageTemplate | None) -> None:
        self._world = world
        self._template = template
        self._subnet = subnet
        self._addresses = Addresses(world, subnet)

    def world(self) -> World:
        if self._world.topology == "existing-vnet":
            self._client_beside(self._link())
        else:
            self._client_in_containers()
        self._builds()
        return self._world

    def _lay(self, *resources: Resource) -> None:
        self._world = self._world.laid(*resources)

    def _name(self, **parts: Any) -> None:
        """Say which resources are the channel's."""
        self._world = replace(self._world, parts=replace(self._world.parts, **parts))

    def _link(self) -> PrivateEndpoint:
        """Private endpoint, private link service, balancer, proxies: those that are there, the others deployed."""
        service = _service(self._world, self._subnet) or self._deploy_service()
        balancer = self._world.find("balancers", service.frontends[0].parent)
        self._name(balancer=balancer.id, service=service.id, members=tuple(_proxies(self._world, balancer)))
        endpoint = _endpoint(self._world, service) or self._deploy_endpoint(service)
        self._name(endpoint=endpoint.id)
        return endpoint

    def _deploy_service(self) -> PrivateLinkService:
        nat = self._addresses.next("the private link service")
        balancer = _balancer(self._world, self._subnet) or self._deploy_balancer()
        service = deployed.service(nat, self._subnet.id, _frontend(balancer, self._subnet).id)
        self._lay(service)
        return service

    def _deploy_balancer(self) -> LoadBalancer:
        frontend = self._addresses.next("the load balancer's frontend")
        address = self._addresses.next("the proxy VM")
        nic = deployed.interface("proxy", address, self._subnet.id, pools=(deployed.POOL,))
        size = self._template.network.proxy_size if self._template and self._template.network else None
        machine, _ = deployed.machine("proxy", "proxy", size or deployed.PROXY_SIZE)
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
        self._world = replace(
            self._world, client=first[0] if first else Addresses(self._world, subnet).next("the client")
        )

    def _builds(self) -> None:
        """The build VMs: those of the staging group, or where there is none, new ones."""
        roles = [build_role(system) for system in SYSTEMS]
        found = [member for role in roles if (member := _build(self._world, self._subnet, role))]
        members = found or [self._deploy_build(role) for role in roles]
        self._name(members=(*self._world.members, *members))

    def _deploy_build(self, role: Role) -> Member:
        nic = deployed.interface(role, self._addresses.next(f"the {role} VM"), self._subnet.id)
        machine, member = deployed.machine(role, role, self._size())
        self._lay(nic, machine)
        return member

    def _size(self) -> str:
        return (self._template.vm_size if self._template else "") or deployed.BUILD_SIZE


def _service(world: World, subnet: Subnet) -> PrivateLinkService | None:
    """The private link service whose NAT addresses are in the build's subnet, in front of a balancer that is here."""
    ours = [each for each in world.services if each.subnet == subnet.id and each.nat_addresses]
    return next((each for each in ours if each.frontends and world.find("balancers", each.frontends[0].parent)), None)


def _balancer(world: World, subnet: Subnet) -> LoadBalancer | None:
    """The balancer with a frontend in the build's subnet and a rule for one of the proxy's ports."""
    ports = set(PROXY_PORTS.values())
    for each in world.balancers:
        if each.subnet == subnet.id and ports & {rule.frontend_port for rule in each.rules}:
            return each
    return None


def _frontend(balancer: LoadBalancer, subnet: Subnet) -> Frontend:
    """The frontend in a subnet that the rules for the proxy's ports are of; any in it where they are of none."""
    ruled = {rule.frontend for rule in balancer.rules if rule.frontend_port in PROXY_PORTS.values()}
    ours = [each for each in balancer.frontends if each.subnet == subnet.id]
    return next((each for each in ours if each.id in ruled), ours[0])


def _as_connected(endpoint: PrivateEndpoint, service: PrivateLinkService) -> PrivateEndpoint:
    """An endpoint in place of one that is not at hand, as one in Microsoft's subscription: in the service's state."""
    states = [each.state for each in service.connections]
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


def _build(world: World, subnet: Subnet, role: Role) -> Member | None:
    """The machine that plays a build VM: tagged so, or of the operating system in the staging group."""
    proxies = {member.id for member in world.members}
    found = [each for each in _in_subnet(world, subnet) if each[0].id not in proxies]
    tagged = next((each for each in found if each[0].tag.get(ROLE_TAG, "").lower() == role), None)
    system = deployed.SYSTEMS[role]
    of_system = [each for each in found if each[0].system == system and ROLE_TAG not in each[0].tag]
    staged = [each for each in of_system if _is_staged(world, each[0])]
    chosen = tagged or (staged[0] if staged else None)
    return Member(chosen[0].id, role, role, chosen[1].id) if chosen else None


def _in_subnet(world: World, subnet: Subnet) -> Sequence[tuple[VirtualMachine, Interface]]:
    """The machines with an interface in a subnet."""
    found = []
    for machine in world.machines:
        for nic in machine.interfaces:
            interface: Interface | None = world.find("interfaces", nic)
            if interface and any(each.subnet == subnet.id and each.address for each in interface.configurations):
                found.append((machine, interface))
    return found


def _is_staged(world: World, machine: VirtualMachine) -> bool:
    """Whether Image Builder, or we in its place, made a machine: it is in a staging group, or beside its balancer.

    Image Builder's own groups are called `IT_…` (azure.md 1.8).
    """
    group = machine.id.resource_group.lower()
    template: ImageTemplate | None = world.find("templates", world.parts.template) if world.parts.template else None
    staging = template.staging_group if template else None
    beside = (world.parts.balancer, world.parts.service, staging, deployed.BALANCER)
    return group.startswith("it_") or group in {each.resource_group.lower() for each in beside if each}


def _beside(networks: Iterable[VirtualNetwork]) -> IPv4Network:
    """A range of 256 addresses that no loaded network has."""
    used = [prefix for network in networks for prefix in network.prefixes if isinstance(prefix, IPv4Network)]
    start = int(SERVICE_RANGE.network_address)
    candidates = (IPv4Network((start + (step << 16), 24)) for step in range(256 - 61))
    return next((each for each in candidates if not any(each.overlaps(one) for one in used)), SERVICE_RANGE)
