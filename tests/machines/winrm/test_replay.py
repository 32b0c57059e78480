"""Answers kept for clients that ask again."""

import asyncio

from emulator.machines.winrm import replay
from emulator.machines.winrm.replay import Replay
from emulator.wire.wsman.operations import Delete, Request


def asked(message_id: str) -> Request:
    """A request with that MessageID."""
    return Request("urn:action", message_id, "", "", {}, None, 0, Delete())


async def test_performs_once() -> None:
    """Two requests with one ID, the second while the first is under way, get one answer."""
    performed = 0
    go = asyncio.Event()

    async def perform() -> bytes:
        nonlocal performed
        performed += 1
        await go.wait()
        return f"answer {performed}".encode()

    answers = Replay()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(answers.once("packer", asked("uuid:1"), perform)) for _ in range(2)]
        await asyncio.sleep(0)
        go.set()

    assert [task.result() for task in tasks] == [b"answer 1", b"answer 1"]


async def test_forgets_the_oldest() -> None:
    """Only so many answers are kept."""
    count = 0

    async def perform() -> bytes:
        nonlocal count
        count += 1
        return b"%d" % count

    answers = Replay()
    first = await answers.once("packer", asked("0"), perform)
    for number in range(1, replay.KEPT + 1):
        await answers.once("packer", asked(str(number)), perform)

    assert await answers.once("packer", asked(str(replay.KEPT)), perform) == b"%d" % (replay.KEPT + 1)
    assert await answers.once("packer", asked("0"), perform) != first
