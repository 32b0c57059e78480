"""What Image Builder deploys: the documented ports and sizes, and parts that refer to each other."""

from ipaddress import IPv4Address

import pytest

from emulator.model import deployed
from emulator.model.compute import Role
from emulator.model.default_world import BUILD_SUBNET, SERVICE_SUBNET
from emulator.model.ids import resource_id
from emulator.model.world import PROXY_PORTS

NIC = deployed.interface("proxy", IPv4Address("10.0.0.7"), BUILD_SUBNET, pools=(deployed.POOL,))


def test_the_balancer() -> None:
    """It has a Tcp probe and a rule for each of the proxy's ports, from its frontend to its pool (azure.md 1.2)."""
    configurations = (NIC.id.child("ipConfigurations", "ipconfig"),)
    found = deployed.balancer(IPv4Address("10.0.0.6"), BUILD_SUBNET, configurations)

    assert {each.frontend_port for each in found.rules} == set(PROXY_PORTS.values())
    assert all(rule.backend_port == rule.frontend_port for rule in found.rules)
    assert [found.probe_of(rule) for rule in found.rules] == list(found.probes)
    assert {(probe.protocol, probe.interval, probe.threshold) for probe in found.probes} == {("Tcp", 5, 2)}
    assert {(rule.frontend, rule.pools) for rule in found.rules} == {(deployed.FRONTEND, (deployed.POOL,))}
    assert [each.configurations for each in found.pools] == [configurations]
    assert (found.sku, found.frontends[0].address, found.subnet) == (
        "Standard",
        IPv4Address("10.0.0.6"),
        BUILD_SUBNET,
    )


def test_the_endpoint_and_the_service() -> None:
    """Both sides of the connection are approved and name each other; the endpoint's address is its interface's."""
    service = deployed.service(IPv4Address("10.0.0.5"), BUILD_SUBNET)
    endpoint, nic = deployed.endpoint(IPv4Address("10.61.0.5"), SERVICE_SUBNET)

    assert (endpoint.service, endpoint.state, endpoint.interfaces) == (service.id, "Approved", (nic.id,))
    assert [(each.endpoint, each.state) for each in service.connections] == [(endpoint.id, "Approved")]
    assert (service.load_balancer, service.nat_address) == (deployed.BALANCER, IPv4Address("10.0.0.5"))
    assert (nic.address, nic.subnet, endpoint.subnet) == (IPv4Address("10.61.0.5"), SERVICE_SUBNET, SERVICE_SUBNET)


def test_an_interface() -> None:
    """An interface belongs to the machine of its name, and has what it is given."""
    group = resource_id("Microsoft.Network/networkSecurityGroups", "g")
    public = resource_id("Microsoft.Network/publicIPAddresses", "p")
    found = deployed.interface("b", IPv4Address("10.0.0.8"), BUILD_SUBNET, group=group, public_ip=public)

    assert (found.machine, found.group) == (resource_id(deployed.MACHINES, "b"), group)
    assert (found.primary and found.primary.public_ip, NIC.configurations[0].pools) == (public, (deployed.POOL,))


@pytest.mark.parametrize(
    ("role", "system"), [("proxy", "Linux"), ("build-linux", "Linux"), ("build-windows", "Windows")]
)
def test_a_machine(role: Role, system: str) -> None:
    """A machine has the interface of its name and the operating system of its role, and is that hop."""
    machine, member = deployed.machine(role, "m", "Standard_A1_v2")

    assert (machine.interfaces, machine.system, machine.size) == ((member.interface,), system, "Standard_A1_v2")
    assert (member.id, member.role, member.hop) == (machine.id, role, "m")
    assert member.interface == deployed.interface_id("m")
