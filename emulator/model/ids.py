"""Azure resource IDs: compared without case, as Azure does, and printed as they were written."""

from dataclasses import dataclass, field

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
"""The default world's subscription: plainly nobody's."""
PROVIDERS = "/providers/"


@dataclass(frozen=True, slots=True, eq=False)
class ResourceId:
    """A resource ID, as `/subscriptions/…/resourceGroups/…/providers/Microsoft.Network/virtualNetworks/vnet`.

    Attributes:
        text: the ID as it was written.
        key: what is compared.
    """

    text: str
    key: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", self.text.rstrip("/").lower())

    @property
    def name(self) -> str:
        """The last segment."""
        return self.text.rstrip("/").rpartition("/")[2]

    @property
    def type(self) -> str:
        """The full type in lower case, as `microsoft.network/virtualnetworks/subnets`; empty for no resource ID."""
        provider, *segments = self.key.rpartition(PROVIDERS)[2].split("/")
        return "/".join([provider, *segments[::2]]) if PROVIDERS in self.key and segments else ""

    @property
    def parent(self) -> "ResourceId":
        """The ID without its last type and name: of a subnet its network; of a network its provider."""
        return ResourceId("/".join(self.text.rstrip("/").split("/")[:-2]))

    @property
    def subscription(self) -> str:
        """The subscription's ID; empty for what is in none."""
        return self._after("subscriptions")

    @property
    def resource_group(self) -> str:
        """The resource group's name; empty for what is in none."""
        return self._after("resourcegroups")

    def _after(self, segment: str) -> str:
        segments = self.text.split("/")
        lowered = self.key.split("/")
        place = lowered.index(segment) + 1 if segment in lowered else len(segments)
        return segments[place] if place < len(segments) else ""

    def child(self, kind: str, name: str) -> "ResourceId":
        """The ID of a resource within this one."""
        return ResourceId(f"{self.text.rstrip('/')}/{kind}/{name}")

    def is_within(self, other: "ResourceId") -> bool:
        """Whether this is `other` or stands below it: scopes of role assignments contain what is below them."""
        return self.key == other.key or self.key.startswith(other.key + "/")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ResourceId) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        return self.text


def resource_id(kind: str, name: str, *, group: str = "aib-emulator", subscription: str = SUBSCRIPTION) -> ResourceId:
    """An ID from its parts; `kind` is a full type, as `Microsoft.Network/networkInterfaces`."""
    return ResourceId(f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind}/{name}")
