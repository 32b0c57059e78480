"""What a document says beyond what we use: kept as it was, and written back."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Json = Mapping[str, object]
NO_JSON: Json = {}


@dataclass(frozen=True, slots=True)
class Kept:
    """Fields that no decision reads.

    Attributes:
        beside: fields that stand beside `properties` in REST shape (`etag`, `tags`, …), by their own spelling.
        within: fields that stand within `properties`.
        originals: by attribute, a value that says less than its field did, and the field as it was.
    """

    beside: Json = field(default_factory=dict)
    within: Json = field(default_factory=dict)
    originals: Mapping[str, tuple[object, object]] = field(default_factory=dict, compare=False)


NOTHING = Kept()
