"""A held connection says nothing, costs nothing, and ends when its client leaves."""

import asyncio
import time

import pytest

from emulator.net import holding
from emulator.net.holding import until_gone
from tests.net.conftest import Run
from tests.net.tcp import no_descriptor_left, pair, reset

pytestmark = pytest.mark.network


def test_unread_bytes_are_not_the_end(run: Run) -> None:
    """A client's bytes stay unread, and waiting for its end uses no processor time."""

    async def body() -> None:
        with pair() as (client, accepted):
            client.send(b"is anybody there?")
            async with asyncio.TaskGroup() as group:
                holds = group.create_task(until_gone(accepted))
                await asyncio.sleep(0.01)
                began = time.process_time()
                await asyncio.sleep(0.3)
                assert time.process_time() - began < 0.1
                assert not holds.done()
                holds.cancel()
            assert accepted.recv(100) == b"is anybody there?"

    run(body())


@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("epoll", [True, False])
def test_the_client_leaves(run: Run, how: str, *, epoll: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A FIN behind unread bytes and an RST both end it, with epoll and without."""
    monkeypatch.setattr(holding, "PATIENCE", 0.01)

    async def body() -> None:
        with monkeypatch.context() as lacking, pair() as (client, accepted):
            if not epoll:
                lacking.delattr("select.epoll")
            client.send(b"x" * 10000)
            async with asyncio.timeout(5), asyncio.TaskGroup() as group:
                group.create_task(until_gone(accepted))
                await asyncio.sleep(0.01)
                client.close() if how == "fin" else reset(client)

    run(body())


def test_without_a_descriptor_it_is_held_all_the_same(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its client's end is noticed once there is a descriptor to watch it with; nothing is raised."""
    monkeypatch.setattr(holding, "PATIENCE", 0.01)

    async def body() -> None:
        with pair() as (client, accepted):
            with no_descriptor_left():
                holds = asyncio.get_running_loop().create_task(until_gone(accepted))
                for _ in range(3):  # turns of the loop: it has asked for a descriptor
                    await asyncio.sleep(0)
                assert not holds.done()
            client.close()
            async with asyncio.timeout(20):
                await holds

    run(body())
