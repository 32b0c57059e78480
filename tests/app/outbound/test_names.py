"""Answers to a guest's questions for names."""

import pytest

from emulator.app.outbound.atlas import Atlas
from emulator.app.outbound.names import answered
from emulator.wire import dns
from tests.wire.test_dns import asking

pytestmark = pytest.mark.network
MAPPED = {"www.example.com": "127.0.0.1:1"}


async def test_a_mapped_name_is_answered_without_asking_anybody() -> None:
    """Its stand-in; for another kind of question nothing, and no error."""
    atlas = Atlas(MAPPED, dials=False)
    stand_in = atlas.stand_in("www.example.com")
    assert stand_in
    asked, other = dns.question(asking("WWW.example.com")), dns.question(asking("www.example.com", kind=28))

    assert await answered(asked, atlas) == dns.answer(asked, dns.FOUND, [stand_in])
    assert await answered(other, atlas) == dns.answer(other, dns.FOUND)


@pytest.mark.parametrize("name", ["a\0b.example", "x" * 63, ".".join(["long"] * 40)])
async def test_a_name_that_is_none_is_answered(name: str) -> None:
    """Whatever a guest asks for, it hears that nothing is known, or that it failed."""
    asked = dns.question(asking(name))

    assert await answered(asked, Atlas()) in (
        dns.answer(asked, dns.UNKNOWN_NAME),
        dns.answer(asked, dns.FAILED),
    )


async def test_nobody_is_asked_where_nothing_is_dialled() -> None:
    """Any other name is unknown then."""
    asked = dns.question(asking("www.example.org"))

    assert await answered(asked, Atlas(MAPPED, dials=False)) == dns.answer(asked, dns.UNKNOWN_NAME)


async def test_names_of_this_machine_are_not_known() -> None:
    """What this machine's resolver knows as a loopback address is nothing to a guest."""
    asked = dns.question(asking("localhost"))

    assert await answered(asked, Atlas()) == dns.answer(asked, dns.UNKNOWN_NAME)
