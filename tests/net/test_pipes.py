"""Pipes are lent, returned, bounded, and all closed at the end."""

import fcntl
import os
from pathlib import Path

import pytest

from emulator.net.pipes import PIPE_BYTES, REFUSED_TAKES, USEFUL_BYTES, Pipe, PipePool, pipe_pool

pytestmark = pytest.mark.skipif(not hasattr(os, "splice"), reason="without splice the pool never lends")


def descriptors() -> int:
    """How many descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def took(pool: PipePool) -> Pipe:
    pipe = pool.take()
    assert pipe is not None
    return pipe


async def test_a_pipe_is_used_again() -> None:
    """A pipe that was given back empty is the next one lent."""
    async with pipe_pool() as pool:
        first = took(pool)
        assert pool.lent == 1
        pool.give(first)

        assert pool.take() is first
        assert pool.size_bytes == first.size_bytes


async def test_the_sum_is_bounded() -> None:
    """At the bound there is no pipe; one given back can be lent again."""
    async with pipe_pool(total_bytes=2 * PIPE_BYTES) as pool:
        pipes = [took(pool), took(pool)]

        assert pool.take() is None
        pool.give(pipes[0])
        assert pool.take() is pipes[0]


async def test_a_pipe_with_bytes_is_closed() -> None:
    """Bytes left in a pipe are never read by the next borrower."""
    async with pipe_pool() as pool:
        pipe = took(pool)
        pipe.holds = os.write(pipe.write_fd, b"secret")
        pool.give(pipe)

        assert (pool.lent, pool.size_bytes) == (0, 0)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(pipe.read_fd)


async def test_closing_leaves_no_descriptor() -> None:
    """The end of the pool closes idle and lent pipes, twice is as good as once."""
    before = descriptors()
    async with pipe_pool() as pool:
        took(pool)
        pool.give(took(pool))
        took(pool)
        assert descriptors() > before
        await pool.aclose()

    assert descriptors() == before


async def test_without_a_large_pipe_relays_copy() -> None:
    """Where the kernel grants small pipes only, the pool says no for a while, and leaks nothing."""
    hoard: list[Pipe] = []
    before = descriptors()
    while len(hoard) < 200 and (not hoard or hoard[-1].size_bytes >= USEFUL_BYTES):
        hoard.append(Pipe())
    granted_all = hoard[-1].size_bytes >= USEFUL_BYTES
    try:
        async with pipe_pool() as pool:
            if granted_all:  # an administrator has no limit
                assert took(pool).size_bytes == PIPE_BYTES
            else:
                assert [pool.take() for _ in range(REFUSED_TAKES + 2)] == [None] * (REFUSED_TAKES + 2)
                assert pool.size_bytes == 0
    finally:
        for pipe in hoard:
            pipe.close()
    assert descriptors() == before


async def test_pipes_are_a_mebibyte_where_allowed() -> None:
    """A fresh pipe's own size is what the kernel says it is."""
    async with pipe_pool() as pool:
        pipe = pool.take()
        if pipe is not None:  # other processes of this user may hold its share
            assert fcntl.fcntl(pipe.read_fd, fcntl.F_GETPIPE_SZ) == pipe.size_bytes >= USEFUL_BYTES
