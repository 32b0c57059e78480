"""Which guest the embedded Linux build VM gets: the one that is set, or the best that works here."""

import asyncio
import os

from emulator.machines import container
from emulator.machines.sandbox.host import probe_sandbox
from emulator.machines.settings import GuestChoice

ENGINE_SOCKET = "/var/run/docker.sock"


async def chosen(guest: GuestChoice) -> GuestChoice:
    """The guest to start: `auto` becomes a container only where no sandbox starts and an engine has the image.

    Best first: sandbox, container, built-in (design section 3); the last two steps of `auto` are the machine's own.
    """
    if guest != "auto" or not _has_engine():
        return guest
    if await probe_sandbox() is None:
        return guest
    loop = asyncio.get_running_loop()
    lacking = await loop.run_in_executor(None, container.missing)
    return guest if lacking else "container"


def _has_engine() -> bool:
    """Whether this user may speak to an engine at all; asking it takes longer than a sandbox."""
    return "DOCKER_HOST" in os.environ or os.access(ENGINE_SOCKET, os.W_OK)
