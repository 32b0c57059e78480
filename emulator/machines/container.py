"""The Linux build VM as a container: real OpenSSH, from the image that `docker compose` builds.

It has no network at all, so that nothing in it can touch the machine it runs on: each connection is handed to a
server of its own (`sshd -i`) by `docker exec`, once the hop header is read.
"""

import asyncio
import contextlib
import re
import socket
import subprocess
from collections.abc import AsyncIterator

from emulator.clock import wall_time
from emulator.errors import PeerError, UnavailableError
from emulator.machines.child import Running
from emulator.machines.settings import MachineSettings
from emulator.net import hop_header
from emulator.net.engine import engine
from emulator.net.listener import listening
from emulator.observe import Observation, Observer

IMAGE = "aib-emulator-build-linux"
CAPABILITIES = (
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SYS_CHROOT"),
)
"""What OpenSSH and customizers that act as root need, and no more."""
READY = 15.0
"""Real seconds for the server to speak."""
LABEL = "aib-emulator.guest"
DETAIL = f"container: OpenSSH in {{}}, without a network, image {IMAGE}"


def named_in(detail: str) -> str | None:
    """The container that a machine's detail names; None for another guest's."""
    found = re.match(r"container: OpenSSH in ([0-9a-f]{12}),", detail)
    return found[1] if found else None


def commit(container: str, image: str) -> str:
    """Make an image of a container as it is now, as `docker commit` does; the image's ID.

    Raises:
        UnavailableError: there is no engine, or it refused.
    """
    name, _, tag = image.rpartition(":") if ":" in image.rpartition("/")[2] else (image, "", "latest")
    with engine() as client:
        return str(client.containers.get(container).commit(name, tag).id)


def missing() -> str | None:
    """Why a container cannot be the guest here: no engine, or no image; None where it can."""
    try:
        with engine() as client:
            if client.images.list(name=IMAGE):
                return None
    except UnavailableError as error:
        return f"guest container: {error}"
    return f"guest container: no image {IMAGE}; `docker compose build build-linux` makes it"


@contextlib.asynccontextmanager
async def machine(settings: MachineSettings, bound: socket.socket, observer: Observer) -> AsyncIterator[Running]:
    """A container whose SSH server is served on `bound` until the body ends; nothing of it is left.

    Raises:
        UnavailableError: there is no engine or image, or the container did not start.
    """
    loop = asyncio.get_running_loop()
    container = await loop.run_in_executor(None, _start, settings)
    exited = loop.run_in_executor(None, _wait, container)
    try:
        await _speaks(container)
        async with listening(_Door(settings, container, observer).serve, bound.dup()) as listener:
            listener.listen()
            yield Running(0, DETAIL.format(container[:12]), exited)
    finally:
        await loop.run_in_executor(None, _remove, container)
        await asyncio.wait([exited])
        with contextlib.suppress(OSError):  # it was not listening
            bound.shutdown(socket.SHUT_RDWR)


def _server(container: str) -> tuple[str, ...]:
    """The command that serves one connection: OpenSSH's own server, on the standard streams."""
    return ("docker", "exec", "--interactive", container, "/usr/sbin/sshd", "-i")


class _Door:
    """Takes connections: the hop header first where a hop dials, then a server of its own for each."""

    def __init__(self, settings: MachineSettings, container: str, observer: Observer) -> None:
        self._settings = settings
        self._container = container
        self._observer = observer

    async def serve(self, connection: socket.socket) -> None:
        """Serve one connection; whatever its peer does, it ends with an observation at most."""
        try:
            peer = connection.getpeername()[:2]
            if peer[0] in self._settings.hops:
                await hop_header.receive(connection, bytes.fromhex(self._settings.hop_key))
        except (PeerError, OSError) as error:
            name = self._settings.name
            sentence = f"{name} closed a connection that is no hop's: {error}"
            self._observer(Observation(wall_time(), "HopHeaderRefused", name, sentence))
            return
        connection.setblocking(True)  # the command reads and writes the connection itself
        command = _server(self._container)
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=connection.fileno(),
            stdout=connection.fileno(),
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()


def _start(settings: MachineSettings) -> str:
    reason = missing()
    if reason:
        raise UnavailableError(reason)
    environment = {"AIB_EMULATOR_PASSWORD": settings.password, "AIB_EMULATOR_AUTHORIZED_KEY": settings.authorized_key}
    with engine() as client:
        found = client.containers.run(
            IMAGE,
            detach=True,
            hostname=settings.name,
            environment=environment,
            cap_drop=["ALL"],
            cap_add=list(CAPABILITIES),
            network_mode="none",
            labels={LABEL: settings.name},
        )
        return str(found.id)


def _wait(container: str) -> int:
    """The exit code of a container, once it has ended."""
    from docker.errors import NotFound

    with contextlib.suppress(UnavailableError, NotFound), engine() as client:
        return int(client.containers.get(container).wait(timeout=None)["StatusCode"])
    return 0


def _remove(container: str) -> None:
    with contextlib.suppress(UnavailableError), engine() as client:
        client.containers.get(container).remove(force=True, v=True)


async def _speaks(container: str) -> None:
    """Wait until a server says who it is: its keys are made at the container's start."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + READY
    while loop.time() < deadline:
        process = await asyncio.create_subprocess_exec(
            *_server(container), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        output, _ = await process.communicate(b"")
        if output.startswith(b"SSH-"):
            return
    raise UnavailableError(f"guest container: its SSH server did not speak within {READY:g} s")
