"""The network of the build: the old form and the new one, and what excludes what (azure.md 1.5)."""

from collections.abc import Iterator

from emulator.model.arm.findings import shown
from emulator.model.ids import ResourceId
from emulator.model.image import ImageTemplate, NetworkConfig
from emulator.rules.template.finding import (
    EXACT_NAMES,
    NETWORKING,
    REFERENCE,
    RELEASES,
    SUBNET_IDS,
    TemplateFinding,
    Words,
    is_expression,
    version_of,
    words_of,
)

SUBNET_TYPE = "microsoft.network/virtualnetworks/subnets"
A_SUBNET = "the resource ID of a subnet"


def place_of(template: ImageTemplate) -> Words:
    """The object that holds the network, wherever the template has it."""
    properties = words_of(template)
    profile = properties.below("vmProfile")
    for holder, name in (
        (profile, "vnetConfig"),
        (profile, "VirtualNetworkConfig"),
        (properties, "VirtualNetworkConfig"),
    ):
        if holder.get(name) is not None:
            return holder.below(name)
    return profile.below("vnetConfig")


def _config(template: ImageTemplate) -> NetworkConfig:
    return template.network or NetworkConfig()


def _is_old(config: NetworkConfig) -> bool:
    return bool(config.name or config.subnet_name or config.resource_group)


def old_form_whole(template: ImageTemplate) -> Iterator[TemplateFinding]:
    """In the old form the subnet and the group are required if and only if there is a name.

    The documentation of 2020-08 has it so (https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json).
    """
    config, place = _config(template), place_of(template)
    if config.subnet:
        return  # that both forms are there is said by another rule
    parts = {"subnetName": config.subnet_name, "resourceGroupName": config.resource_group}
    for key, value in parts.items():
        if config.name and not value:
            yield TemplateFinding(
                place.at(key), "nothing", "a name", "it is required where `name` names the network", REFERENCE
            )
    if not config.name and _is_old(config):
        yield TemplateFinding(
            place.at("name"),
            "nothing",
            "the name of the virtual network",
            "`subnetName` and `resourceGroupName` mean nothing without it",
            REFERENCE,
        )


def one_form_only(template: ImageTemplate) -> Iterator[TemplateFinding]:
    """A network is named by its parts or by the subnet's ID, not by both."""
    config, place = _config(template), place_of(template)
    if _is_old(config) and (config.subnet or config.container_subnet):
        old = ", ".join(key for key in ("name", "subnetName", "resourceGroupName") if place.says(key)) or "name"
        why = "the old form names the subnet by parts, the new one by its ID"
        yield TemplateFinding(place.path, f"`subnetId` beside {old}", "one of the two forms", why, RELEASES)


def form_of_the_version(template: ImageTemplate) -> Iterator[TemplateFinding]:
    """The old form is for API versions before 2020-02-14, the new one from then on."""
    config, place, version = _config(template), place_of(template), version_of(template)
    if version is None:
        return
    if version >= SUBNET_IDS and _is_old(config):
        why = f"API version {SUBNET_IDS} replaced name, subnetName and resourceGroupName"
        yield TemplateFinding(place.path, "the old form", "`subnetId`, the resource ID of the subnet", why, RELEASES)
    if version < SUBNET_IDS and config.subnet:
        why = f"`subnetId` came with API version {SUBNET_IDS}"
        allowed = "`name`, `subnetName` and `resourceGroupName`"
        yield TemplateFinding(place.at("subnetId"), shown(config.subnet.text), allowed, why, RELEASES)


def name_of_the_object(template: ImageTemplate) -> Iterator[TemplateFinding]:
    """From 2020-02-14 on the object is called `vnetConfig`: by the documentation's first name it is not read."""
    place, version = place_of(template), version_of(template)
    if version is not None and version >= SUBNET_IDS and place.path.endswith(".VirtualNetworkConfig"):
        why = "VirtualNetworkConfig is the name of its type; as a field it is refused, or ignored before 2024-02-01"
        yield TemplateFinding(place.path, '"VirtualNetworkConfig"', '"vmProfile.vnetConfig"', why, RELEASES)


def subnets_are_subnets(template: ImageTemplate) -> Iterator[TemplateFinding]:
    """`subnetId` and `containerInstanceSubnetId` are resource IDs of subnets."""
    config, place = _config(template), place_of(template)
    for key, value in (("subnetId", config.subnet), ("containerInstanceSubnetId", config.container_subnet)):
        if value is not None and not is_expression(value.text) and value.type != SUBNET_TYPE:
            yield TemplateFinding(place.at(key), shown(value.text), A_SUBNET, "the build runs in a subnet", REFERENCE)


def container_needs_subnet(template: ImageTemplate) -> Iterator[TemplateFinding]:
    """A subnet for the container alone is not supported, and no version before 2024-02-01 knows the field."""
    config, place, version = _config(template), place_of(template), version_of(template)
    if config.container_subnet is None:
        return
    if config.subnet is None:
        why = "a template that names the container's subnet alone is not supported"
        yield TemplateFinding(place.at("subnetId"), "nothing", A_SUBNET, why, NETWORKING)
    if version is not None and version < EXACT_NAMES:
        why = f"`containerInstanceSubnetId` came with API version {EXACT_NAMES}"
        allowed = f"no such field, or apiVersion {EXACT_NAMES} or later"
        found = shown(config.container_subnet.text)
        yield TemplateFinding(place.at("containerInstanceSubnetId"), found, allowed, why, NETWORKING)


def container_apart(template: ImageTemplate) -> Iterator[TemplateFinding]:
    """The container's subnet is another one than the build's, in the same virtual network."""
    config = _config(template)
    build, container = config.subnet, config.container_subnet
    if build is None or container is None or is_expression(build.text) or is_expression(container.text):
        return
    key = place_of(template).at("containerInstanceSubnetId")
    if build == container:
        why = "it must not be the subnet of `subnetId`: it is delegated to container groups, no VM can be in it"
        yield TemplateFinding(key, shown(container.text), "another subnet", why, REFERENCE)
    elif container.parent != build.parent and _is_subnet(build) and _is_subnet(container):
        allowed = f"a subnet of {build.parent.name}"
        why = "it must be on the same virtual network as the subnet of `subnetId`"
        yield TemplateFinding(key, shown(container.text), allowed, why, REFERENCE)


def _is_subnet(identity: ResourceId) -> bool:
    return identity.type == SUBNET_TYPE


def no_proxy_with_container(template: ImageTemplate) -> Iterator[TemplateFinding]:
    """`proxyVmSize` must be absent where the container has its own subnet: no proxy VM is deployed then.

    A tool prints an empty one where there is none; only an authored document means it.
    """
    config = _config(template)
    said = config.proxy_size is not None if template.strict else bool(config.proxy_size)
    if config.container_subnet is not None and said:
        why = "with `containerInstanceSubnetId` no proxy VM is deployed"
        found = shown(config.proxy_size)
        yield TemplateFinding(place_of(template).at("proxyVmSize"), found, "no such field", why, REFERENCE)
