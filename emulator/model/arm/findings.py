"""Where something stands in a document, and what is wrong there: document, resource, field, found, allowed."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass

CUT_OFF = ("Microsoft.Azure.", "System.", "@{")
"""How `ConvertTo-Json` prints what lies deeper than its `-Depth`."""

MOST_FINDINGS = 100
"""Of one document: whoever mends so many reads it again, and a long list of anything else must not fill memory."""


@dataclass(slots=True)  # not frozen: one is made for each field that is read, and freezing it takes thrice the time
class Place:
    """A place in a document; what is wrong at it, or below it, goes to one list.

    Attributes:
        document: the file's name.
        resource: the ID of the resource, or a word where none is known yet.
        field: the field, as a path.
        lines: the findings so far, one a line.
    """

    document: str
    resource: str = "resource"
    field: str = ""
    lines: list[str] = dataclasses.field(default_factory=list)

    def at(self, key: str) -> "Place":
        """The place of a field of the object here."""
        return Place(self.document, self.resource, f"{self.field}.{key}" if self.field else key, self.lines)

    def item(self, index: int) -> "Place":
        """The place of an item of the list here."""
        return Place(self.document, self.resource, f"{self.field}[{index}]", self.lines)

    def of(self, resource: str) -> "Place":
        """The place of a resource, as a whole."""
        return Place(self.document, resource, "", self.lines)

    def wrong(self, found: object, allowed: str) -> None:
        """Add a finding."""
        if len(self.lines) < MOST_FINDINGS:
            self.lines.append(f"{self}: found {shown(found)}, expected {printable(allowed)}{_hint(found)}")
        elif len(self.lines) == MOST_FINDINGS:
            self.lines.append(f"{printable(self.document)}: and more findings, which are not shown")

    def __str__(self) -> str:
        return ": ".join(printable(part) for part in (self.document, self.resource, self.field) if part)


def _hint(found: object) -> str:
    """What a well-known kind of wrong value comes from."""
    if not isinstance(found, str):
        return ""
    if found.startswith(CUT_OFF):
        return "; ConvertTo-Json cut it off: give it -Depth 100"
    if found.startswith("[") and found.endswith("]"):
        return "; that is an expression of a deployment template: export the deployed resource instead"
    return ""


def shown(found: object) -> str:
    """A found value, short, on one line."""
    if isinstance(found, (Mapping, list)):
        return ("an object" if isinstance(found, Mapping) else "a list") + f" of {len(found)}"
    words = json.dumps(found) if found is not None else "nothing"
    return words if len(words) <= 80 else words[:77] + "..."


def printable(text: str) -> str:
    """Text from a document, so that it cannot break a line or a terminal."""
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)
