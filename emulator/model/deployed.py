"""What Azure Image Builder deploys for a build, as resources: the parts of the channel, from their addresses.

Where its choices are documented (ports, the proxy's size) these are they; names and probe settings are ours
(azure.md 1.1 to 1.3, and row 11 of section 7).
"""

from ipaddress import IPv4Address

from emulator.model.balancer import BalancingRule, Frontend, LoadBalancer, Pool, Probe
from emulator.model.compute import Member, OperatingSystem, Role, VirtualMachine
from emulator.model.ids import ResourceId, resource_id
from emulator.model.network import Interface, IpConfiguration
from emulator.model.privatelink import (
    EndpointConnection,
    NatConfiguration,
    PrivateEndpoint,
    PrivateLinkService,
    ServiceConnection,
)
from emulator.model.world import PROXY_PORTS

NETWORK = "Microsoft.Network/"
MACHINES = "Microsoft.Compute/virtualMachines"
BALANCER = resource_id(NETWORK + "loadBalancers", "aib-lb")
FRONTEND = BALANCER.child("frontendIPConfigurations", "frontend")
POOL = BALANCER.child("backendAddressPools", "proxies")
SERVICE = resource_id(NETWORK + "privateLinkServices", "aib-pls")
ENDPOINT = resource_id(NETWORK + "privateEndpoints", "aib-pe")
PROXY_SIZE = "Standard_A1_v2"
BUILD_SIZE = "Standard_D2ds_v4"
INTERVAL, THRESHOLD = 5, 2
SYSTEMS: dict[Role, OperatingSystem] = {"proxy": "Linux", "build-linux": "Linux", "build-windows": "Windows"}


def interface_id(name: str) -> ResourceId:
    """The ID of the interface of a machine that we deploy."""
    return resource_id(NETWORK + "networkInterfaces", f"{name}-nic")


def interface(
    name: str,
    address: IPv4Address,
    subnet: ResourceId,
    *,
    group: ResourceId | None = None,
    public_ip: ResourceId | None = None,
    pools: tuple[ResourceId, ...] = (),
) -> Interface:
    """The interface of a machine called `name`."""
    configuration = IpConfiguration("ipconfig", subnet, address, public_ip=public_ip, pools=pools)
    return Interface(interface_id(name), (configuration,), group, resource_id(MACHINES, name))


def machine(role: Role, name: str, size: str = BUILD_SIZE) -> tuple[VirtualMachine, Member]:
    """A machine that plays a role, and the member it is on the channel."""
    identity, nic = resource_id(MACHINES, name), interface_id(name)
    return VirtualMachine(identity, (nic,), size, SYSTEMS[role]), Member(identity, role, name, nic)


def balancer(frontend: IPv4Address, subnet: ResourceId, configurations: tuple[ResourceId, ...]) -> LoadBalancer:
    """The internal balancer: a probe and a rule for each of the proxy's ports."""
    ports = sorted(PROXY_PORTS.values())
    probes = tuple(
        Probe(BALANCER.child("probes", f"probe-{port}"), port, interval=INTERVAL, threshold=THRESHOLD)
        for port in ports
    )
    rules = tuple(
        BalancingRule(
            BALANCER.child("loadBalancingRules", f"rule-{probe.port}"),
            probe.port,
            probe.port,
            probe.id,
            FRONTEND,
            (POOL,),
        )
        for probe in probes
    )
    return LoadBalancer(
        BALANCER, (Frontend(FRONTEND, frontend, subnet),), (Pool(POOL, configurations),), probes, rules
    )


def service(nat: IPv4Address, subnet: ResourceId, frontend: ResourceId = FRONTEND) -> PrivateLinkService:
    """The private link service in front of a balancer's frontend."""
    connection = EndpointConnection(
        SERVICE.child("privateEndpointConnections", ENDPOINT.name), ENDPOINT, "Approved", link=1
    )
    return PrivateLinkService(SERVICE, (NatConfiguration("nat", nat, subnet),), (frontend,), (connection,))


def endpoint(
    address: IPv4Address, subnet: ResourceId, target: ResourceId = SERVICE
) -> tuple[PrivateEndpoint, Interface]:
    """The private endpoint, approved, and the interface that Azure makes for it."""
    nic = Interface(interface_id(ENDPOINT.name), (IpConfiguration("ipconfig", subnet, address),))
    connection = ServiceConnection(SERVICE.name, target, "Approved")
    return PrivateEndpoint(ENDPOINT, subnet, (connection,), interfaces=(nic.id,)), nic
