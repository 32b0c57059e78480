"""The world that is played when nobody brings one: design section 2, in Azure's addresses."""

from ipaddress import IPv4Address, IPv4Network

from emulator.model.balancer import BalancingRule, LoadBalancer, Probe
from emulator.model.compute import Role, VirtualMachine
from emulator.model.ids import ResourceId, resource_id
from emulator.model.network import Interface, PortRange, SecurityGroup, SecurityRule, Subnet, VirtualNetwork
from emulator.model.privatelink import PrivateEndpoint, PrivateLinkService
from emulator.model.switches import Switches
from emulator.model.world import PROXY_PORTS, Topology, World

NETWORK = "Microsoft.Network/"
VNET = resource_id(NETWORK + "virtualNetworks", "aib-vnet")
BUILD_SUBNET = VNET.child("subnets", "build")
CONTAINER_SUBNET = VNET.child("subnets", "containers")
SERVICE_VNET = resource_id(NETWORK + "virtualNetworks", "aib-service")
SERVICE_SUBNET = SERVICE_VNET.child("subnets", "default")
BUILD_GROUP = resource_id(NETWORK + "networkSecurityGroups", "build-nsg")
PUBLIC_GROUP = resource_id(NETWORK + "networkSecurityGroups", "build-vm-nsg")
BALANCER = resource_id(NETWORK + "loadBalancers", "aib-lb")
SERVICE = resource_id(NETWORK + "privateLinkServices", "aib-pls")
ENDPOINT = resource_id(NETWORK + "privateEndpoints", "aib-pe")

DOCUMENTED_RULE = SecurityRule(
    name="AzureImageBuilderNsgRule",
    priority=400,
    direction="Inbound",
    access="Allow",
    protocol="Tcp",
    source_prefixes=("AzureLoadBalancer",),
    destination_prefixes=("VirtualNetwork",),
    destination_ports=(PortRange(60000, 60001),),
    description="Allow Image Builder Private Link Access to Proxy VM",
)
"""https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-vnet"""


def default_world(topology: Topology = "existing-vnet", switches: Switches | None = None) -> World:
    """The default world of a topology."""
    worlds = {
        "existing-vnet": _existing_vnet,
        "public-ip": _public_ip,
        "container-instance": _container_instance,
    }
    return worlds[topology](switches or Switches())


def _interface(name: str, address: str, subnet: ResourceId = BUILD_SUBNET) -> Interface:
    found = resource_id(NETWORK + "networkInterfaces", f"{name}-nic")
    return Interface(found, IPv4Address(address), subnet)


def _machine(role: Role, interface: Interface, size: str) -> VirtualMachine:
    return VirtualMachine(resource_id("Microsoft.Compute/virtualMachines", role), role, role, interface.id, size)


def _build_network(*extra: Subnet) -> VirtualNetwork:
    build = Subnet(BUILD_SUBNET, IPv4Network("10.60.0.0/24"), BUILD_GROUP, "Disabled")
    return VirtualNetwork(VNET, (IPv4Network("10.60.0.0/16"),), (build, *extra))


def _balancer(pool: ResourceId) -> LoadBalancer:
    ports = sorted(PROXY_PORTS.values())
    probes = tuple(Probe(BALANCER.child("probes", f"probe-{port}"), port) for port in ports)
    rules = tuple(
        BalancingRule(BALANCER.child("loadBalancingRules", f"rule-{probe.port}"), probe.port, probe.port, probe.id)
        for probe in probes
    )
    return LoadBalancer(BALANCER, IPv4Address("10.60.0.6"), BUILD_SUBNET, (pool,), probes, rules)


def _build_machines() -> tuple[tuple[Interface, ...], tuple[VirtualMachine, ...]]:
    linux = _interface("build-linux", "10.60.0.8")
    windows = _interface("build-windows", "10.60.0.9")
    size = "Standard_D2ds_v4"
    return (linux, windows), (_machine("build-linux", linux, size), _machine("build-windows", windows, size))


def _existing_vnet(switches: Switches) -> World:
    interfaces, machines = _build_machines()
    proxy = _interface("proxy", "10.60.0.7")
    service_net = VirtualNetwork(
        SERVICE_VNET, (IPv4Network("10.61.0.0/24"),), (Subnet(SERVICE_SUBNET, IPv4Network("10.61.0.0/24")),)
    )
    return World(
        topology="existing-vnet",
        client=IPv4Address("10.61.0.4"),
        networks=(_build_network(), service_net),
        groups=(SecurityGroup(BUILD_GROUP, (DOCUMENTED_RULE,)),),
        interfaces=(proxy, *interfaces),
        machines=(_machine("proxy", proxy, "Standard_A1_v2"), *machines),
        balancer=_balancer(proxy.id),
        service=PrivateLinkService(SERVICE, IPv4Address("10.60.0.5"), BUILD_SUBNET, BALANCER),
        endpoint=PrivateEndpoint(ENDPOINT, IPv4Address("10.61.0.5"), SERVICE_SUBNET, SERVICE),
        switches=switches,
    )


def _public_ip(switches: Switches) -> World:
    interfaces, machines = _build_machines()
    allow = tuple(
        SecurityRule(
            name=name,
            priority=priority,
            direction="Inbound",
            access="Allow",
            protocol="Tcp",
            source_prefixes=("198.51.100.4",),
            destination_prefixes=("VirtualNetwork",),
            destination_ports=(PortRange(port, port),),
        )
        for name, priority, port in (("AllowSshInbound", 100, 22), ("AllowWinRmInbound", 110, 5986))
    )
    public = IPv4Address("203.0.113.10")
    return World(
        topology="public-ip",
        client=IPv4Address("198.51.100.4"),
        networks=(
            VirtualNetwork(
                VNET, (IPv4Network("10.60.0.0/16"),), (Subnet(BUILD_SUBNET, IPv4Network("10.60.0.0/24")),)
            ),
        ),
        groups=(SecurityGroup(PUBLIC_GROUP, allow),),
        interfaces=tuple(Interface(each.id, each.address, each.subnet, PUBLIC_GROUP, public) for each in interfaces),
        machines=machines,
        switches=switches,
    )


def _container_instance(switches: Switches) -> World:
    interfaces, machines = _build_machines()
    containers = Subnet(CONTAINER_SUBNET, IPv4Network("10.60.1.0/24"))
    return World(
        topology="container-instance",
        client=IPv4Address("10.60.1.4"),
        networks=(_build_network(containers),),
        groups=(SecurityGroup(BUILD_GROUP, (DOCUMENTED_RULE,)),),
        interfaces=interfaces,
        machines=machines,
        switches=switches,
    )
