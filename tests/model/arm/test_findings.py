"""What is wrong somewhere is told on one line that names the place."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.model.arm.findings import MOST_FINDINGS, Place, printable, shown

PLACE = Place("a.json", "/subscriptions/s/x")


def test_a_place_is_a_path() -> None:
    """Fields and items follow each other as one writes them; another resource begins a new path."""
    deeper = PLACE.at("properties").at("rules").item(2).at("name")

    assert str(deeper) == "a.json: /subscriptions/s/x: properties.rules[2].name"
    assert str(deeper.of("/y")) == "a.json: /y"
    assert str(Place("a.json")) == "a.json: resource"


def test_findings_of_a_document_are_in_one_list() -> None:
    """What is wrong below a place is found at the place."""
    place = Place("a.json", "x")
    place.at("priority").wrong(5, "a whole number from 100 to 4096")
    place.of("y").item(0).wrong(None, "a value")

    assert place.lines == [
        "a.json: x: priority: found 5, expected a whole number from 100 to 4096",
        "a.json: y: [0]: found nothing, expected a value",
    ]


# Well-known ways in which documents go wrong: shallow PowerShell, templates that were not deployed.
HINTS = [
    ("Microsoft.Azure.Commands.Network.Models.PSSubnet", "ConvertTo-Json cut it off: give it -Depth 100"),
    ("System.Collections.Generic.List`1[System.String]", "ConvertTo-Json cut it off: give it -Depth 100"),
    ("@{Id=/subscriptions/s}", "ConvertTo-Json cut it off: give it -Depth 100"),
    ("[parameters('priority')]", "that is an expression of a deployment template: export the deployed resource"),
    ("[half", "expected a value"),
    (5, "expected a value"),
]


@pytest.mark.parametrize(("found", "hint"), HINTS)
def test_hints(found: object, hint: str) -> None:
    """A finding says what its value probably comes from, where that is known."""
    place = Place("a.json")
    place.wrong(found, "a value")

    assert hint in place.lines[0]
    assert (";" in place.lines[0]) == ("expected" not in hint)


SHOWN: list[tuple[Any, str]] = [
    (None, "nothing"),
    (True, "true"),
    ("a", '"a"'),
    ([1, 2], "a list of 2"),
    ({"a": 1}, "an object of 1"),
    ("x" * 100, '"' + "x" * 76 + "..."),
]


@pytest.mark.parametrize(("found", "words"), SHOWN)
def test_found_values_are_short(found: object, words: str) -> None:
    """A value is shown as JSON, cut short; what is nested by its kind and size."""
    assert shown(found) == words


@given(text=st.text())
def test_text_of_documents_is_printable(text: str) -> None:
    """Nothing in a document can break a line or a terminal, and plain text stays as it is."""
    assert printable(text).isprintable()
    assert printable(text) == text or not text.isprintable()


def test_findings_of_one_document_are_limited() -> None:
    """A file full of wrong things fills neither the screen nor the memory; what is left out is told once."""
    place = Place("a.json")

    for _ in range(1000):
        place.wrong(1, "a resource")

    assert len(place.lines) == MOST_FINDINGS + 1
    assert place.lines[-1] == "a.json: and more findings, which are not shown"
