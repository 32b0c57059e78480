"""Loopback addresses: one for each of Azure's, allocated."""

from ipaddress import IPv4Address

import pytest

from emulator.net.addresses import ONLY, POOL, Loopback, can_bind

AZURE = [IPv4Address("10.60.0.4") + number for number in range(300)]


def test_each_has_its_own() -> None:
    """Every Azure address has one transport address of the pool, the same at each call, and back."""
    loopback = Loopback(exact=True)
    given = [loopback.of(address) for address in AZURE]

    assert given == [loopback.of(address) for address in AZURE]
    assert len(set(given)) == len(AZURE)
    assert all(IPv4Address(each) in POOL for each in given[:250])
    assert loopback.sources() == dict(zip(given, AZURE, strict=True))


def test_only_one_address() -> None:
    """Where only 127.0.0.1 can be bound all addresses are that one, and stand for nobody."""
    loopback = Loopback(exact=False)

    assert {loopback.of(address) for address in AZURE} == {ONLY}
    assert (loopback.exact, loopback.sources()) == (False, {})


@pytest.mark.network
def test_what_can_be_bound() -> None:
    """An address of this machine can be bound, one of documentation cannot; that decides whether we are exact."""
    assert can_bind(ONLY)
    assert not can_bind("192.0.2.1")
    assert Loopback().exact == can_bind("127.60.0.1")
