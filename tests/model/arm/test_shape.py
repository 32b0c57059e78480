"""Tables of fields: read and written from the same lines."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from emulator.model.arm.findings import Place
from emulator.model.arm.kinds import BOOLEAN, REFERENCE, TEXT, whole
from emulator.model.arm.shape import Field, Shape, parts, plain
from emulator.model.ids import ResourceId
from emulator.model.kept import NOTHING, Kept

WHOLE = "/subscriptions/s/resourceGroups/g/providers/Test.Thing/wholes/w"


@dataclass(frozen=True)
class Part:
    """A part with an ID below its whole's."""

    id: ResourceId
    size: int = 1
    kept: Kept = field(default=NOTHING, compare=False)


@dataclass(frozen=True)
class Named:
    """A part that has its name alone."""

    name: str
    word: str = ""


@dataclass(frozen=True)
class Note:
    """An object without name or `properties`."""

    word: str = ""


@dataclass(frozen=True)
class Whole:
    """A resource with every sort of field."""

    id: ResourceId
    word: str
    tier: str = "Basic"
    on: bool = False
    few: tuple[str, ...] = ("a",)
    target: ResourceId | None = None
    named: tuple[Named, ...] = ()
    parts: tuple[Part, ...] = ()
    notes: tuple[Note, ...] = ()
    kept: Kept = field(default=NOTHING, compare=False)


def _no_shouting(value: Whole, place: Place) -> None:
    if value.word.isupper():
        place.at("word").wrong(value.word, "a quiet word")


PART = Shape(Part, (Field("size", "size", whole(1, 9)),))
NAMED = Shape(Named, (Field("word", "deep.word", TEXT),))
NOTE = Shape(Note, (Field("word", "word", TEXT, required=True),), properties=False)
SHAPE = Shape(
    Whole,
    (
        Field("word", "word", TEXT, required=True, older=("oldWord",)),
        Field("tier", "sku.tier", TEXT, beside=True),
        Field("on", "isOn", BOOLEAN),
        Field("few", "oneWord", TEXT, plural="words", absent=()),
        Field("target", "target", REFERENCE),
        Field("named", "named", parts("named", NAMED)),
        Field("parts", "parts", parts("parts", PART)),
        Field("notes", "notes", plain(NOTE)),
    ),
    type="Test.Thing/wholes",
    check=_no_shouting,
)
IDENTITY = ResourceId(WHOLE)


def attempt(properties: dict[str, Any], **beside: Any) -> tuple[Whole | None, list[str]]:
    """What is read of an object, and what is said of it, less the document's name."""
    place = Place("a.json", WHOLE)
    found = SHAPE.read({"id": WHOLE, "properties": properties, **beside}, place, IDENTITY)
    return found, [line.removeprefix("a.json: ").removeprefix(WHOLE) for line in place.lines]


FULL = Whole(
    IDENTITY,
    "w",
    "Standard",
    on=True,
    few=("a", "b"),
    target=ResourceId("/t"),
    named=(Named("n", "x"),),
    parts=(Part(IDENTITY.child("parts", "p"), 2),),
    notes=(Note("y"),),
)


def test_what_is_written() -> None:
    """A value is written by REST's names, with name and type; defaults that say nothing are left out."""
    assert SHAPE.write(Whole(IDENTITY, "w", few=())) == {
        "id": WHOLE,
        "name": "w",
        "type": "Test.Thing/wholes",
        "sku": {"tier": "Basic"},
        "properties": {"word": "w"},
    }
    assert SHAPE.write(FULL)["properties"] == {
        "word": "w",
        "isOn": True,
        "words": ["a", "b"],
        "target": {"id": "/t"},
        "named": [{"name": "n", "properties": {"deep": {"word": "x"}}}],
        "parts": [{"id": f"{WHOLE}/parts/p", "name": "p", "properties": {"size": 2}}],
        "notes": [{"word": "y"}],
    }


def test_what_is_written_is_read() -> None:
    """What was written reads as the same value."""
    written = SHAPE.write(FULL)

    assert attempt(written["properties"], sku=written["sku"]) == (FULL, [])


def test_what_is_absent() -> None:
    """A field that is not there has its default, or what the table says for that; a required one is missed."""
    found, said = attempt({"word": "w"})
    assert found
    assert (found.tier, found.on, found.few, said) == ("Basic", False, (), [])
    assert attempt({}) == (None, [": word: found nothing, expected a value"])
    assert attempt({"oldWord": "old", "word": None})[0] == Whole(IDENTITY, "old", few=())


# The singular field, the plural one, both, and PowerShell's list in the singular one.
PLURALS: list[tuple[dict[str, Any], object]] = [
    ({"oneWord": "a"}, ("a",)),
    ({"words": ["a", "b"]}, ("a", "b")),
    ({"oneWord": "a", "words": ["a", "b"]}, ("a", "b")),
    ({"oneWord": ["a", "b"]}, ("a", "b")),
    ({"oneWord": [], "words": ["b"]}, ("b",)),
    ({"oneWord": "", "words": []}, ()),
    ({"oneWord": 5}, ": oneWord[0]: found 5, expected text"),
    ({"oneWord": ["a", 5]}, ": oneWord[1]: found 5, expected text"),
    ({"words": ["a", 5]}, ": words[1]: found 5, expected text"),
    ({"words": "a"}, ': words: found "a", expected a list'),
]


