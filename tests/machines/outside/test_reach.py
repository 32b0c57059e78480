"""Asking whether a place is reached."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest

from emulator.machines.outside.reach import Reach, Reached, by_itself
from emulator.machines.sandbox import messages

pytestmark = pytest.mark.network


@contextlib.contextmanager
def asking(silence: float = 0.05) -> Iterator[tuple[Reach, socket.socket]]:
    """Who asks, and the other end, which a test answers at."""
    ours, theirs = messages.pair()
    with theirs, contextlib.closing(Reach(ours, silence)) as reach:
        yield reach, theirs


def asked(theirs: socket.socket) -> messages.Message:
    """The next question."""
    theirs.settimeout(10)
    return messages.receive(theirs)[0]


async def test_an_answer_is_passed_on() -> None:
    """Each question has its own, in whatever order they come."""
    with asking(10) as (reach, theirs):
        async with asyncio.TaskGroup() as group:
            both = [group.create_task(reach.ask(host, 443)) for host in ("one", "two")]
            first, second = [await asyncio.to_thread(asked, theirs) for _ in both]
            messages.send(theirs, {"reached": second["connect"], "answer": "refused", "address": "192.0.2.2"})
            messages.send(theirs, {"reached": first["connect"], "answer": "connected", "address": "192.0.2.1"})

    assert (first["host"], first["port"]) == ("one", 443)
    assert [each.result() for each in both] == [Reached("connected", "192.0.2.1"), Reached("refused", "192.0.2.2")]


async def test_silence_takes_its_time() -> None:
    """What is told to be silent is believed after a while only; what is not told, too."""
    loop = asyncio.get_running_loop()
    with asking() as (reach, theirs):
        for answers in (True, False):
            began = loop.time()
            async with asyncio.TaskGroup() as group:
                asking_now = group.create_task(reach.ask("one", 443))
                question = await asyncio.to_thread(asked, theirs)
                if answers:
                    messages.send(
                        theirs, {"reached": question["connect"], "answer": "silent", "address": "192.0.2.1"}
                    )
            assert asking_now.result().answer == "silent"
            assert loop.time() - began >= 0.05


async def test_nobody_to_ask_is_silence() -> None:
    """Once the other end is gone, and after odd answers, nothing is reached, and nothing is raised."""
    with asking() as (reach, theirs):
        messages.send(theirs, {"reached": 99, "answer": "connected"})
        theirs.close()
        assert (await reach.ask("one", 443)).answer == "silent"
        assert (await reach.ask("one", 443)).answer == "silent"


async def test_a_containers_own_network_is_tried() -> None:
    """A port that listens, one that refuses, one that is silent, and a name that nobody knows."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as serving, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port, refusing = serving.getsockname()[1], closed.getsockname()[1]

        assert await by_itself("localhost", port) == Reached("connected", "127.0.0.1")
        assert await by_itself("127.0.0.1", refusing) == Reached("refused", "127.0.0.1")
        assert await by_itself("no-such-name.invalid", 1) == Reached("unknown")


async def test_a_full_listener_is_silent() -> None:
    """Nobody answers for as long as one waits."""
    with contextlib.ExitStack() as stack:
        serving = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):  # what a queue of none takes, and more
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(serving.getsockname())

        assert await by_itself("127.0.0.1", serving.getsockname()[1], silence=0.2) == Reached("silent", "127.0.0.1")
