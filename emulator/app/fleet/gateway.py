"""The gateway: the only way out of the build's network, as the world decides (design section 4)."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator

from emulator.app.outbound.atlas import Atlas
from emulator.app.outbound.outgoing import Outgoing
from emulator.app.outbound.outlet import Outlet
from emulator.app.outbound.surroundings import surroundings
from emulator.model.world import PROBE_SOURCE, SYSTEMS, build_role
from emulator.net.scene import Scene

ALIVE = ("127.0.0.1", 8061)
"""Bound while it routes, so that its container's health check sees that (`control.probe`)."""
STOP_PATIENCE = 3.0


class Machines:
    """Whose connections those from an address on the real network are."""

    def __init__(self, scene: Scene, atlas: Atlas) -> None:
        self._scene = scene
        self._of = {role: Outgoing(scene, role, atlas) for role in map(build_role, SYSTEMS)}

    def __call__(self, source: str) -> Outgoing | None:
        for member in self._scene.world.members:
            place = self._scene.loopback.of(self._scene.world.interface_of(member).address)
            if member.hop in self._of and place == source:
                return self._of[member.hop]
        return None


@contextlib.asynccontextmanager
async def routing(
    scene: Scene, atlas: Atlas, own: str, router: str, group: asyncio.TaskGroup
) -> AsyncIterator[Outlet]:
    """Route for the build VMs until the body ends.

    Args:
        scene: the world.
        atlas: where traffic really goes.
        own: this machine's address on the build's network.
        router: the address there that machines send everything else to.
        group: owns the connections.
    """
    outlet = Outlet(Machines(scene, atlas), group)
    with contextlib.closing(socket.socket()) as alive, outlet.opened() as theirs:
        words = [str(theirs.fileno()), own, router, *_resolvers(scene)]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "emulator.machines.outside.router", *words),
            pass_fds=(theirs.fileno(),),
            stdin=asyncio.subprocess.DEVNULL,
        )
        try:
            theirs.close()
            await outlet.settled()
            alive.bind(ALIVE)
            yield outlet
        finally:
            outlet.close()
            await _end(process)


def _resolvers(scene: Scene) -> tuple[str, ...]:
    """Whom the build VMs ask for names."""
    machine = scene.world.member("build-linux")
    wish = surroundings(scene.world, machine) if machine else None
    return wish.resolvers if wish else (str(PROBE_SOURCE),)


async def _end(process: asyncio.subprocess.Process) -> None:
    """It ends when its outlet does."""
    try:
        async with asyncio.timeout(STOP_PATIENCE):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