@pytest.mark.parametrize(("properties", "expected"), PLURALS)
def test_one_or_many(properties: dict[str, Any], expected: object) -> None:
    """A list may stand in the singular field, the plural one, or both."""
    found, said = attempt({"word": "w", **properties})

    assert (found.few if found else said[0]) == expected


def test_a_required_list() -> None:
    """Where one of two fields must be given, the finding names both."""
    shape = Shape(Note, (Field("word", "one", TEXT, plural="many", required=True),), properties=False)
    place = Place("a.json", "x")

    assert shape.read({}, place) is None
    assert place.lines == ["a.json: x: one or many: found nothing, expected a value"]


def test_a_check_has_the_last_word() -> None:
    """A value whose fields are right may still be wrong as a whole."""
    assert attempt({"word": "LOUD"}) == (None, [': word: found "LOUD", expected a quiet word'])


# Parts: by name, by ID, and what is wrong with them is told of them.
PARTS: list[tuple[object, object]] = [
    ([{"name": "p"}], [f"{WHOLE}/parts/p"]),
    ([{"id": f"{WHOLE}/parts/p"}], [f"{WHOLE}/parts/p"]),
    ([{"id": f"{WHOLE}/PARTS/P", "name": "p"}], [f"{WHOLE}/PARTS/P"]),
    ([{"id": "/elsewhere/p", "name": "p"}], [f"{WHOLE}/parts/p"]),
    ([{"NAME": "p", "size": 3}], [f"{WHOLE}/parts/p"]),
    ({}, ": parts: found an object of 0, expected a list"),
    (["p"], ': parts[0]: found "p", expected an object with a `name`'),
    ([{"name": "p"}, {"name": ""}], ": parts[1]: found an object of 1, expected an object with a `name`"),
    ([{"id": 5}, {}], ": parts[1]: found an object of 0, expected an object with a `name`"),
    ([{"name": "p/q"}], ": parts[0]: found an object of 1, expected an object with a `name`"),
    ([{"name": "p", "properties": {"size": 0}}], "/parts/p: size: found 0, expected a whole number from 1 to 9"),
]


@pytest.mark.parametrize(("value", "expected"), PARTS)
def test_parts(value: object, expected: object) -> None:
    """A part has a name and an ID below its whole's, in any case; a finding is told of the part."""
    found, said = attempt({"word": "w", "parts": value})

    assert ([each.id.text for each in found.parts] if found else said[0]) == expected


def test_a_part_by_its_id_alone() -> None:
    """A part of which only an ID is printed is called as the ID ends."""
    found, _ = attempt({"word": "w", "named": [{"id": "/elsewhere/n"}]})

    assert found
    assert found.named == (Named("n"),)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([{"word": "a"}, {"Word": "b"}], (Note("a"), Note("b"))),
        (5, ": notes: found 5, expected a list of objects"),
        ([5], ": notes: found a list of 1, expected a list of objects"),
        ([{"word": "a"}, {}], ": notes[1].word: found nothing, expected a value"),
    ],
)
def test_plain_objects(value: object, expected: object) -> None:
    """Objects without names are read in order, and told of by their number."""
    found, said = attempt({"word": "w", "notes": value})

    assert (found.notes if found else said[0]) == expected


def test_what_is_not_read_is_written_back() -> None:
    """Fields that no table has are kept where they stood, beside and within, also in parts."""
    raw = SHAPE.write(FULL)
    raw |= {"etag": "e", "sku": {"tier": "Standard", "name": "s"}}
    raw["properties"] |= {"state": {"a": 1}}
    raw["properties"]["parts"][0]["properties"]["state"] = 2
    found = SHAPE.read(raw, Place("a.json", WHOLE), IDENTITY)

    assert found == FULL
    assert SHAPE.write(found) == raw


def test_references() -> None:
    """A value refers to what its fields and those of its parts refer to."""
    holder = Shape(
        Whole, (Field("target", "target", REFERENCE), Field("few", "oneTarget", REFERENCE, plural="targets"))
    )
    several: Any = Whole(IDENTITY, "w", target=ResourceId("/t"), few=(ResourceId("/u"), ResourceId("/v")))  # type: ignore[arg-type]

    assert list(holder.references(several)) == [
        ("target", ResourceId("/t")),
        ("oneTarget", ResourceId("/u")),
        ("oneTarget", ResourceId("/v")),
    ]
    assert list(SHAPE.references(FULL)) == [("target", ResourceId("/t"))]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ({"id": WHOLE}, False),
        ({"id": WHOLE, "name": "w", "etag": "e"}, False),
        ({"id": WHOLE, "properties": {}}, True),
        ({"id": WHOLE, "location": "x"}, True),
        ({"id": WHOLE, "Words": []}, True),
        ({"id": WHOLE, "oldWord": ""}, True),
    ],
)
def test_whether_it_is_written(raw: dict[str, Any], *, says: bool) -> None:
    """An object says something if it has `properties`, a place, or one of the fields by any of their names."""
    assert SHAPE.written(raw) is says
