"""A scene without hops, for tests of one of them."""

import contextlib
import secrets
from collections.abc import AsyncIterator

from emulator.clock import Clock
from emulator.model.world import World
from emulator.net.addresses import Loopback
from emulator.net.pipes import pipe_pool
from emulator.net.scene import Scene
from emulator.observe import Observer


@contextlib.asynccontextmanager
async def scene(world: World, *, scale: float = 1.0, observer: Observer = lambda _: None) -> AsyncIterator[Scene]:
    """The scene of a world."""
    async with pipe_pool() as pipes:
        yield Scene(world, Clock(scale), observer, Loopback(), pipes, secrets.token_bytes(32))
