"""What Image Builder deploys for a build, as resources with Azure's names, and the order in which it goes again.

The running emulator's hops are these resources: the proxy VM of the list *is* the hop `proxy`, and so on. The list
says what Azure would show of a build in each topology (azure.md 1.1 and 1.8), in the order of its deployment.
Pages: https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-networking and
…/image-builder-troubleshoot, which has the order of deletion and `NicInUseWithPrivateEndpoint`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from emulator.errors import InvalidInputError
from emulator.model.ids import ResourceId
from emulator.model.image import ImageTemplate
from emulator.model.world import System, Topology

NETWORK, COMPUTE = "Microsoft.Network", "Microsoft.Compute"
ORDER = (
    "privateEndpointConnections",
    "privateEndpoints",
    "privateLinkServices",
    "networkInterfaces",
    "loadBalancers",
    "virtualMachines",
    "disks",
    "publicIPAddresses",
    "networkSecurityGroups",
    "containerGroups",
)
"""What goes first where nothing else decides: the connection, the service, then interface and balancer."""
PROXY_SIZE, BUILD_SIZE = "Standard_A1_v2", "Standard_D2ds_v4"


class InUseError(InvalidInputError):
    """A resource cannot be deleted while another one needs it; `code` is Azure's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Staged:
    """One resource of a build.

    Attributes:
        body: as Azure prints it.
        hop: the emulator's hop that it is, or empty.
        part: the part of the channel that it stands for, whatever hop that is of, or empty.
        stays: whether it outlives the build: the group and the storage account do, until the template is deleted.
        needed_by: what must be deleted first, each with Azure's error code for whoever does not.
    """

    id: ResourceId
    body: Mapping[str, Any]
    hop: str = ""
    part: str = ""
    stays: bool = False
    needed_by: Mapping[ResourceId, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Staging:
    """The resources of one build that there are now, in the order of their deployment.

    Attributes:
        guid: names the build and its log.
        group: the staging group.
        state: `running`, `canceling`, `kept` (an error with `abort` keeps the machine) or `done`.
    """

    guid: str
    template: ResourceId
    system: System
    group: ResourceId
    resources: tuple[Staged, ...] = ()
    state: str = "running"

    def without(self, wanted: ResourceId) -> "Staging":
        """The staging once a resource is deleted.

        Raises:
            InvalidInputError: there is none of that ID.
            InUseError: another resource needs it.
        """
        found = next((each for each in self.resources if each.id == wanted), None)
        if found is None:
            raise InvalidInputError(f"id: found {wanted}, expected a resource of {self.group.name}")
        here = {each.id for each in self.resources}
        for other, code in found.needed_by.items():
            if other in here:
                raise InUseError(code, f"{wanted.name} is used by {other.name}, which must be deleted first")
        return replace(self, resources=tuple(each for each in self.resources if each.id != wanted))

    def leaving(self) -> Sequence[ResourceId]:
        """What goes after the build, one by one in the documented order, and nothing before what needs it."""
        left = [each for each in self.resources if not each.stays]
        order: list[ResourceId] = []
        while left:
            here = {each.id for each in left}
            free = [each for each in left if not here & set(each.needed_by)]
            first = min(free, key=lambda each: ORDER.index(str(each.body["type"]).rpartition("/")[2]))
            order.append(first.id)
            left.remove(first)
        return order

    def as_json(self) -> dict[str, Any]:
        """As status prints it."""
        resources = [
            {"id": each.id.text, "type": each.body["type"], **({"hop": each.hop} if each.hop else {})}
            for each in self.resources
        ]
        group = {"stagingResourceGroup": self.group.text, "state": self.state}
        return {"build": self.guid, "template": self.template.text, **group, "resources": resources}


@dataclass(frozen=True, slots=True)
class _Making:
    """What the resources below are made of."""

    template: ImageTemplate
    system: System
    guid: str
    suffix: str
    group: ResourceId

    def id(self, provider: str, kind: str, name: str) -> ResourceId:
        return ResourceId(f"{self.group.text}/providers/{provider}/{kind}/{name}")

    def body(self, identity: ResourceId, kind: str, properties: Mapping[str, Any]) -> Mapping[str, Any]:
        known = {"id": identity.text, "name": identity.name, "type": kind, "location": self.template.location}
        return {**known, "properties": dict(properties)}

    def of(
        self, provider: str, kind: str, name: str, properties: Mapping[str, Any] | None = None, **more: Any
    ) -> Staged:
        identity = self.id(provider, kind, name)
        return Staged(identity, self.body(identity, f"{provider}/{kind}", properties or {}), **more)


def group_of(template: ImageTemplate, guid: str) -> ResourceId:
    """The staging group: the template's own, or `IT_<group>_<template>_<GUID>`."""
    if template.staging_group is not None:
        return template.staging_group
    scope = f"/subscriptions/{template.id.subscription}/resourceGroups"
    return ResourceId(f"{scope}/IT_{template.id.resource_group}_{template.id.name}_{guid}")


def staging(template: ImageTemplate, system: System, topology: Topology, guid: str) -> Staging:
    """What is deployed for a build; `guid` is its GUID, and names are made of it."""
    group = group_of(template, guid)
    making = _Making(template, system, guid, guid.replace("-", "")[:10], group)
    return Staging(guid, template.id, system, group, tuple(_resources(making, topology)))


def _resources(making: _Making, topology: Topology) -> Iterator[Staged]:
    yield _group(making)
    name = f"aibstor{making.guid.replace('-', '')[:16]}"
    yield making.of("Microsoft.Storage", "storageAccounts", name, {"accessTier": "Hot"}, stays=True)
    if topology != "public-ip":
        name = f"vmimagebuilder-build-container-{making.suffix}"
        yield making.of("Microsoft.ContainerInstance", "containerGroups", name, {"osType": "Linux"})
    if topology == "existing-vnet":
        yield from _chain(making)
    yield from _build_machine(making, topology)


def _group(making: _Making) -> Staged:
    """The staging group with its tags: `createdBy` on one that the service made, `usedBy` on the user's."""
    own = making.template.staging_group is not None
    tags = {
        "usedBy" if own else "createdBy": "AzureVMImageBuilder",
        "imageTemplateName": making.template.id.name,
        "imageTemplateResourceGroupName": making.template.id.resource_group,
    }
    body = making.body(making.group, "Microsoft.Resources/resourceGroups", {"provisioningState": "Succeeded"})
    return Staged(making.group, {**body, "tags": tags}, stays=True)


def _chain(making: _Making) -> Iterator[Staged]:
    """Private endpoint, private link service, balancer and proxy VM; a connection goes before what it hangs on."""
    suffix = making.suffix
    endpoint = making.id(NETWORK, "privateEndpoints", f"aibpe{suffix}")
    service = making.id(NETWORK, "privateLinkServices", f"aibpls{suffix}")
    connection = service.child("privateEndpointConnections", f"{endpoint.name}.{making.guid}")
    proxy = making.id(COMPUTE, "virtualMachines", f"aibproxy{suffix}")
    nic = making.id(NETWORK, "networkInterfaces", f"aibproxy{suffix}.nic")
    balancer = making.id(NETWORK, "loadBalancers", f"aiblb{suffix}")
    service_nic = f"{service.name}.nic.{making.guid}"
    size = (making.template.network.proxy_size if making.template.network else None) or PROXY_SIZE
    yield making.of(
        NETWORK, "networkInterfaces", nic.name, part="proxy-nic", needed_by={proxy: "NicInUse", service: "NicInUse"}
    )
    named = f"proxyVmDisk{'Win' if making.system == 'windows' else ''}_{suffix}"
    yield making.of(COMPUTE, "disks", named, {"diskState": "Attached"}, needed_by={proxy: "DiskInUse"})
    profile = {"hardwareProfile": {"vmSize": size}}
    yield making.of(COMPUTE, "virtualMachines", proxy.name, profile, hop="proxy", part="proxy")
    yield making.of(NETWORK, "loadBalancers", balancer.name, hop="load-balancer", part="balancer",
                    needed_by={service: "LoadBalancerInUseByPrivateLinkService"})  # fmt: skip
    yield making.of(NETWORK, "networkInterfaces", service_nic, part="service-nic",
                    needed_by={connection: "NicInUseWithPrivateEndpoint", service: "NicInUse"})  # fmt: skip
    blocked = {connection: "PrivateLinkServiceHasPrivateEndpointConnections"}
    yield making.of(NETWORK, "privateLinkServices", service.name, part="service", needed_by=blocked)
    yield making.of(NETWORK, "privateEndpoints", endpoint.name, part="endpoint")
    kind = f"{NETWORK}/privateLinkServices/privateEndpointConnections"
    yield Staged(connection, making.body(connection, kind, {}), part="connection")


def _build_machine(making: _Making, topology: Topology) -> Iterator[Staged]:
    """Packer's own names (azure.md 1.8): the machine, its interface and disk; in public-ip an address and a group."""
    machine = making.id(COMPUTE, "virtualMachines", f"pkrvm{making.suffix}")
    nic = making.id(NETWORK, "networkInterfaces", f"pkrni{making.suffix}")
    if topology == "public-ip":
        blocked = {nic: "PublicIPAddressCannotBeDeleted"}
        yield making.of(NETWORK, "publicIPAddresses", f"pkrip{making.suffix}", part="build-ip", needed_by=blocked)
        blocked = {nic: "InUseNetworkSecurityGroupCannotBeDeleted"}
        name = f"pkrsg{making.suffix}"
        yield making.of(NETWORK, "networkSecurityGroups", name, part="build-group", needed_by=blocked)
    yield making.of(NETWORK, "networkInterfaces", nic.name, part="build-nic", needed_by={machine: "NicInUse"})
    yield making.of(COMPUTE, "disks", f"pkros{making.suffix}", needed_by={machine: "DiskInUse"})
    size = {"hardwareProfile": {"vmSize": making.template.vm_size or BUILD_SIZE}}
    yield making.of(COMPUTE, "virtualMachines", machine.name, size, hop=f"build-{making.system}", part="build")
