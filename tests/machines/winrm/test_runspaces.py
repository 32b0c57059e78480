"""Runspaces of a pool: who gets which, and who waits."""

import asyncio
from itertools import count

from emulator.machines.winrm.runspaces import Runspaces


def pool(most: int) -> Runspaces[int]:
    """One whose runspaces are numbered as they are made."""
    numbers = count(1)
    return Runspaces(lambda: next(numbers), most)


async def turns() -> None:
    """Let everybody come to where he waits."""
    for _ in range(5):
        await asyncio.sleep(0)


class Tenant:
    """Takes a runspace and keeps it until he is told to leave."""

    def __init__(self, group: asyncio.TaskGroup, runspaces: Runspaces[int]) -> None:
        self.has: int | None = None
        self.leaves = asyncio.Event()
        self.task = group.create_task(self._stay(runspaces))

    async def _stay(self, runspaces: Runspaces[int]) -> None:
        async with runspaces.one() as self.has:
            await self.leaves.wait()


async def test_one_after_the_other_shares() -> None:
    """Whoever comes when another has gone has the other's runspace."""
    runspaces = pool(5)
    async with runspaces.one() as first:
        pass
    async with runspaces.one() as second:
        assert (first, second) == (1, 1)


async def test_those_beyond_the_most_wait() -> None:
    """As many as are allowed run at once, each in his own; the others get theirs in the order in which they came."""
    runspaces = pool(2)
    async with asyncio.TaskGroup() as group:
        tenants = [Tenant(group, runspaces) for _ in range(4)]
        await turns()
        assert [each.has for each in tenants] == [1, 2, None, None]
        assert runspaces.available == 0

        tenants[1].leaves.set()
        await turns()
        assert [each.has for each in tenants] == [1, 2, 2, None]

        for each in tenants:
            each.leaves.set()
    assert tenants[3].has in (1, 2)
    assert runspaces.available == 2


async def test_more_are_allowed() -> None:
    """Where more are allowed, who waited starts at once; where fewer, those that are too many end when given back."""
    runspaces = pool(1)
    async with asyncio.TaskGroup() as group:
        tenants = [Tenant(group, runspaces) for _ in range(2)]
        await turns()
        runspaces.allow(2)
        await turns()
        assert [each.has for each in tenants] == [1, 2]

        runspaces.allow(1)
        assert runspaces.available == 0
        tenants[0].leaves.set()
        await turns()
        assert runspaces.available == 0
        tenants[1].leaves.set()
    async with runspaces.one() as kept:
        assert kept == 2


async def test_who_gives_up_is_passed_over() -> None:
    """Whoever is cancelled while he waits, or just when his turn came, keeps nobody from going on."""
    runspaces = pool(1)
    async with asyncio.TaskGroup() as group:
        tenants = [Tenant(group, runspaces) for _ in range(4)]
        await turns()
        tenants[1].task.cancel()
        tenants[0].leaves.set()
        await asyncio.sleep(0)
        # His turn came with the first one's leaving, and he does not know it yet.
        tenants[2].task.cancel()
        await turns()
        assert tenants[3].has == 1
        tenants[3].leaves.set()
    assert runspaces.available == 1


async def test_a_nested_one_is_the_last() -> None:
    """What runs within another pipeline has that pipeline's runspace; without one it has what comes next."""
    runspaces = pool(3)
    assert runspaces.last == 1
    async with runspaces.one() as outer:
        assert (outer, runspaces.last) == (1, 1)


async def test_forgetting() -> None:
    """What was forgotten is made anew, but not while one is busy."""
    runspaces = pool(1)
    async with runspaces.one():
        assert not runspaces.forget()
    assert runspaces.forget()
    async with runspaces.one() as fresh:
        assert fresh == 2
