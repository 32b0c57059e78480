"""The build subnet: policy, region, room."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from emulator.model.default_world import BUILD_SUBNET, VNET
from emulator.model.network import Interface, IpConfiguration
from emulator.model.world import Topology, World
from tests.mending import finding, findings_of, mended, states
from tests.rules.checklist.test_routes import with_subnet
from tests.templates import template
from tests.worlds import world


def with_template(found: World, properties: dict[str, Any] | None = None, **beside: Any) -> World:
    """The world with an image template."""
    chosen = template(properties, **beside)
    return replace(found.laid(chosen), parts=replace(found.parts, template=chosen.id))


def test_service_policies() -> None:
    """The policy must be Disabled where the NAT address is; the command names subnet, network and group."""
    found = with_subnet(world(), BUILD_SUBNET, private_link_service_policies="Enabled")
    failed = finding(found, "service-network-policies")

    assert states(world(), "service-network-policies") == ["ok"]
    assert (failed.state, failed.resource) == ("failed", BUILD_SUBNET)
    assert failed.mend == (
        "az network vnet subnet update -g aib-emulator --subscription 00000000-0000-0000-0000-000000000000 "
        "--vnet-name aib-vnet -n build --private-link-service-network-policies Disabled"
    )
    assert states(mended(found, failed), "service-network-policies") == ["ok"]


def test_policies_of_another_subnet() -> None:
    """A service that takes its NAT address elsewhere is judged there, too; without one, the build's subnet is."""
    found = world()
    service = found.service
    assert service
    elsewhere = VNET.child("subnets", "nat")
    network = found.network_of(BUILD_SUBNET)
    other = replace(network.subnets[0], id=elsewhere, prefixes=(IPv4Network("10.60.5.0/24"),))
    other = replace(other, private_link_service_policies="Enabled")
    nat = tuple(replace(each, subnet=elsewhere) for each in service.nat)
    two = found.laid(replace(network, subnets=(*network.subnets, other)), replace(service, nat=nat))

    assert [(each.resource.name, each.state) for each in findings_of(two, "service-network-policies")] == [
        ("build", "ok"),
        ("nat", "failed"),
    ]
    assert states(replace(found, services=()), "service-network-policies") == ["ok"]


# The template's location beside the network's `westeurope`.
REGIONS = [
    ("westeurope", "ok"),
    ("West Europe", "ok"),
    ("WestEurope", "ok"),
    ("northeurope", "failed"),
    ("[parameters('location')]", "unknown"),
    ("<region>", "unknown"),
]


@pytest.mark.parametrize(("location", "state"), REGIONS)
def test_region(location: str, state: str) -> None:
    """Network and template are in one region, whatever the region's spelling."""
    found = with_template(world(), location=location)

    assert states(found, "region") == [state]


def test_another_region() -> None:
    """A network stays where it is: the command makes one in the template's region."""
    failed = finding(with_template(world(), location="northeurope"), "region")

    assert failed.resource == VNET
    assert "is in westeurope, the image template in northeurope" in failed.found
    assert "-n aib-vnet-northeurope --location northeurope --address-prefixes 10.60.0.0/16" in failed.mend
    assert states(world(), "region") == ["unknown"]
    assert finding(world(), "region").mend == "az image builder list -o json"


VALIDATED = {"validate": {"inVMValidations": [{"type": "Shell", "inline": ["true"]}]}}
# The subnet's range, what else is in it, whether the image is validated, and what the item says. Azure keeps five.
ROOM: list[tuple[Topology, str, int, bool, str]] = [
    ("existing-vnet", "10.60.0.0/24", 0, False, "ok"),
    ("existing-vnet", "10.60.0.0/28", 0, True, "ok"),
    ("existing-vnet", "10.60.0.0/28", 6, True, "ok"),
    ("existing-vnet", "10.60.0.0/28", 7, True, "failed"),
    ("existing-vnet", "10.60.0.0/28", 7, False, "ok"),
    ("existing-vnet", "10.60.0.0/28", 8, False, "failed"),
    ("existing-vnet", "10.60.0.0/29", 0, False, "failed"),
    ("container-instance", "10.60.0.0/29", 0, False, "ok"),
    ("container-instance", "10.60.0.0/29", 2, True, "failed"),
]


@pytest.mark.parametrize(("topology", "prefix", "others", "validated", "state"), ROOM)
def test_address_space(topology: Topology, prefix: str, others: int, validated: bool, state: str) -> None:  # noqa: FBT001
    """NAT address, frontend, proxy, build VM and validation VM fit in; the channel's own parts count as room."""
    found = with_template(world(topology=topology), VALIDATED if validated else None)
    found = with_subnet(found, BUILD_SUBNET, prefixes=(IPv4Network(prefix),))
    configurations = tuple(
        IpConfiguration(f"c{index}", BUILD_SUBNET, IPv4Address("10.60.0.200") + index) for index in range(others)
    )
    crowded = found.laid(Interface(VNET.child("networkInterfaces", "others"), configurations))
    said = finding(crowded, "address-space")

    assert said.state == state
    assert ("validation VM" in said.found) is validated
    assert ("NAT address" in said.found) is (topology == "existing-vnet")
    off = "--private-link-service-network-policies Disabled" in said.mend
    assert off is (state == "failed" and topology == "existing-vnet")


def test_more_address_space() -> None:
    """The command makes a larger subnet in space that is free."""
    found = with_subnet(world(), BUILD_SUBNET, prefixes=(IPv4Network("10.60.0.0/29"),))
    failed = finding(found, "address-space")

    assert failed.found.startswith("subnet build (10.60.0.0/29) has 3 addresses for a build, which needs 4")
    after = mended(found, failed)
    assert [each.id.name for each in after.network_of(BUILD_SUBNET).subnets] == ["build", "build-build"]


def test_what_was_not_loaded() -> None:
    """Without the network, or without an interface of the channel, nobody can count."""
    assert states(replace(world(), networks=()), "address-space") == ["unknown"]
    assert states(replace(world(), interfaces=()), "address-space") == ["unknown"]
    assert states(replace(world(), balancers=(), services=()), "address-space") == ["ok"]
