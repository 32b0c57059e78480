"""Image templates, as far as they decide the network of a build."""

from dataclasses import dataclass, field

from emulator.model.ids import ResourceId
from emulator.model.kept import NO_JSON, NOTHING, Json, Kept


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The template's network: `vmProfile.vnetConfig`, or `VirtualNetworkConfig` of before 2020-02-14.

    Attributes:
        container_subnet: `containerInstanceSubnetId`.
        proxy_size: `proxyVmSize`; None where it is absent, which is not the same as empty.
        name, subnet_name, resource_group: the old form, which names the subnet by parts.
    """

    subnet: ResourceId | None = None
    container_subnet: ResourceId | None = None
    proxy_size: str | None = None
    name: str | None = None
    subnet_name: str | None = None
    resource_group: str | None = None


@dataclass(frozen=True, slots=True)
class ImageTemplate:
    """An image template.

    Attributes:
        network: None where the template names none.
        identities: user-assigned identities, each with its principal's object ID where Azure printed it.
        api_version: of the document; empty for one that Azure printed.
        strict: whether field names must be spelled exactly: an authored document, not a tool's print.
        properties: the template's own words, for the rules about them and for the build.
    """

    id: ResourceId
    network: NetworkConfig | None = None
    identities: tuple[tuple[ResourceId, str], ...] = ()
    build_identities: tuple[ResourceId, ...] = ()
    vm_size: str = ""
    staging_group: ResourceId | None = None
    location: str = "westeurope"
    api_version: str = field(default="", compare=False)
    strict: bool = field(default=False, compare=False)
    properties: Json = field(default_factory=lambda: NO_JSON, compare=False, repr=False)
    kept: Kept = field(default=NOTHING, compare=False, repr=False)
