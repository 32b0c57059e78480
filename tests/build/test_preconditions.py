"""Behaviour 18 and the other preconditions: what is missing, the service's error, and what mends it."""

from dataclasses import replace
from pathlib import Path

from emulator.app.worlds import load_world
from emulator.build.preconditions import unmet
from emulator.model.default_world import default_world
from emulator.model.image import ImageTemplate
from emulator.model.world import World
from emulator.rules.deployment import Wanted
from tests.builds import linux, shell
from tests.templates import loaded

EXPORT = Path(__file__).parent.parent / "data" / "export" / "rest"


def exported() -> tuple[ImageTemplate, World]:
    """The export's template and world, whose identity has its roles."""
    world = load_world(EXPORT, wanted=Wanted())
    return world.templates[0], world


def codes(template: ImageTemplate, world: World) -> list[tuple[str, str]]:
    """Which items are not met, with their codes."""
    return [(each.item, each.code) for each in unmet(template, world)]


def test_a_world_that_meets_everything() -> None:
    """The export has every role, and in the default world no assignments were loaded that could lack one."""
    template, world = exported()

    assert codes(template, world) == []
    assert codes(loaded(linux(shell("a"))), default_world()) == []


def test_behaviour_18_roles() -> None:
    """Without `virtualNetworks/read` and `subnets/join/action` ARM refuses, and an assignment mends it."""
    template, world = exported()
    others = tuple(each for each in world.assignments if "Microsoft.Network" not in each.scope.text)
    found = unmet(template, replace(world, assignments=others[:1]))

    assert ("AuthorizationFailed", "network-read") in [(each.code, each.item) for each in found]
    assert ("AuthorizationFailed", "subnet-join") in [(each.code, each.item) for each in found]
    assert all(
        each.mend.startswith("az role assignment create") for each in found if each.code == "AuthorizationFailed"
    )


def test_the_subnet_s_policy() -> None:
    """A subnet as Azure makes it takes no private link service: ARM's code, and the command."""
    template = loaded(linux(shell("a")))
    world = default_world()
    network = world.networks[0]
    subnets = tuple(replace(each, private_link_service_policies="Enabled") for each in network.subnets)
    (found,) = unmet(template, world.laid(replace(network, subnets=subnets)))

    assert found.code == "PrivateLinkServiceCannotBeCreatedInSubnetThatHasNetworkPoliciesEnabled"
    assert "az network vnet subnet update" in found.mend
    assert str(found).startswith(f"{found.code}: service-network-policies: ")


def test_another_region() -> None:
    """The network must be in the template's region."""
    assert [item for item, _ in codes(loaded(linux(shell("a")) | {"location": "eastus"}), default_world())] == [
        "region"
    ]


def test_a_staging_group_that_is_not_empty() -> None:
    """A group of one's own with something in it is refused by the service's code."""
    group = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/aib-emulator"
    found = unmet(loaded(linux(shell("a"), stagingResourceGroup=group)), default_world())

    assert [(each.code, each.item) for each in found] == [("BadStagingResourceGroup", "staging-empty")]
    assert "az resource list -g aib-emulator" in str(found[0])
