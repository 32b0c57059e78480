"""Azure resource IDs: compared without case, as Azure does, and printed as they were written."""

from dataclasses import dataclass

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
"""The default world's subscription: plainly nobody's."""


@dataclass(frozen=True, slots=True, eq=False)
class ResourceId:
    """A resource ID, as `/subscriptions/…/resourceGroups/…/providers/Microsoft.Network/virtualNetworks/vnet`."""

    text: str

    @property
    def name(self) -> str:
        """The last segment."""
        return self.text.rstrip("/").rpartition("/")[2]

    @property
    def key(self) -> str:
        """What is compared."""
        return self.text.rstrip("/").lower()

    def child(self, kind: str, name: str) -> "ResourceId":
        """The ID of a resource within this one."""
        return ResourceId(f"{self.text.rstrip('/')}/{kind}/{name}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ResourceId) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        return self.text


def resource_id(kind: str, name: str, *, group: str = "aib-emulator", subscription: str = SUBSCRIPTION) -> ResourceId:
    """An ID from its parts; `kind` is a full type, as `Microsoft.Network/networkInterfaces`."""
    return ResourceId(f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind}/{name}")
