"""What is told of a flow, and when."""

import asyncio
from collections.abc import Iterable

from emulator.clock import Clock
from emulator.net.traffic import HEADERS, Counter, Traffic, counted, traffic
from emulator.rules.condition import probe_flow
from emulator.rules.flow_points import Point, between
from emulator.wire.flow_log import Counts, Tuple
from tests.conftest import Run
from tests.net.tcp import exactly
from tests.net.test_relay import relayed
from tests.worlds import nic_of, world


def points(*rules: str) -> tuple[Point, ...]:
    """A probe of the proxy, and what the groups say of it."""
    found = world(*rules)
    interface = nic_of(found, "proxy")
    return between(found, None, interface, probe_flow(interface, 60001))


def states(tuples: Iterable[Tuple]) -> list[tuple[str, Counts | None]]:
    """What was told."""
    return [(each.state, each.counts) for each in tuples]


def counting(*values: Counts) -> Counter:
    """A counter that reads these in turn."""
    remaining = iter(values)
    return lambda: next(remaining)


def test_a_flow_is_told_of_from_its_beginning_to_its_end(virtual_time: Run) -> None:
    """B when it begins, C every five minutes with what came since, E with the rest."""

    async def body() -> None:
        told: list[Tuple] = []
        counter = counting(Counts(10, 1000, 5, 500), Counts(11, 1100, 6, 600), Counts(13, 1300, 6, 600))
        async with traffic(told.append, Clock()) as flows:
            with flows.carried(points(), counter):
                await asyncio.sleep(601)

        assert states(told) == [
            ("begin", None),
            ("continuing", Counts(10, 1000, 5, 500)),
            ("continuing", Counts(1, 100, 1, 100)),
            ("end", Counts(2, 200, 0, 0)),
        ]
        assert {each.rule for each in told} == {"DefaultRule_AllowVnetInBound"}
        assert told[0].source == "168.63.129.16"

    virtual_time(body())


def test_a_denied_attempt_is_told_of_once() -> None:
    """A denial is one tuple, without counters."""
    told: list[Tuple] = []
    Traffic(told.append, Clock()).denied(points("300 deny in * -> *"))

    assert states(told) == [("deny", None)]
    assert told[0].rule == "UserRule_deny-300"


def test_who_let_a_denied_attempt_pass_saw_it_begin_and_end() -> None:
    """Where nobody denied it, as behind a route that leads nowhere, the flow began and ended with nothing."""
    told: list[Tuple] = []
    Traffic(told.append, Clock()).denied(points())

    assert states(told) == [("begin", None), ("end", Counts())]


def test_a_relays_packets_are_counted_as_the_kernel_does(run: Run) -> None:
    """Bytes are the payload and forty for each packet, whichever way they went."""

    async def body() -> None:
        async with relayed() as channel:
            at_client, at_backend = counted(channel.relay, "client"), counted(channel.relay, "backend")
            channel.client.send(b"x" * 1000)
            await exactly(channel.backend, 1000)
            for found in (at_client(), at_backend()):
                assert found.packets >= 1
                assert found.size_bytes == 1000 + HEADERS * found.packets
                assert found.bytes_back == HEADERS * found.packets_back

    run(body())
