"""A finding about an image template, and how the template's own words are read."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from emulator.model.image import ImageTemplate

REFERENCE = "https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json"
NETWORKING = "https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-networking"
RELEASES = "https://learn.microsoft.com/azure/virtual-machines/image-builder-api-update-release-notes"
SUBNET_IDS = "2020-02-14"
"""The API version that brought `vnetConfig.subnetId` and made the identity mandatory (release notes)."""
EXACT_NAMES = "2024-02-01"
"""The API version from which case counts in names and unknown fields are refused (release notes, May 2024)."""
NEWEST = "2025-10-01"
"""The newest API version whose fields are known here."""
VERSION = re.compile(r"(\d{4}-\d{2}-\d{2})(-preview)?")
Severity = Literal["error", "warning"]
UNSAID: tuple[object, ...] = (None, "", [], {})
"""Values that say as much as an absent field; tools print them."""


@dataclass(frozen=True, slots=True)
class TemplateFinding:
    """One finding about an image template.

    Attributes:
        field: the path of the field, as `properties.vmProfile.vnetConfig.subnetId`.
        found: what stands there, short.
        allowed: what may stand there.
        why: the rule behind it.
        source: the page that states the rule.
        severity: `error` where Azure refuses the template or the build fails, `warning` for what is not advised.
    """

    field: str
    found: str
    allowed: str
    why: str
    source: str
    severity: Severity = "error"

    def __str__(self) -> str:
        return f"{self.field}: found {self.found}, expected {self.allowed}: {self.why}"


@dataclass(frozen=True, slots=True)
class Words:
    """An object as it was written, and its path; its fields are found whatever their case."""

    value: Mapping[str, Any]
    path: str

    def get(self, key: str) -> Any:
        """The value of a field; None where it is absent."""
        if key in self.value:
            return self.value[key]
        return next((value for name, value in self.value.items() if name.lower() == key.lower()), None)

    def says(self, key: str) -> bool:
        """Whether a field is there and not empty."""
        return self.get(key) not in UNSAID

    def at(self, key: str) -> str:
        """The path of a field."""
        return f"{self.path}.{key}" if self.path else key

    def below(self, key: str) -> "Words":
        """The object of a field; an empty one where there is none."""
        found = self.get(key)
        return Words(found if isinstance(found, Mapping) else {}, self.at(key))

    def objects(self, key: str) -> Iterator["Words"]:
        """The objects of a field: the one it holds, or those of its list."""
        found = self.get(key)
        if isinstance(found, Mapping):
            yield Words(found, self.at(key))
        for index, each in enumerate(found if isinstance(found, list) else ()):
            if isinstance(each, Mapping):
                yield Words(each, f"{self.at(key)}[{index}]")


def words_of(template: ImageTemplate) -> Words:
    """What stands under the template's `properties`."""
    return Words(template.properties, "properties")


def is_expression(value: object) -> bool:
    """Whether this is an expression of a deployment template, which stands for a value that nobody knows yet."""
    return isinstance(value, str) and value.startswith("[") and value.endswith("]") and not value.startswith("[[")


def version_of(template: ImageTemplate) -> str | None:
    """The API version by its date; None where it is not known, as of a template that a tool printed.

    An authored document that names no version counts as one of the newest.
    """
    if not template.api_version:
        return NEWEST if template.strict else None
    found = VERSION.fullmatch(template.api_version)
    return found[1] if found else None


def is_exact(template: ImageTemplate) -> bool:
    """Whether names must be spelled exactly: an authored document of 2024-02-01 or later."""
    version = version_of(template)
    return template.strict and version is not None and version >= EXACT_NAMES
