"""How plays are told."""

from emulator.cli.playbill import in_hop_order, printable
from emulator.observe import Event, Observation, Record
from emulator.reason import Reason


def record(flow: str, hop: str) -> Record:
    """A record of a flow at a hop."""
    return Record(
        time="", flow=flow, kind="close", hop=hop, leg="", client="", source="", to="", ended_by="", how="fin",
        reason=Reason("peer", "", ""), sentence="",
    )  # fmt: skip


def test_records_stand_in_the_order_of_the_hops() -> None:
    """A connection's records stand together, the balancer's first, wherever its first one came."""
    noted = Observation("", "BackendUp", "load-balancer", "")
    given: tuple[Event, ...] = (record("a", "proxy"), noted, record("b", "proxy"), record("a", "load-balancer"))

    assert in_hop_order(given) == [record("a", "load-balancer"), record("a", "proxy"), noted, record("b", "proxy")]


def test_bytes_of_a_protocol_do_not_reach_the_terminal() -> None:
    """What is no text is a dot; lines stay."""
    assert printable("a\x1b[2J\nb\x00") == "a·[2J\nb·"
