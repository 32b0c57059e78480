"""Resources as callers give them: read in any form, laid over a world that is played."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from emulator.app.given import apart, laid_over, places, read
from emulator.errors import InvalidInputError, NotLoadedError
from emulator.model import arm
from emulator.model.default_world import BUILD_GROUP, BUILD_SUBNET, SERVICE_SUBNET, default_world
from emulator.model.ids import resource_id
from emulator.model.network import Interface, SecurityGroup
from emulator.model.resources import Resource
from emulator.model.world import TOPOLOGIES, Topology, World
from tests.azure_values import NETWORK
from tests.rules.test_frontend import with_two_frontends
from tests.worlds import nic_of, nsg, with_subnet, world

OTHER = resource_id(NETWORK + "networkSecurityGroups", "other")
DENY = nsg("150 deny in * -> *")
RULE: dict[str, Any] = {
    **arm.dump(DENY)["properties"]["securityRules"][0],
    "id": f"{BUILD_GROUP.text}/securityRules/deny-150",
}


def test_every_form_is_read() -> None:
    """A value, a JSON object, or several of both, are resources; values come first."""
    document = arm.dump(DENY)
    other = SecurityGroup(OTHER)

    assert read(DENY).resources == read(document).resources == read([document]).resources == (DENY,)
    assert read([document, other]).resources == (other, DENY)
    assert read(iter([other])).resources == (other,)
    assert read([]).resources == ()


def test_a_part_joins_what_is_there() -> None:
    """A rule alone joins its group: in the world, or among the values given beside it."""
    over = read(RULE, world().resources).resources[-1]
    both = read([nsg("160 deny in * -> *"), RULE]).resources[-1]

    assert isinstance(over, SecurityGroup)
    assert isinstance(both, SecurityGroup)
    assert [each.name for each in over.rules] == ["deny-150"]
    assert [each.name for each in both.rules] == ["deny-160", "deny-150"]
    assert "stands alone, without build-nsg" in read(RULE).warnings[0]


def test_paths_are_told_apart() -> None:
    """Paths of files stand among resources, as text or as paths; alone, too."""
    assert apart("a.json") == (["a.json"], [])
    assert apart([Path("a"), DENY, "b", {"id": "x"}]) == ([Path("a"), "b"], [DENY, {"id": "x"}])
    assert apart({"id": "x"}) == ([], [{"id": "x"}])


def test_a_wrong_resource_is_named() -> None:
    """What is no resource is refused with the place."""
    with pytest.raises(InvalidInputError, match=r"resource: .*priority: found 99, expected a whole number"):
        read({**arm.dump(DENY), "properties": {"securityRules": [{**RULE, "properties": {"priority": 99}}]}})


@pytest.mark.parametrize("given", [DENY, RULE, [RULE, DENY]])
def test_a_group_is_laid_over(given: Any) -> None:
    """A group, or a rule of it, changes the world; the world before stays as it was."""
    found = world()
    changed, resources = laid_over(found, given)

    assert "deny-150" in [each.name for each in changed.groups[0].rules]
    assert resources[-1] in changed.resources
    assert found == world()


def moved(hop: str) -> Callable[[World], Resource]:
    """A hop's interface at another address."""

    def change(found: World) -> Interface:
        nic = nic_of(found, hop)
        here = replace(nic.configurations[0], address=IPv4Address("10.60.0.99"))
        return replace(nic, configurations=(here,))

    return change


def _endpoint(found: World) -> Interface:
    nic = next(each for each in found.interfaces if each.id.name == "aib-pe-nic")
    return replace(nic, configurations=(replace(nic.configurations[0], address=IPv4Address("10.61.0.99")),))


def _service(found: World) -> Resource:
    assert found.service
    nat = (replace(found.service.nat[0], address=IPv4Address("10.60.0.99")),)
    return replace(found.service, nat=nat)


def _balancer(found: World) -> Resource:
    assert found.balancer
    front = (replace(found.balancer.frontends[0], address=IPv4Address("10.60.0.99")),)
    return replace(found.balancer, frontends=front)


MOVES: list[tuple[Callable[[World], Resource], str]] = [
    (moved("proxy"), "the address of proxy: found 10.60.0.99, expected 10.60.0.7"),
    (moved("build-windows"), "the address of build-windows: found 10.60.0.99, expected 10.60.0.9"),
    (_endpoint, "the address of the private endpoint: found 10.61.0.99, expected 10.61.0.5"),
    (_service, "the address of the private link service: found 10.60.0.99, expected 10.60.0.5"),
    (_balancer, "the address of the load balancer: found 10.60.0.99, expected 10.60.0.6"),
]


@pytest.mark.parametrize(("change", "said"), MOVES)
def test_hops_keep_their_addresses(change: Callable[[World], Resource], said: str) -> None:
    """What moves a hop of a running channel is refused; what leaves it where it is is not."""
    found = world()

    with pytest.raises(InvalidInputError, match=said):
        laid_over(found, change(found))
    assert laid_over(found, nic_of(found, "proxy"))[0] == found


def test_a_further_frontend_moves_nothing() -> None:
    """Another frontend in front of private link's, with its own rules, leaves the channel where it is."""
    more = with_two_frontends(world())
    assert more.balancer

    assert dict(places(laid_over(world(), more.balancer)[0])) == dict(places(world()))


def test_a_group_that_nothing_has_changes_nothing() -> None:
    """A group that no subnet and no interface has is refused, with those that are attached."""
    found = world()
    attached = replace(nic_of(found, "proxy"), group=OTHER)

    with pytest.raises(
        InvalidInputError, match=f"resource: id: found {OTHER}, expected a security .*: {BUILD_GROUP}"
    ):
        laid_over(found, SecurityGroup(OTHER))
    with pytest.raises(InvalidInputError, match=r"attached to a subnet or an interface: \(none\)"):
        laid_over(with_subnet(found, BUILD_SUBNET, group=None), DENY)
    assert laid_over(found, [SecurityGroup(OTHER), attached])[0].find("groups", OTHER)


def test_what_cannot_be_played_is_refused() -> None:
    """A change after which a hop could not decide is refused as a whole."""
    found = world()
    network = with_subnet(found, SERVICE_SUBNET, route_table=OTHER).network_of(SERVICE_SUBNET)

    with pytest.raises(NotLoadedError, match="route table"):
        laid_over(found, network)


PLACES = {
    "existing-vnet": 7,
    "public-ip": 3,
    "container-instance": 3,
}


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_who_speaks_on_the_channel(topology: Topology) -> None:
    """Each hop has one address, beside the client and the parts of private link where there are any."""
    found = dict(places(default_world(topology)))

    assert len(found) == PLACES[topology]
    assert len(set(found.values())) == len(found)
    assert found["the client"] == default_world(topology).client
