"""The default world is the one that design section 2 promises."""

import pytest

from emulator.model.default_world import default_world
from emulator.model.switches import Switches
from emulator.model.world import TOPOLOGIES, Topology


def test_addresses() -> None:
    """Everything has the address that documentation, logs and rules speak of."""
    found = default_world()
    assert found.endpoint
    assert found.service
    assert found.balancer

    assert found.topology == "existing-vnet"
    assert (str(found.client), str(found.address_of(found.endpoint))) == ("10.61.0.4", "10.61.0.5")
    assert (str(found.service.nat_address), str(found.frontend.private_address)) == ("10.60.0.5", "10.60.0.6")
    assert {each.hop: str(found.interface_of(each).address) for each in found.members} == {
        "proxy": "10.60.0.7",
        "build-linux": "10.60.0.8",
        "build-windows": "10.60.0.9",
    }


@pytest.mark.parametrize(
    ("topology", "client", "public"),
    [("public-ip", "198.51.100.4", "203.0.113.10"), ("container-instance", "10.60.1.4", "None")],
)
def test_topologies_without_private_link(topology: Topology, client: str, public: str) -> None:
    """The direct topologies have their own client, and neither endpoint, service, balancer nor proxy."""
    found = default_world(topology)

    assert (found.endpoint, found.service, found.balancer, found.proxies) == (None, None, None, ())
    assert str(found.client) == client
    assert {str(found.public_address(each)) for each in found.interfaces} == {public}


@pytest.mark.parametrize("topology", ["existing-vnet", "container-instance"])
def test_the_documented_rule(topology: Topology) -> None:
    """The build subnet's group has the documented rule and no other; interfaces have none (azure.md 1.3)."""
    (group,) = default_world(topology).groups
    (rule,) = group.rules

    assert (rule.name, rule.priority, rule.direction, rule.access, rule.protocol) == (
        "AzureImageBuilderNsgRule",
        400,
        "Inbound",
        "Allow",
        "Tcp",
    )
    assert (rule.source_prefixes, rule.destination_prefixes) == (("AzureLoadBalancer",), ("VirtualNetwork",))
    assert [str(ports) for ports in rule.destination_ports] == ["60000-60001"]
    assert {each.group for each in default_world(topology).interfaces} == {None}


def test_the_service_policy_is_disabled() -> None:
    """The build subnet lets a private link service take an address (azure.md 1.4)."""
    found = default_world()
    assert found.service
    assert found.service.subnet

    assert found.subnet(found.service.subnet).private_link_service_policies == "Disabled"


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_switches_are_passed_on(topology: Topology) -> None:
    """A world has the switches it was given."""
    switches = Switches(pls_data_nsg="bypass")

    assert default_world(topology, switches).switches is switches
