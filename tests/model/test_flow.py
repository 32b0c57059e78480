"""Flows and protocols."""

from ipaddress import IPv4Address

from emulator.model.flow import Flow, Protocol


def test_protocol_numbers() -> None:
    """A protocol's number is IANA's."""
    assert {each.name: each.number for each in Protocol} == {"TCP": 6, "UDP": 17}


def test_a_flow_prints_its_ends() -> None:
    """A flow prints as both ends, and is TCP unless it says otherwise."""
    flow = Flow(IPv4Address("10.0.0.1"), 1234, IPv4Address("10.0.0.2"), 22)

    assert str(flow) == "10.0.0.1:1234 → 10.0.0.2:22"
    assert flow.protocol is Protocol.TCP
