"""IPv4 ranges read quickly mean what the standard library says they mean."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.model.cidr import cidr

octets = st.lists(st.integers(0, 300), min_size=4, max_size=4).map(lambda four: ".".join(map(str, four)))
written = st.one_of(octets, st.tuples(octets, st.integers(0, 40)).map(lambda both: f"{both[0]}/{both[1]}"))


@given(text=written)
def test_it_agrees_with_the_standard_library(text: str) -> None:
    """What is a range there has the same first and last address here; what is none there is none here."""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        assert cidr(text) is None
        return
    assert cidr(text) == (int(network.network_address), int(network.broadcast_address))


@pytest.mark.parametrize(
    "text", ["", "10.0.0", "10.0.0.01", "10.0.0.0/", "10.0.0.0/255.0.0.0", "٢.0.0.0", "::1", "Internet"]
)
def test_anything_else_is_none(text: str) -> None:
    """Other spellings are left to whoever knows them."""
    assert cidr(text) is None
