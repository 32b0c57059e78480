"""The subnet of the build: its policy, its region, and room for what Image Builder puts into it."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Network

from emulator.errors import NotLoadedError
from emulator.model.ids import ResourceId
from emulator.model.world import Topology, World
from emulator.rules import space
from emulator.rules.checklist import mends, scene
from emulator.rules.checklist.finding import Answer, Item
from emulator.rules.template.finding import is_expression, words_of

POLICIES = ("--private-link-service-network-policies", "Disabled")


def service_policies(world: World) -> Iterator[Answer]:
    """The subnet's policy for private link services is off: by default it is on (azure.md 1.4)."""
    service = world.service
    homes = [scene.build_subnet(world).id, *([service.subnet] if service and service.subnet else [])]
    for home in dict.fromkeys(homes):
        found = f"privateLinkServiceNetworkPolicies of subnet {home.name} is "
        state = world.subnet(home).private_link_service_policies
        if state == "Disabled":
            yield Answer("ok", home, found + state)
        else:
            yield Answer("failed", home, found + state, mends.subnet(home, *POLICIES))


def region(world: World) -> Iterator[Answer]:
    """The virtual network is in the template's region."""
    network, template = world.network_of(scene.build_subnet(world).id), scene.template_of(world)
    if is_expression(template.location) or "<" in template.location:
        raise NotLoadedError(f"{template.id} names its location by a placeholder, {template.location}")
    where = f"virtual network {network.id.name} is in {network.location}, the image template in {template.location}"
    if _plain(network.location) == _plain(template.location):
        yield Answer("ok", network.id, where)
        return
    copy = mends.az(
        *("network", "vnet", "create", *mends.within(network.id), "-n", f"{network.id.name}-{template.location}"),
        *("--location", template.location, "--address-prefixes", *map(str, network.prefixes)),
    )
    yield Answer("failed", network.id, where, copy)


def _plain(location: str) -> str:
    """`West Europe` and `westeurope` are one."""
    return location.replace(" ", "").lower()


def address_space(world: World) -> Iterator[Answer]:
    """The build subnet has an address for each thing that Image Builder puts there."""
    home = scene.build_subnet(world)
    needed = _needed(world)
    empty = replace(world, interfaces=(), balancers=(), services=(), endpoints=())
    free = max(0, space.room(empty, home) - len(space.taken(world, home.id) - _ours(world, home.id)))
    ranges = ", ".join(str(each) for each in home.prefixes if isinstance(each, IPv4Network))
    found = f"subnet {home.id.name} ({ranges}) has {free} addresses for a build, which needs {len(needed)}: "
    found += ", ".join(needed)
    if free >= len(needed):
        yield Answer("ok", home.id, found)
        return
    off = POLICIES if world.topology == "existing-vnet" else ()
    larger = mends.new_subnet(world.network_of(home.id), f"{home.id.name}-build", *off)
    yield Answer("failed", home.id, found, larger)


def _needed(world: World) -> list[str]:
    """What gets an address: with private link four things, and a machine more where the image is validated."""
    linked = ["NAT address", "load balancer's frontend", "proxy VM"] if world.topology == "existing-vnet" else []
    validated = any(words_of(each).below("validate").says("inVMValidations") for each in scene.templates(world))
    return [*linked, "build VM", *(["validation VM"] if validated else [])]


def _ours(world: World, home: ResourceId) -> set[object]:
    """The addresses in a subnet that the channel's own parts have by now."""
    service, balancer = world.service, world.balancer
    nat = [each.address for each in service.nat if each.subnet == home] if service else []
    fronts = [each.address for each in balancer.frontends if each.subnet == home] if balancer else []
    nics = [world.interface_of(member) for member in world.members]
    held = [each.address for nic in nics for each in nic.configurations if each.subnet == home]
    return {*nat, *fronts, *held}


NETWORKING = "https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-networking"
OWN: tuple[Topology, ...] = ("existing-vnet", "container-instance")
ITEMS = (
    Item(
        "service-network-policies",
        "A private link service takes its NAT address only from a subnet whose policy is Disabled, and the default "
        "is Enabled: the service cannot be created, and the build fails before it begins",
        "https://learn.microsoft.com/azure/private-link/disable-private-link-service-network-policy",
        service_policies,
        ("existing-vnet",),
    ),
    Item(
        "region",
        "The virtual network must be in the region of the Image Builder service, which is the template's",
        NETWORKING,
        region,
        OWN,
    ),
    Item(
        "address-space",
        "Everything that a build deploys into the subnet takes an address, and Azure keeps five for itself",
        "https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq",
        address_space,
        OWN,
    ),
)
