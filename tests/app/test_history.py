"""History: the last events are kept, and a follower misses none of the next."""

import asyncio

from emulator.app.history import History
from emulator.observe import Event, Observation
from tests.conftest import Run


def event(number: int) -> Observation:
    """An event of this number."""
    return Observation("", str(number), "", "")


def numbers(events: list[Event]) -> list[int]:
    """The numbers of events."""
    return [int(each.event) for each in events if isinstance(each, Observation)]


def test_the_last_are_kept() -> None:
    """The newest events are kept, oldest first."""
    history = History(kept=3)
    for number in range(5):
        history(event(number))

    assert numbers(list(history.all())) == [2, 3, 4]


async def follow(history: History, into: list[Event], *, pause: float = 0) -> None:
    """Follow to the end, slowly."""
    async for each in history.follow():
        into.append(each)
        await asyncio.sleep(pause)


def test_followers_miss_nothing(virtual_time: Run) -> None:
    """A follower gets what was, what comes while it works, and what comes while it waits; then it ends."""
    history, quick, slow = History(), list[Event](), list[Event]()

    async def body() -> None:
        history(event(0))
        async with asyncio.TaskGroup() as group:
            group.create_task(follow(history, quick))
            group.create_task(follow(history, slow, pause=7))
            for number in range(1, 20):
                await asyncio.sleep(number % 3)
                history(event(number))
            history.end()

    virtual_time(body())

    assert numbers(quick) == list(range(20))
    assert numbers(slow) == list(range(20))


def test_a_late_follower_gets_what_is_kept(virtual_time: Run) -> None:
    """Who asks after the end gets the events kept, and an end."""
    history, seen = History(kept=2), list[Event]()
    for number in range(5):
        history(event(number))
    history.end()

    virtual_time(follow(history, seen))

    assert numbers(seen) == [3, 4]


def test_who_falls_behind_misses_the_oldest(virtual_time: Run) -> None:
    """A follower slower than the memory is long gets the newest, in order, none twice."""
    history, seen = History(kept=4), list[Event]()

    async def body() -> None:
        history(event(0))
        async with asyncio.TaskGroup() as group:
            group.create_task(follow(history, seen, pause=60))
            await asyncio.sleep(1)
            for number in range(1, 100):
                history(event(number))
            history.end()

    virtual_time(body())

    assert numbers(seen) == [0, 96, 97, 98, 99]
