"""Run a build VM as a child process: start it on a bound socket, hear its events, end it and all it started."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from emulator.errors import UnavailableError
from emulator.machines.settings import MachineSettings
from emulator.observe import Event, Observation, Observer, Record
from emulator.reason import Reason

START_PATIENCE = 30.0
"""Real seconds for a machine to be ready; it takes a quarter of one."""
STOP_PATIENCE = 3.0
"""Real seconds for a machine to end by itself before it is killed."""
MAX_LINE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Running:
    """A build VM that serves.

    Attributes:
        pid: its process.
        detail: one line from the machine: which guest it has, and why.
    """

    pid: int
    detail: str
    _exited: asyncio.Future[int]
    _stdin: asyncio.WriteTransport | None = None

    def tell(self, line: str) -> None:
        """Write a line to it; nobody hears it where it has ended."""
        if self._stdin is not None:
            self._stdin.write(line.encode() + b"\n")

    async def wait(self) -> int:
        """Wait until the process ends by itself; its exit code, negative for a signal."""
        return await asyncio.shield(self._exited)


@contextlib.asynccontextmanager
async def machine(
    settings: MachineSettings,
    bound: socket.socket,
    observer: Observer,
    *,
    stderr: IO[bytes] | None = None,
    outlet: socket.socket | None = None,
) -> AsyncIterator[Running]:
    """A build VM that serves on `bound` until the body ends; then the port refuses, and stays the caller's.

    Args:
        settings: what the machine is told.
        bound: a TCP socket that is bound and does not listen.
        observer: gets the machine's events.
        stderr: where the process complains; the caller's own by default.
        outlet: what its guest speaks with whoever decides on the guest's own connections; the caller's to close.

    Raises:
        UnavailableError: it did not start; the message says why.
    """
    loop = asyncio.get_running_loop()
    passed = [bound.fileno(), *([outlet.fileno()] if outlet else [])]
    transport, protocol = await loop.subprocess_exec(
        lambda: _Protocol(settings.name, observer),
        *(
            sys.executable,
            "-m",
            "emulator.machines.process",
            "--fd",
            str(bound.fileno()),
            "--parent",
            str(os.getpid()),
            *(("--outlet", str(outlet.fileno())) if outlet else ()),
        ),
        pass_fds=passed,
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        start_new_session=True,  # the terminal's Ctrl-C is the emulator's to handle
    )
    try:
        stdin = cast("asyncio.WriteTransport", transport.get_pipe_transport(0))
        stdin.write(settings.to_json().encode() + b"\n")
        yield Running(transport.get_pid(), await _ready(settings.name, protocol), protocol.exited, stdin)
    finally:
        await _stop(transport, protocol)
        with contextlib.suppress(OSError):  # it was not listening
            bound.shutdown(socket.SHUT_RDWR)


async def _ready(name: str, protocol: "_Protocol") -> str:
    try:
        async with asyncio.timeout(START_PATIENCE):
            first = await asyncio.shield(protocol.first)
    except TimeoutError:
        raise UnavailableError(f"{name}: not ready within {START_PATIENCE:g} s") from None
    if not first.get("ready"):
        raise UnavailableError(f"{name}: {first.get('error', 'its process ended before it was ready')}")
    return str(first.get("detail", ""))


async def _stop(transport: asyncio.SubprocessTransport, protocol: "_Protocol") -> None:
    """Tell it, wait, kill it; then nothing of it is left."""
    stdin = transport.get_pipe_transport(0)
    if stdin is not None:
        stdin.close()
    if not protocol.exited.done():
        with contextlib.suppress(ProcessLookupError):
            transport.terminate()
        await asyncio.wait({protocol.exited}, timeout=STOP_PATIENCE)
    if not protocol.exited.done():
        with contextlib.suppress(ProcessLookupError):
            transport.kill()
    await asyncio.shield(protocol.exited)
    transport.close()
    await asyncio.shield(protocol.closed)


def _environment() -> dict[str, str]:
    """Ours, in which this very package is found."""
    package = str(Path(__file__).resolve().parents[2])
    known = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{package}{os.pathsep}{known}" if known else package}


class _Protocol(asyncio.SubprocessProtocol):
    """Hears a machine: its first line, then its events, then its end. No task of its own, so none to leak."""

    def __init__(self, name: str, observer: Observer) -> None:
        loop = asyncio.get_running_loop()
        self.first: asyncio.Future[dict[str, object]] = loop.create_future()
        self.exited: asyncio.Future[int] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self._name = name
        self._observer = observer
        self._buffer = b""
        self._transport: asyncio.SubprocessTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:  # noqa: ARG002 - asyncio's signature
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        self._buffer = self._buffer[:MAX_LINE_BYTES]
        for line in lines:
            self._hear(line)

    def _hear(self, line: bytes) -> None:
        try:
            value = json.loads(line)
        except ValueError:
            return  # a library's print; it is no event
        if not isinstance(value, dict):
            return
        if not self.first.done():
            self.first.set_result(value)
        elif (event := event_from_json(value)) is not None:
            self._observer(event)

    def process_exited(self) -> None:
        code = self._transport.get_returncode() if self._transport else None
        if not self.exited.done():
            self.exited.set_result(-1 if code is None else code)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if not self.first.done():
            self.first.set_result({})
        if not self.closed.done():
            self.closed.set_result(None)


def event_from_json(value: dict[str, object]) -> Event | None:
    """The event that `observe.as_json` printed; None for anything else."""
    fields = dict(value)
    try:
        if "event" in fields:
            return Observation(**fields)  # type: ignore[arg-type]
        fields["source"] = fields.pop("from")
        fields["reason"] = Reason(**cast("dict[str, str]", fields["reason"]))  # type: ignore[arg-type]
        fields["faults"] = tuple(cast("list[str]", fields["faults"]))
        return Record(**fields)  # type: ignore[arg-type]
    except (KeyError, TypeError):
        return None
