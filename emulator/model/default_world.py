"""The world that is played when nobody brings one: design section 2, in Azure's addresses."""

from ipaddress import IPv4Address, IPv4Network

from emulator.model import deployed
from emulator.model.compute import Member, VirtualMachine
from emulator.model.ids import ResourceId, resource_id
from emulator.model.network import Interface, PublicIp, SecurityGroup, SecurityRule, Subnet, VirtualNetwork
from emulator.model.ports import PortRange
from emulator.model.resources import Parts
from emulator.model.switches import Switches
from emulator.model.world import Topology, World

NETWORK = deployed.NETWORK
VNET = resource_id(NETWORK + "virtualNetworks", "aib-vnet")
BUILD_SUBNET = VNET.child("subnets", "build")
CONTAINER_SUBNET = VNET.child("subnets", "containers")
SERVICE_VNET = resource_id(NETWORK + "virtualNetworks", "aib-service")
SERVICE_SUBNET = SERVICE_VNET.child("subnets", "default")
BUILD_GROUP = resource_id(NETWORK + "networkSecurityGroups", "build-nsg")
PUBLIC_GROUP = resource_id(NETWORK + "networkSecurityGroups", "build-vm-nsg")
LINUX_IP = resource_id(NETWORK + "publicIPAddresses", "build-linux-ip")
WINDOWS_IP = resource_id(NETWORK + "publicIPAddresses", "build-windows-ip")
PUBLIC_ADDRESS = IPv4Address("203.0.113.10")
CONTAINER_GROUPS = "Microsoft.ContainerInstance/containerGroups"
SERVICE_RANGE = IPv4Network("10.61.0.0/24")

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


def build_network(*extra: Subnet, group: ResourceId | None = BUILD_GROUP) -> VirtualNetwork:
    """The customer's network, with the subnet of the build."""
    build = Subnet(BUILD_SUBNET, (IPv4Network("10.60.0.0/24"),), group, "Disabled")
    return VirtualNetwork(VNET, (IPv4Network("10.60.0.0/16"),), (build, *extra))


def service_network(prefix: IPv4Network = SERVICE_RANGE) -> VirtualNetwork:
    """Image Builder's own network, with the client and the private endpoint."""
    return VirtualNetwork(SERVICE_VNET, (prefix,), (Subnet(SERVICE_SUBNET, (prefix,)),))


def _builds() -> tuple[tuple[Interface, ...], tuple[VirtualMachine, ...], tuple[Member, ...]]:
    linux = deployed.interface("build-linux", IPv4Address("10.60.0.8"), BUILD_SUBNET)
    windows = deployed.interface("build-windows", IPv4Address("10.60.0.9"), BUILD_SUBNET)
    both = (deployed.machine("build-linux", "build-linux"), deployed.machine("build-windows", "build-windows"))
    return (linux, windows), tuple(one for one, _ in both), tuple(member for _, member in both)


def _existing_vnet(switches: Switches) -> World:
    interfaces, machines, members = _builds()
    nic = deployed.interface("proxy", IPv4Address("10.60.0.7"), BUILD_SUBNET, pools=(deployed.POOL,))
    proxy, member = deployed.machine("proxy", "proxy", deployed.PROXY_SIZE)
    configurations = (nic.id.child("ipConfigurations", "ipconfig"),)
    endpoint, endpoint_nic = deployed.endpoint(IPv4Address("10.61.0.5"), SERVICE_SUBNET)
    return World(
        topology="existing-vnet",
        client=IPv4Address("10.61.0.4"),
        networks=(build_network(), service_network()),
        groups=(SecurityGroup(BUILD_GROUP, (DOCUMENTED_RULE,)),),
        interfaces=(nic, *interfaces, endpoint_nic),
        machines=(proxy, *machines),
        balancers=(deployed.balancer(IPv4Address("10.60.0.6"), BUILD_SUBNET, configurations),),
        services=(deployed.service(IPv4Address("10.60.0.5"), BUILD_SUBNET),),
        endpoints=(endpoint,),
        parts=Parts(deployed.ENDPOINT, deployed.SERVICE, deployed.BALANCER, BUILD_SUBNET, members=(member, *members)),
        switches=switches,
    )


def client_rules(client: IPv4Address) -> tuple[SecurityRule, ...]:
    """What the group at a public build VM's interface lets in: 22 and 5986 from the client."""
    return tuple(
        SecurityRule(
            name=name,
            priority=priority,
            direction="Inbound",
            access="Allow",
            protocol="Tcp",
            source_prefixes=(str(client),),
            destination_prefixes=("VirtualNetwork",),
            destination_ports=(PortRange(port, port),),
        )
        for name, priority, port in (("AllowSshInbound", 100, 22), ("AllowWinRmInbound", 110, 5986))
    )


def _public_ip(switches: Switches) -> World:
    (linux, windows), machines, members = _builds()
    client = IPv4Address("198.51.100.4")
    interfaces = tuple(
        deployed.interface(name, nic.address, BUILD_SUBNET, group=PUBLIC_GROUP, public_ip=public)
        for name, nic, public in (("build-linux", linux, LINUX_IP), ("build-windows", windows, WINDOWS_IP))
    )
    return World(
        topology="public-ip",
        client=client,
        networks=(build_network(group=None),),
        groups=(SecurityGroup(PUBLIC_GROUP, client_rules(client)),),
        interfaces=interfaces,
        public_ips=(PublicIp(LINUX_IP, PUBLIC_ADDRESS), PublicIp(WINDOWS_IP, PUBLIC_ADDRESS)),
        machines=machines,
        parts=Parts(subnet=BUILD_SUBNET, members=members),
        switches=switches,
    )


def _container_instance(switches: Switches) -> World:
    interfaces, machines, members = _builds()
    containers = Subnet(CONTAINER_SUBNET, (IPv4Network("10.60.1.0/24"),), delegations=(CONTAINER_GROUPS,))
    return World(
        topology="container-instance",
        client=IPv4Address("10.60.1.4"),
        networks=(build_network(containers),),
        groups=(SecurityGroup(BUILD_GROUP, (DOCUMENTED_RULE,)),),
        interfaces=interfaces,
        machines=machines,
        parts=Parts(subnet=BUILD_SUBNET, members=members),
        switches=switches,
    )
