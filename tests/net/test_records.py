"""Records of connections and dropped attempts, made of what is known at one hop."""

import asyncio
from ipaddress import IPv4Address

import pytest

from emulator.clock import Clock
from emulator.model.flow import Flow
from emulator.net import records
from emulator.net.attempts import Attempt
from emulator.net.records import Passage
from emulator.reason import Outcome, Reason, Verdict
from tests.conftest import Run
from tests.net.tcp import pair

FLOW = Flow(IPv4Address("10.60.0.5"), 40000, IPv4Address("10.60.0.7"), 60001)
DENIED = Verdict(Outcome.DROPPED, Reason("rule", "/nsg", "DenyAllInBound"), "denied by DenyAllInBound")


def at_proxy(client: tuple[str, int] = ("127.0.0.1", 5)) -> Passage:
    """A connection that begins at the proxy."""
    return records.passage("proxy", "load-balancer → proxy", client, FLOW, backend="build-linux", name="f")


def test_closed(virtual_time: Run) -> None:
    """A close record says who ended it and how, with Azure's addresses and emulated age, in fields and words."""

    async def body() -> None:
        which = at_proxy()
        await asyncio.sleep(4)
        record = records.closed(which, Clock(60), "proxy", "fin", reason=DENIED.reason, why=DENIED.sentence)

        assert (record.kind, record.flow, record.hop, record.client) == ("close", "f", "proxy", "127.0.0.1:5")
        assert (record.source, record.to) == ("10.60.0.5:40000", "10.60.0.7:60001")
        assert (record.ended_by, record.how, record.reason) == ("proxy", "fin", DENIED.reason)
        assert record.age == pytest.approx(240, abs=30)
        assert record.idle == record.age
        assert "at proxy was ended by proxy with FIN after 2" in record.sentence
        assert record.sentence.endswith("0 bytes from the client and 0 to it: denied by DenyAllInBound")
        assert not records.closed(which, Clock(), "client", "rst").sentence.endswith(":")

    virtual_time(body())


def test_dropped(virtual_time: Run) -> None:
    """A drop record names the client's port, the leg and the rule, and whether it was approximated."""

    async def body() -> None:
        exact = records.dropped(at_proxy(), DENIED, age=1.23456)
        held = records.dropped(at_proxy(), DENIED, approximated=records.HELD)

        assert (exact.kind, exact.how, exact.reason, exact.approximated) == ("drop", "drop", DENIED.reason, False)
        assert (exact.age, held.approximated) == (1.235, True)
        assert exact.sentence == (
            "connection attempt of 127.0.0.1:5 dropped at load-balancer → proxy: denied by DenyAllInBound"
        )
        assert held.sentence == f"{exact.sentence} (approximated: {records.HELD})"

    virtual_time(body())


def test_an_unknown_source(virtual_time: Run) -> None:
    """An attempt that only a counter saw has no source, and says so."""

    async def body() -> None:
        record = records.dropped(at_proxy(("", 0)), DENIED)

        assert record.client == "source unknown"
        assert "attempt of source unknown dropped" in record.sentence

    virtual_time(body())


def test_names(virtual_time: Run) -> None:
    """A passage without a name gets one of its own."""

    async def body() -> None:
        made = [records.passage("proxy", "", ("", 0), FLOW).name for _ in range(2)]

        assert len(set(made)) == 2

    virtual_time(body())


@pytest.mark.network
@pytest.mark.parametrize("how", ["fin", "rst"])
def test_how_a_peer_left(how: str) -> None:
    """A held connection whose peer reset it tells a reset from a close."""
    import select
    import socket
    import struct

    with pair() as (near, far):
        if how == "rst":
            far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        far.close()
        select.select([near], [], [], 5)

        assert records.how_gone(near) == how


def test_an_attempt_that_ended() -> None:
    """Who gave up is observed with the number of repetitions."""
    attempt = Attempt("127.0.0.1", 5, retransmissions=3, age=7.00049)
    seen = records.attempt_ended("proxy", attempt)

    assert (seen.event, seen.hop) == ("AttemptEnded", "proxy")
    assert seen.sentence == "127.0.0.1:5 gave up at proxy after 3 retransmissions"
    assert seen.data == {"client": "127.0.0.1:5", "retransmissions": 3, "age": 7.0}
