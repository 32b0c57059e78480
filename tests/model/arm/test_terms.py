"""Address prefixes as rules and routes have them."""

import pytest

from emulator.model.arm.terms import PREFIX
from tests.documents import read

GOOD = ["*", "10.0.0.4", "10.0.0.0/8", "10.0.0.9/8", "2001:db8::/32", "Internet", "Storage.WestEurope", "any", "A_1"]
BAD = ["", "10.0.0.0/33", "10.0.0.0-10.0.0.9", "two words", ".Storage", "Storage.", "1", 5, None, ["*"], {}]


@pytest.mark.parametrize("found", GOOD)
def test_prefixes_stay_as_they_are_written(found: str) -> None:
    """`*`, addresses, ranges and service tags are prefixes, and are kept in Azure's words."""
    assert read(PREFIX, found) == found
    assert PREFIX.write(found) == found


@pytest.mark.parametrize("found", BAD)
def test_other_things_are_no_prefix(found: object) -> None:
    """What is neither is refused with the list of what is allowed."""
    assert str(read(PREFIX, found)).endswith("expected *, an address, a range, or a service tag")
