"""A listener that does not serve what it accepted, and the record of it."""

import asyncio
import socket
from typing import Any

import pytest

from emulator.clock import Clock
from emulator.net import records
from emulator.net.late import kept
from emulator.observe import Record
from emulator.rules.faults.fault import Fault
from emulator.rules.faults.kinds import DropSyn, Effect, Mute, Refuse, SlowAccept
from tests.net.conftest import Run
from tests.net.tcp import pair, received
from tests.net.test_records import FLOW

pytestmark = pytest.mark.network


async def meets(accepted: socket.socket, effect: Effect, **fields: Any) -> Record | None:
    """What a connection meets at a listener with this fault; its owner closes it then."""
    which = records.passage("proxy", "load-balancer → proxy", ("127.0.0.1", 5), FLOW)
    removed = fields.pop("removed", asyncio.Event())
    record = await kept(accepted, which, Clock(10), Fault("it", effect, "proxy", **fields), removed)
    if record is not None:
        accepted.close()
    return record


def test_a_mute_listener_waits_for_its_client_to_leave(run: Run) -> None:
    """Nothing is said; the record names the client, the fault, and nothing approximated."""

    async def body() -> None:
        with pair() as (client, accepted):
            async with asyncio.timeout(10), asyncio.TaskGroup() as group:
                task = group.create_task(meets(accepted, Mute()))
                client.send(b"anybody?")
                client.close()
            record = task.result()
        assert record
        assert (record.ended_by, record.faults, record.approximated) == ("client", ("it",), False)
        assert record.reason.kind == "fault"

    run(body())


def test_a_slow_listener_serves_late(run: Run) -> None:
    """After its seconds the connection may go on."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        with pair() as (_, accepted):
            began = loop.time()
            assert await meets(accepted, SlowAccept(seconds=1)) is None
            assert loop.time() - began >= 0.09

    run(body())


def test_who_does_not_wait_for_a_slow_listener_is_recorded(run: Run) -> None:
    """A client that leaves before is a client that left, by reason of the fault."""

    async def body() -> None:
        with pair() as (client, accepted):
            client.close()
            record = await meets(accepted, SlowAccept(seconds=3600))
        assert record
        assert (record.ended_by, record.how, record.faults) == ("client", "fin", ("it",))

    run(body())


def test_one_refused_attempt_is_a_reset(run: Run) -> None:
    """The kernel cannot refuse the nth attempt: it is accepted and reset, and the record says so."""

    async def body() -> None:
        with pair() as (client, accepted):
            record = await meets(accepted, Refuse(), nth=1)
            assert await received(client) == (b"", False)
        assert record
        assert (record.ended_by, record.how, record.approximated) == ("proxy", "rst", True)

    run(body())


def test_one_dropped_attempt_is_held(run: Run) -> None:
    """Likewise: it is accepted and never answered, and the record says so."""

    async def body() -> None:
        with pair() as (client, accepted):
            client.close()
            record = await meets(accepted, DropSyn(), nth=1)
        assert record
        assert (record.ended_by, record.approximated) == ("client", True)
        assert "accepted first" in record.sentence

    run(body())


@pytest.mark.parametrize("effect", [Mute(), SlowAccept(seconds=3600)])
def test_what_waits_goes_on_once_the_fault_is_removed(run: Run, effect: Effect) -> None:
    """The connection is served then."""

    async def body() -> None:
        removed = asyncio.Event()
        with pair() as (_, accepted):
            async with asyncio.timeout(10), asyncio.TaskGroup() as group:
                task = group.create_task(meets(accepted, effect, removed=removed))
                await asyncio.sleep(0)
                assert not task.done()
                removed.set()
            assert task.result() is None

    run(body())
