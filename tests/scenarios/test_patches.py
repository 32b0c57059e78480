"""Small changes of the default world."""

from typing import Any

import pytest

from emulator.errors import InvalidInputError
from emulator.model import arm
from emulator.model.default_world import default_world
from emulator.scenarios.patch import Patch
from emulator.scenarios.patches import changed

WORLD = [arm.dump(each) for each in default_world().resources]


def patched(*patches: dict[str, Any]) -> list[dict[str, Any]]:
    """What patches make of the default world."""
    return changed(WORLD, [Patch.model_validate(each) for each in patches])


def test_a_rule_joins_its_group() -> None:
    """With Azure's fields; lists where several were given; the group's other rules stay."""
    rule = {"name": "Deny", "priority": 300, "access": "Deny", "from": "10.0.0.4, 10.0.0.5", "ports": "22"}
    (group,) = patched({"rule": rule})
    found = {each["name"]: each["properties"] for each in group["properties"]["securityRules"]}

    assert set(found) == {"AzureImageBuilderNsgRule", "Deny"}
    assert found["Deny"]["sourceAddressPrefixes"] == ["10.0.0.4", "10.0.0.5"]
    assert found["Deny"]["destinationPortRange"] == "22"


def test_a_rule_takes_the_place_of_its_namesake_and_goes_again() -> None:
    """The same name is the same rule; one that is not there cannot go."""
    first = {"name": "Deny", "priority": 300, "access": "Deny"}
    (group,) = patched(
        {"rule": first}, {"rule": {**first, "priority": 310}}, {"remove_rule": "AzureImageBuilderNsgRule"}
    )

    assert [each["properties"]["priority"] for each in group["properties"]["securityRules"]] == [310]
    with pytest.raises(InvalidInputError, match="remove_rule: found 'x', expected one of AzureImageBuilderNsgRule"):
        patched({"remove_rule": "x"})


def test_routes_share_the_table_of_their_subnet() -> None:
    """The table is new, holds both routes, and hangs on the subnet."""
    route = {"prefix": "10.60.0.8/32", "next_hop": "VirtualAppliance", "address": "10.60.2.4"}
    network, table = patched({"route": route}, {"route": {"prefix": "0.0.0.0/0", "next_hop": "None"}})

    assert [each["properties"]["nextHopType"] for each in table["properties"]["routes"]] == [
        "VirtualAppliance",
        "None",
    ]
    assert network["properties"]["subnets"][0]["properties"]["routeTable"] == {"id": table["id"]}


def test_values_are_set_by_their_path() -> None:
    """`properties` may be left out, `*` is every element, a name is one; a new key stands in `properties`."""
    balancer, network = patched(
        {"set": {"resource": "aib-lb", "path": "loadBalancingRules[*].enableTcpReset", "value": True}},
        {"set": {"resource": "aib-lb", "path": "probes[probe-60001].port", "value": 22}},
        {
            "set": {
                "resource": "aib-vnet",
                "path": "subnets[build].privateLinkServiceNetworkPolicies",
                "value": "Enabled",
            }
        },
    )

    assert [each["properties"]["enableTcpReset"] for each in balancer["properties"]["loadBalancingRules"]] == [
        True,
        True,
    ]
    assert [each["properties"]["port"] for each in balancer["properties"]["probes"]] == [60000, 22]
    assert network["properties"]["subnets"][0]["properties"]["privateLinkServiceNetworkPolicies"] == "Enabled"


def test_elements_and_keys_are_removed() -> None:
    """An element of a list by its name, a key by its own; what is not there is named beside what is."""
    (balancer,) = patched({"remove": {"resource": "aib-lb", "path": "loadBalancingRules[rule-60001]"}})
    (other,) = patched({"remove": {"resource": "aib-lb", "path": "sku"}})

    assert [each["name"] for each in balancer["properties"]["loadBalancingRules"]] == ["rule-60000"]
    assert "sku" not in other
    for path, said in (
        ("loadBalancingRules[x]", "rule-60000"),
        ("colour", "probes"),
        ("probes[x].port", "probe-60000"),
    ):
        with pytest.raises(InvalidInputError, match=rf"path: found .*{said}"):
            patched({"remove": {"resource": "aib-lb", "path": path}})


def test_an_element_is_replaced() -> None:
    """`set` with an element's name puts the value in its place."""
    (balancer,) = patched({"set": {"resource": "aib-lb", "path": "probes[probe-60001]", "value": {"name": "mine"}}})

    assert [each["name"] for each in balancer["properties"]["probes"]] == ["probe-60000", "mine"]


def test_whole_resources_are_added_and_unknown_ones_told() -> None:
    """A resource comes as it is; a name that nobody has is answered with those there are."""
    whole = {"id": "/subscriptions/x/resourceGroups/y/providers/Microsoft.Network/natGateways/nat", "properties": {}}

    assert patched({"resource": whole}) == [whole]
    with pytest.raises(InvalidInputError, match="resource: found 'lb', expected one of this world: aib-vnet"):
        patched({"remove": {"resource": "lb", "path": "sku"}})


def test_the_world_itself_is_left_alone() -> None:
    """Patches work on copies."""
    before = repr(WORLD)
    patched({"remove_rule": "AzureImageBuilderNsgRule"})

    assert repr(WORLD) == before
