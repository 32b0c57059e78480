"""The balancer's hash: the tuple of each mode, nothing else, spread evenly and disturbed little."""

from collections import Counter
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.model.balancer import Distribution
from emulator.model.flow import Flow, Protocol
from emulator.rules.distribution import backend_hash, flow_hash, mix, order, prefix, score

FLOW = Flow(IPv4Address("10.60.0.5"), 40000, IPv4Address("10.60.0.6"), 60001)
FLOWS = st.builds(
    Flow,
    st.ip_addresses(v=4),
    st.integers(0, 65535),
    st.ip_addresses(v=4),
    st.integers(0, 65535),
    st.sampled_from(Protocol),
)
MODES: list[Distribution] = ["Default", "SourceIP", "SourceIPProtocol"]
POOL = ["proxy-0", "proxy-1", "proxy-2", "proxy-3"]


@pytest.mark.parametrize(
    ("mode", "hashed"),
    [
        # https://learn.microsoft.com/azure/load-balancer/distribution-mode-concepts
        ("Default", {"source", "source_port", "destination", "destination_port", "protocol"}),
        ("SourceIP", {"source", "destination"}),
        ("SourceIPProtocol", {"source", "destination", "protocol"}),
    ],
)
def test_each_mode_hashes_its_tuple(mode: Distribution, hashed: set[str]) -> None:
    """A field changes the hash exactly when the mode's tuple has it."""
    others = {
        "source": replace(FLOW, source=IPv4Address("10.60.0.9")),
        "source_port": replace(FLOW, source_port=40001),
        "destination": replace(FLOW, destination=IPv4Address("10.60.0.9")),
        "destination_port": replace(FLOW, destination_port=60000),
        "protocol": replace(FLOW, protocol=Protocol.UDP),
    }

    assert {name for name, other in others.items() if flow_hash(other, mode) != flow_hash(FLOW, mode)} == hashed


@given(FLOWS, st.sampled_from(MODES))
def test_a_flow_keeps_its_backend(flow: Flow, mode: Distribution) -> None:
    """The same flow has the same order of backends, whatever the pool's order or the case of its names."""
    best = order(flow, POOL, mode)

    assert sorted(best) == POOL
    assert order(flow, reversed(POOL), mode) == best
    assert [name.lower() for name in order(flow, [name.upper() for name in POOL], mode)] == best


@given(FLOWS, st.sampled_from(MODES), st.sampled_from(POOL))
def test_a_membership_change_moves_only_what_must(flow: Flow, mode: Distribution, gone: str) -> None:
    """Without one backend, the others keep their order."""
    left = [name for name in POOL if name != gone]

    assert order(flow, left, mode) == [name for name in order(flow, POOL, mode) if name != gone]


def test_ports_are_spread_evenly() -> None:
    """Over many source ports each of four backends gets a quarter, within a tenth of it."""
    firsts = Counter(order(replace(FLOW, source_port=port), POOL, "Default")[0] for port in range(20000, 40000))

    assert all(4500 < firsts[name] < 5500 for name in POOL)


def test_source_affinity_ignores_ports() -> None:
    """Under SourceIP every port of a client goes to one backend; different clients go to different ones."""
    one = {order(replace(FLOW, source_port=port), POOL, "SourceIP")[0] for port in range(100)}
    many = {order(replace(FLOW, source=IPv4Address(number)), POOL, "SourceIP")[0] for number in range(100)}

    assert len(one) == 1
    assert many == set(POOL)


@given(st.sets(st.integers(0, 2**32 - 1), max_size=50))
def test_mix_stays_in_32_bits_and_never_collides(values: set[int]) -> None:
    """`mix` maps 32 bits to 32 bits, one to one, as a socket filter can compute it."""
    mixed = {mix(value) for value in values}

    assert len(mixed) == len(values)
    assert all(0 <= value < 2**32 for value in mixed)


@given(FLOWS)
def test_the_port_goes_in_last(flow: Flow) -> None:
    """What a filter compiles to a constant is everything but the source port."""
    assert flow_hash(flow, "Default") == mix(prefix(flow, "Default") ^ flow.source_port)
    assert score(flow_hash(flow, "Default"), backend_hash("x")) == mix(flow_hash(flow, "Default") ^ backend_hash("x"))


def test_names_are_read_by_the_given_function() -> None:
    """Backends may be any objects; their name decides."""
    pool = [(number, name) for number, name in enumerate(POOL)]

    assert [name for _, name in order(FLOW, pool, "Default", lambda each: each[1])] == order(FLOW, POOL, "Default")
