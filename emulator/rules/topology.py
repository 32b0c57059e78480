"""Which topology a build has, and in which subnet: the image template decides (azure.md 1.1)."""

from emulator.errors import InvalidInputError
from emulator.model.ids import ResourceId
from emulator.model.image import ImageTemplate, NetworkConfig
from emulator.model.network import Subnet
from emulator.model.switches import Switches
from emulator.model.world import Topology, World

NOT_FOR_MACHINES = frozenset({"gatewaysubnet", "azurebastionsubnet", "azurefirewallsubnet", "routeserversubnet"})
CONTAINERS = "microsoft.containerinstance/containergroups"


def topology_of(template: ImageTemplate, switches: Switches | None = None) -> Topology:
    """The topology that a template's network leads to.

    Without a network Image Builder makes one. By its own words it reaches the build VM there by a public IP
    (image-builder-json, image-builder-overview), or, isolated, from a container in another subnet and by none
    (image-builder-networking, security-isolated-image-builds-image-builder): the switch `isolated_builds`.
    """
    network = template.network or NetworkConfig()
    if network.container_subnet:
        return "container-instance"
    if names_network(template):
        return "existing-vnet"
    return "container-instance" if switches and switches.isolated_builds else "public-ip"


def names_network(template: ImageTemplate) -> bool:
    """Whether a template names the network of the build, in any form."""
    network = template.network or NetworkConfig()
    return bool(network.container_subnet or network.subnet or network.name)


def subnet_of(template: ImageTemplate) -> ResourceId | None:
    """The subnet of the build, in the template's newer form or its old one; None where it names none."""
    network = template.network or NetworkConfig()
    if network.subnet:
        return network.subnet
    if not (network.name and network.subnet_name and network.resource_group):
        return None
    scope = f"/subscriptions/{template.id.subscription}/resourceGroups/{network.resource_group}"
    return ResourceId(
        f"{scope}/providers/Microsoft.Network/virtualNetworks/{network.name}/subnets/{network.subnet_name}"
    )


def chosen_template(world: World, wanted: str | None) -> ImageTemplate | None:
    """The image template of a build: the one that is named, or the only one.

    Raises:
        InvalidInputError: the name is nobody's, or there are several with different networks and no name.
    """
    names = ", ".join(each.id.name for each in world.templates)
    if wanted is not None:
        ours = [each for each in world.templates if wanted.lower() in (each.id.key, each.id.name.lower())]
        if not ours:
            raise InvalidInputError(
                f"settings: template: found {wanted}, expected one of {names or '(none was loaded)'}"
            )
        return ours[0]
    networks = {(topology_of(each), subnet_of(each)) for each in world.templates}
    if len(networks) > 1:
        raise InvalidInputError(
            f"settings: template: found several image templates, expected the name of one: {names}"
        )
    return world.templates[0] if world.templates else None


def build_subnet(world: World, template: ImageTemplate | None, wanted: str | None) -> Subnet:
    """The subnet of the build VM: set, the template's, private link's, or the only one that it can be.

    Raises:
        InvalidInputError: it was not loaded, or several could be it.
    """
    subnets = {each.id: each for network in world.networks for each in network.subnets}
    if wanted is not None:
        return _named(subnets, wanted)
    named = subnet_of(template) if template else None
    if template and named:
        if named not in subnets:
            raise InvalidInputError(
                f"{template.id}: properties.vmProfile.vnetConfig.subnetId: found {named}, expected a subnet that was "
                f"loaded: {_names(subnets)}"
            )
        return subnets[named]
    linked = [*(each.subnet for each in world.services), *(each.subnet for each in world.balancers)]
    found = list(dict.fromkeys(subnets[each] for each in linked if each in subnets)) or _candidates(
        list(subnets.values())
    )
    if len(found) != 1:
        raise InvalidInputError(
            "settings: subnet: found nothing that says which subnet builds run in, "
            f"expected one of {_names(subnets)}, or an image template that names it"
        )
    return found[0]


def _candidates(subnets: list[Subnet]) -> list[Subnet]:
    """Subnets that machines can be in; those that are made ready for private link first."""
    usable = [each for each in subnets if not each.delegations and each.id.name.lower() not in NOT_FOR_MACHINES]
    ready = [each for each in usable if each.private_link_service_policies == "Disabled"]
    return ready or usable


def _named(subnets: dict[ResourceId, Subnet], wanted: str) -> Subnet:
    ours = [each for each in subnets.values() if wanted.lower() in (each.id.key, each.id.name.lower())]
    if len(ours) != 1:
        raise InvalidInputError(
            f"settings: subnet: found {wanted}, expected the name or ID of one of {_names(subnets)}"
        )
    return ours[0]


def _names(subnets: dict[ResourceId, Subnet]) -> str:
    names = [f"{each.parent.name}/{each.name}" for each in subnets]
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "") or "(none was loaded)"


def container_subnet(world: World, template: ImageTemplate | None, build: Subnet) -> Subnet:
    """The subnet of the container instance: the template's, or the one of the network delegated to it.

    Raises:
        InvalidInputError: there is none.
    """
    network = world.network_of(build.id)
    named = template.network.container_subnet if template and template.network else None
    for subnet in network.subnets:
        delegated = CONTAINERS in (each.lower() for each in subnet.delegations)
        if subnet.id == named or (named is None and delegated):
            return subnet
    where = template.id if named and template else network.id
    field = "properties.vmProfile.vnetConfig.containerInstanceSubnetId" if named else "properties.subnets"
    raise InvalidInputError(
        f"{where}: {field}: found {named or 'no such subnet'}, expected a subnet of {network.id.name} "
        "delegated to Microsoft.ContainerInstance/containerGroups"
    )
