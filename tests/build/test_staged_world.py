"""A build's resources as the world has them."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from emulator.build.staged_world import as_deployed
from emulator.build.staging import Staging, staging
from emulator.model import arm
from emulator.model.balancer import LoadBalancer
from emulator.model.default_world import default_world
from emulator.model.privatelink import PrivateEndpoint, PrivateLinkService
from emulator.model.world import TOPOLOGIES, Topology
from tests.templates import template

GUID = "01234567-89ab-cdef-0123-456789abcdef"


def staged(topology: Topology = "existing-vnet") -> Staging:
    """A build's resources."""
    return staging(template(), "linux", topology, GUID)


def bodies(topology: Topology = "existing-vnet") -> Mapping[str, Any]:
    """Each resource's properties, by the front of its name."""
    found = as_deployed(staged(topology), default_world(topology))
    return {each["name"].partition("0123456789")[0]: each["properties"] for each in found}


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_every_resource_is_there_once_under_its_name(topology: Topology) -> None:
    """As deployed, in the order of the deployment, and each is one of Azure's that can be loaded."""
    found = staged(topology)
    shown = as_deployed(found, default_world(topology))

    assert [each["id"] for each in shown] == [each.id.text for each in found.resources]
    assert [each["name"] for each in shown] == [each.id.name for each in found.resources]
    assert len(arm.load([("x", {"value": shown[1:]})]).resources) == len(found.resources) - 1 - (
        topology == "existing-vnet"
    )


def test_they_are_what_they_stand_for() -> None:
    """Addresses, rules, sizes and states are those of the channel's own."""
    found = bodies()

    assert found["aibproxy"]["hardwareProfile"] == {"vmSize": "Standard_A1_v2"}
    assert json.dumps(found["pkrni"]).count("10.60.0.8") == 1
    assert [each["properties"]["frontendPort"] for each in found["aiblb"]["loadBalancingRules"]] == [60000, 60001]
    assert found["aibpls"]["privateEndpointConnections"][0]["properties"]["linkIdentifier"] == "1"
    assert json.dumps(bodies("public-ip")["pkrip"]).count("203.0.113.10") == 1
    assert bodies("public-ip")["pkrsg"]["securityRules"]


def test_they_refer_to_each_other() -> None:
    """Endpoint, service, balancer and machines of a build are one channel, and name nothing of the channel's own."""
    build = staged()
    loaded = arm.load([("x", {"value": as_deployed(build, default_world())[1:]})]).resources
    (endpoint,) = [each for each in loaded if isinstance(each, PrivateEndpoint)]
    (service,) = [each for each in loaded if isinstance(each, PrivateLinkService)]
    (balancer,) = [each for each in loaded if isinstance(each, LoadBalancer)]
    own = (
        "aib-pls",
        "aib-lb",
        "proxy-nic",
        "build-linux-nic",
        "virtualMachines/proxy",
        "virtualMachines/build-linux",
    )

    assert endpoint.service == service.id
    assert service.frontends == (balancer.frontends[0].id,)
    assert [name for name in own if f'/{name}"' in json.dumps(as_deployed(build, default_world()))] == []


def test_what_changes_on_the_channel_changes_on_them() -> None:
    """They are looked at, not copied: a balancer that waits longer waits longer as the build's, too."""
    world = default_world()
    assert world.balancer
    rules = tuple(replace(each, idle_timeout_minutes=30) for each in world.balancer.rules)
    longer = world.laid(replace(world.balancer, rules=rules))
    found = {each["name"]: each for each in as_deployed(staged(), longer)}
    shown = found["aiblb0123456789"]["properties"]["loadBalancingRules"]

    assert [each["properties"]["idleTimeoutInMinutes"] for each in shown] == [30, 30]


def test_a_connection_that_was_deleted_is_not_on_its_service() -> None:
    """Deleted first, it is gone from the service that it hung on."""
    found = staged()
    (connection,) = [each.id for each in found.resources if each.part == "connection"]
    shown = {each["name"]: each for each in as_deployed(found.without(connection), default_world())}

    assert shown["aibpls0123456789"]["properties"]["privateEndpointConnections"] == []
