"""A darkened connection answers nothing, and is over when its end has gone."""

import asyncio
import socket

import pytest

from emulator.net import dark, filters
from emulator.net.dark import darken, until_left
from emulator.net.watched import segments
from tests.net.conftest import Run
from tests.net.tcp import pair, reset

pytestmark = pytest.mark.network
needs_filters = pytest.mark.skipif(filters.supported() is not None, reason=str(filters.supported()))
TCP_USER_TIMEOUT = getattr(socket, "TCP_USER_TIMEOUT", 18)


@needs_filters
def test_a_sender_hears_nothing(run: Run) -> None:
    """Bytes are not acknowledged: the sender tries again and ends by its own timer, and no segment came to it."""

    async def body() -> None:
        with pair() as (client, accepted):
            client.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, 400)
            assert darken(accepted)
            before = segments(client)[0]
            client.send(b"is anybody there?")
            with pytest.raises(TimeoutError, match="timed out"):
                async with asyncio.timeout(10):
                    await asyncio.get_running_loop().sock_recv(client, 1)
            assert segments(client)[0] == before

    run(body())


@needs_filters
@pytest.mark.parametrize("how", ["fin", "rst", "fin behind bytes", "half-closed before"])
def test_its_end_leaves(run: Run, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that closes or resets is noticed, though its FIN and its bytes were dropped."""
    monkeypatch.setattr(dark, "LOOK", 0.05)

    async def body() -> None:
        with pair() as (client, accepted):
            if how == "half-closed before":
                client.shutdown(socket.SHUT_WR)
            assert darken(accepted)
            async with asyncio.timeout(5), asyncio.TaskGroup() as group:
                waits = group.create_task(until_left(accepted))
                await asyncio.sleep(0.15)
                assert not waits.done()
                if how == "fin behind bytes":
                    client.send(b"x")
                reset(client) if how == "rst" else client.close()

    run(body())


@needs_filters
def test_an_end_that_had_closed_is_not_waited_for(run: Run) -> None:
    """Whoever closed before the dark, unnoticed, is gone: nobody waits two hours for a RST that never comes."""

    async def body() -> None:
        with pair() as (client, accepted):
            client.close()
            assert darken(accepted)
            async with asyncio.timeout(5):
                await until_left(accepted)

    run(body())


def test_an_end_elsewhere_is_waited_for_so_long(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an end that no process here holds nothing can be known: patience has an end."""
    monkeypatch.setattr(dark, "LOOK", 0.01)
    monkeypatch.setattr(dark, "PATIENCE", 0.05)
    monkeypatch.setattr(dark, "is_held", lambda *_: False)

    async def body() -> None:
        with pair() as (_, accepted):
            async with asyncio.timeout(5):
                await until_left(accepted)

    run(body())


def test_where_filters_are_refused_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller learns that the kernel goes on acknowledging."""

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(filters, "attach", refuse)
    with pair() as (_, accepted):
        assert darken(accepted) is False
