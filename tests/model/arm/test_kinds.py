"""Single values: what is read, what is refused, and that what is written is what was read."""

from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from hypothesis import given

from emulator.model.arm.kinds import (
    ADDRESS,
    ADDRESS4,
    BOOLEAN,
    ID,
    NETWORK,
    PORTS,
    REFERENCE,
    TEXT,
    Kind,
    choice,
    each,
    whole,
)
from emulator.model.ids import ResourceId
from emulator.model.ports import PortRange
from tests.azure_values import json_values
from tests.documents import read

COUNT = whole(4, 100)
LINK = whole(0, 2**32 - 1, as_text=True)
ACCESS = choice("Allow", "Deny")
SYSTEM = choice("Windows", "Linux", numbered=True)
# What is read, and as what.
GOOD: list[tuple[Kind[Any], object, object]] = [
    (TEXT, "", ""),
    (BOOLEAN, False, False),
    (COUNT, 4, 4),
    (COUNT, 100, 100),
    (LINK, "536890208", 536890208),
    (LINK, 7, 7),
    (ACCESS, "ALLOW", "Allow"),
    (SYSTEM, "linux", "Linux"),
    (SYSTEM, 0, "Windows"),
    (SYSTEM, 1, "Linux"),
    (ADDRESS, "10.0.0.4", IPv4Address("10.0.0.4")),
    (NETWORK, "10.0.0.9/24", IPv4Network("10.0.0.0/24")),
    (PORTS, "*", PortRange()),
    (ID, "/subscriptions/s", ResourceId("/subscriptions/s")),
    (ID, "subscriptions/s", ResourceId("/subscriptions/s")),
    (ID, "<subnetId>", ResourceId("<subnetId>")),
    (REFERENCE, {"Id": "/a/b"}, ResourceId("/a/b")),
    (each(TEXT), ["a", "b"], ("a", "b")),
    (each(TEXT), "a", ("a",)),
    (each(REFERENCE), {"id": "/a"}, (ResourceId("/a"),)),
    (each(TEXT), [], ()),
]


@pytest.mark.parametrize(("kind", "found", "value"), GOOD)
def test_what_is_read(kind: Kind[Any], found: object, value: object) -> None:
    """A value is read in every form in which tools print it."""
    assert read(kind, found) == value


# What is refused, and what is allowed instead.
BAD: list[tuple[Kind[Any], object, str]] = [
    (TEXT, 5, "field: found 5, expected text"),
    (BOOLEAN, "true", 'field: found "true", expected true or false'),
    (COUNT, 3, "field: found 3, expected a whole number from 4 to 100"),
    (COUNT, 101, "field: found 101, expected a whole number from 4 to 100"),
    (COUNT, 5.0, "field: found 5.0, expected a whole number from 4 to 100"),
    (COUNT, True, "field: found true, expected a whole number from 4 to 100"),
    (COUNT, "5", 'field: found "5", expected a whole number from 4 to 100'),
    (LINK, "-1", 'field: found "-1", expected a whole number from 0 to 4294967295'),
    (LINK, "٢", "field: found"),
    (LINK, "9" * 5000, "..., expected a whole number from 0 to 4294967295"),
    (ACCESS, "Maybe", 'field: found "Maybe", expected one of Allow, Deny'),
    (ACCESS, 0, "field: found 0, expected one of Allow, Deny"),
    (SYSTEM, 2, "field: found 2, expected one of Windows, Linux"),
    (SYSTEM, True, "field: found true, expected one of Windows, Linux"),
    (SYSTEM, [0], "field: found a list of 1, expected one of Windows, Linux"),
    (ADDRESS, "10.0.0.0/8", 'field: found "10.0.0.0/8", expected an IP address'),
    (ADDRESS, 5, "field: found 5, expected an IP address"),
    (ADDRESS4, "::1", 'field: found "::1", expected an IPv4 address'),
    (NETWORK, "10.0.0.0/33", 'field: found "10.0.0.0/33", expected an address range as 10.0.0.0/16'),
    (PORTS, "2-1", 'field: found "2-1", expected *, a port, or first-last within 0-65535'),
    (ID, "", 'field: found "", expected a resource ID'),
    (REFERENCE, {"name": "x"}, "field.id: found nothing, expected a resource ID"),
    (REFERENCE, "/a/b", 'field: found "/a/b", expected an object with the `id` of a resource'),
    (each(TEXT), 5, "field: found 5, expected a list"),
    (each(TEXT), ["a", 5], "field[1]: found 5, expected text"),
]


@pytest.mark.parametrize(("kind", "found", "finding"), BAD)
def test_what_is_refused(kind: Kind[Any], found: object, finding: str) -> None:
    """A wrong value is named, with its place and what would be right."""
    said = read(kind, found)

    assert isinstance(said, str)
    assert finding in said


KINDS: list[Kind[Any]] = [
    TEXT,
    BOOLEAN,
    COUNT,
    LINK,
    ACCESS,
    SYSTEM,
    ADDRESS,
    NETWORK,
    PORTS,
    ID,
    REFERENCE,
    each(REFERENCE),
]


@given(found=json_values)
def test_random_values(found: object) -> None:
    """Of random JSON each kind makes a value that is written as what reads the same, or one that it refuses."""
    for kind in KINDS:
        value = read(kind, found)
        if not (isinstance(value, str) and value.startswith("field")):
            assert read(kind, kind.write(value)) == value


def test_references() -> None:
    """IDs refer to what they name, lists of them to all; other values to nothing."""
    one, two = ResourceId("/a"), ResourceId("/b")

    assert (list(ID.references(one)), list(REFERENCE.references(one))) == ([one], [one])
    assert list(each(REFERENCE).references((one, two))) == [one, two]
    assert list(TEXT.references("/a")) == []
