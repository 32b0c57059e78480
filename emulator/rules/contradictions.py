"""What Azure would refuse to deploy because two parts of it contradict each other: every one, with its field."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations

from emulator.errors import InvalidInputError
from emulator.model.balancer import BalancingRule, LoadBalancer
from emulator.model.ids import ResourceId
from emulator.model.privatelink import PrivateLinkService
from emulator.model.world import World

EVERYBODY = "*"
MOST_NAT_ADDRESSES = 8
"""https://learn.microsoft.com/azure/private-link/private-link-faq"""


def contradictions(world: World) -> Iterator[str]:
    """A line for each: resource ID, field, found, expected."""
    for balancer in world.balancers:
        yield from _same_port(balancer)
        yield from _same_backend(balancer)
        yield from _every_port(balancer)
        yield from _admin_state(balancer)
    for service in world.services:
        yield from _approval(service)
        yield from _nat(service)
    yield from _one_service_a_frontend(world)


def deployable(world: World) -> World:
    """The world, if no part of it contradicts another.

    Raises:
        InvalidInputError: with every contradiction, one a line.
    """
    found = tuple(contradictions(world))
    if found:
        raise InvalidInputError("\n".join(found))
    return world


def _same_port(balancer: LoadBalancer) -> Iterator[str]:
    """A frontend's port is one rule's: RulesUseSameFrontendPortProtocolAndIPConfig."""
    for first, second in _pairs(balancer.rules, lambda rule: (rule.frontend, rule.frontend_port, rule.protocol)):
        yield (
            f"{second.id}: frontendPort: found {second.frontend_port}, which rule {first.id.name} has at the same "
            "frontend, expected a port of its own"
        )


def _same_backend(balancer: LoadBalancer) -> Iterator[str]:
    """A pool's port is one rule's, unless with floating IP: RulesUseSameBackendPortProtocolAndPool.

    https://learn.microsoft.com/azure/load-balancer/load-balancer-multivip-overview
    """
    plain = (each for each in balancer.rules if not each.floating_ip and each.backend_port)
    rules = tuple(plain)
    for first, second in _pairs(rules, lambda rule: (rule.pools, rule.backend_port, rule.protocol)):
        if (first.frontend, first.frontend_port) != (second.frontend, second.frontend_port):
            yield (
                f"{second.id}: backendPort: found {second.backend_port}, to which rule {first.id.name} sends the "
                "same pool, expected another port, or enableFloatingIP"
            )


def _every_port(balancer: LoadBalancer) -> Iterator[str]:
    """An HA ports rule stands alone at its frontend and pool (azure.md 3.7)."""
    every = [each for each in balancer.rules if each.protocol == "All" and each.frontend_port == 0]
    for rule in every:
        others = [
            each.id.name
            for each in balancer.rules
            if each.id != rule.id and each.frontend == rule.frontend and set(each.pools) & set(rule.pools)
        ]
        if others and not rule.floating_ip:
            yield (
                f"{rule.id}: frontendPort: found 0 (HA ports) beside {', '.join(others)}, expected no other rule of "
                "its frontend to its pool"
            )


def _admin_state(balancer: LoadBalancer) -> Iterator[str]:
    """The operator's word needs a probe to overrule (admin-state-overview)."""
    for pool in balancer.pools:
        said = [each for each in pool.addresses if each.admin_state != "None"]
        bare = [each.id.name for each in balancer.rules if pool.id in each.pools and each.probe is None]
        if said and bare:
            yield (
                f"{pool.id}: loadBalancerBackendAddresses.adminState: found {said[0].admin_state}, and "
                f"{', '.join(bare)} without a probe, expected a probe of each rule to the pool"
            )


def _pairs(
    rules: tuple[BalancingRule, ...], key: Callable[[BalancingRule], object]
) -> Iterator[tuple[BalancingRule, BalancingRule]]:
    """The pairs of rules that share a key."""
    found: dict[object, list[BalancingRule]] = defaultdict(list)
    for rule in rules:
        found[key(rule)].append(rule)
    for same in found.values():
        yield from combinations(same, 2)


def _approval(service: PrivateLinkService) -> Iterator[str]:
    """Who is approved without being asked must see the service at all (private-link-service-overview)."""
    visible = {each.lower() for each in service.visibility}
    unseen = [each for each in service.auto_approval if each.lower() not in visible]
    if unseen and visible and EVERYBODY not in visible:
        yield (
            f"{service.id}: autoApproval.subscriptions: found {', '.join(unseen)}, expected a subset of "
            f"visibility.subscriptions, which has {', '.join(service.visibility)}"
        )


def _nat(service: PrivateLinkService) -> Iterator[str]:
    if len(service.nat) > MOST_NAT_ADDRESSES:
        yield (
            f"{service.id}: ipConfigurations: found {len(service.nat)}, expected at most {MOST_NAT_ADDRESSES} NAT "
            "addresses"
        )


def _one_service_a_frontend(world: World) -> Iterator[str]:
    """A frontend backs one private link service (azure.md 4.6)."""
    owner: dict[ResourceId, PrivateLinkService] = {}
    for service in world.services:
        for front in service.frontends:
            first = owner.setdefault(front, service)
            if first.id != service.id:
                yield (
                    f"{service.id}: loadBalancerFrontendIpConfigurations: found {front.name}, which {first.id.name} "
                    "has, expected a frontend of its own"
                )
