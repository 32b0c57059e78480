"""The machine's side of a sandbox: starts the agent, asks the guest's PID 1 for processes, carries their bytes.

It never enters the guest, and takes what comes out of it as a stranger's.
"""

import asyncio
import contextlib
import dataclasses
import os
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emulator.errors import UnavailableError
from emulator.machines.guest import Command
from emulator.machines.outside.wish import Wish
from emulator.machines.sandbox import messages, pipes
from emulator.machines.sandbox.messages import HOST_ID, ID_COUNT, Message
from emulator.machines.sandbox.running import SandboxProcess

START_PATIENCE = 15.0
"""Real seconds for the agent to build its guest; it takes a tenth of one."""
SIZE_BYTES = 1 << 30
INODES = 200_000
GUEST_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DETAIL = (
    "sandbox: namespaces user, mount, pid, net, ipc, uts, cgroup; a built root of overlays on {size} MiB of memory"
)
PACKAGE = Path(__file__).resolve().parents[3]
MAX_WISHES = 64
"""Environment variables a client may set; sshd takes few by default, and so many bound a message."""


@dataclass(frozen=True, slots=True)
class WayOut:
    """A guest's network beyond its loopback: what it sees of it, and the socket to whoever decides and answers."""

    wish: Wish
    outlet: socket.socket


class Sandbox:
    """A guest in a sandbox; made by `sandbox`."""

    name = "sandbox"
    files = None

    def __init__(self, control: socket.socket, username: str, detail: str) -> None:
        control.setblocking(False)
        self.detail = detail
        self._control = control
        self._home = f"/home/{username}"
        self._username = username
        self._last = 0
        self._processes: dict[int, SandboxProcess] = {}
        self._gone = False
        self._shell = "/bin/bash" if Path("/bin/bash").exists() else "/bin/sh"
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(control.fileno(), self._receive)

    async def start(self, command: Command) -> SandboxProcess:
        """See `Guest.start`."""
        self._last += 1
        process = SandboxProcess(self, self._last, terminal=command.terminal is not None)
        self._processes[self._last] = process
        try:
            await self._ask(self._request(self._last, command), process.given)
            await process.started
        except ValueError as error:
            await process.close()
            raise UnavailableError(f"start a command in the sandbox: {error}") from None
        except BaseException:
            await process.close()
            raise
        finally:
            process.release_given()
        return process

    def _request(self, number: int, command: Command) -> Message:
        program, arguments = self._program(command)
        return {
            "id": number,
            "do": "run",
            "program": program,
            "arguments": arguments,
            "environment": self._environment(command),
            "folder": self._home,
            "terminal": command.terminal.size if command.terminal else None,
        }

    def _program(self, command: Command) -> tuple[str, list[str]]:
        if command.subsystem:
            return "", []  # PID 1 has the SFTP server in itself
        if command.line is None:
            return self._shell, [f"-{Path(self._shell).name}"]
        return self._shell, [self._shell, "-c", command.line]

    def _environment(self, command: Command) -> dict[str, str]:
        wishes = dict(list(command.environment.items())[:MAX_WISHES])
        usable = {
            name: value for name, value in wishes.items() if name and "=" not in name and "\0" not in name + value
        }
        fixed = {"HOME": self._home, "USER": self._username, "LOGNAME": self._username, "SHELL": self._shell}
        kind = {"TERM": command.terminal.kind or "dumb"} if command.terminal else {}
        return {"PATH": GUEST_PATH, "LANG": "C.UTF-8"} | usable | fixed | kind

    async def _ask(self, message: Message, descriptors: tuple[int, ...] = ()) -> None:
        while not self._gone:
            try:
                messages.send(self._control, message, descriptors)
            except BlockingIOError:
                await pipes.writable(self._control.fileno())
            except OSError:
                self._lose()
            else:
                return
        raise UnavailableError("the sandbox has ended")

    def tell(self, message: Message) -> None:
        """Send what needs no answer; a guest that is gone needs no telling."""
        if not self._gone:
            with contextlib.suppress(OSError):
                messages.send(self._control, message)

    def forget(self, number: int) -> None:
        """Its replies matter no more."""
        self._processes.pop(number, None)

    def _receive(self) -> None:
        try:
            message, descriptors = messages.receive(self._control)
        except BlockingIOError:
            return
        except (OSError, ValueError):
            self._lose()  # a guest that breaks the protocol has been taken over: have no more to do with it
            return
        if not message:
            self._lose()
            return
        number = message.get("id")
        process = self._processes.get(number) if isinstance(number, int) else None
        if process is None:
            messages.close(descriptors)
        else:
            process.receive(message, descriptors)

    def _lose(self) -> None:
        self.stop()
        for process in list(self._processes.values()):
            process.lose()

    def stop(self) -> None:
        """Hang up, which ends the guest and all that runs in it. Idempotent."""
        if not self._gone:
            self._gone = True
            self._loop.remove_reader(self._control.fileno())
            self._control.close()


@contextlib.asynccontextmanager
async def sandbox(
    *,
    hostname: str,
    username: str,
    size_bytes: int = SIZE_BYTES,
    extras: Sequence[str] = (),
    way_out: WayOut | None = None,
) -> AsyncIterator[Sandbox]:
    """A sandbox that runs until the body ends; then nothing of it is left.

    Args:
        hostname: the guest's name.
        username: its account, which is the guest's root.
        size_bytes: what it may write at most, in memory.
        extras: folders of programs besides the machine's own that the guest sees, by their absolute paths.
        way_out: the network that it sees; without it, it has its own loopback alone.

    Raises:
        UnavailableError: a step of building it failed; the message names the step.
    """
    if not sys.platform.startswith("linux"):
        raise UnavailableError("start the sandbox: it needs Linux")
    for path in extras:
        _check_extra(path)
    settings: Message = {
        "hostname": hostname,
        "username": username,
        "size_bytes": size_bytes,
        "inodes": INODES,
        "extras": list(extras),
        "network": dataclasses.asdict(way_out.wish) if way_out else None,
    }
    ours, theirs = messages.pair()
    with ours, theirs:
        agent = await _spawn(theirs, way_out.outlet if way_out else None)
        try:
            theirs.close()
            await _handshake(ours, agent.pid, settings)
            guest = Sandbox(ours, username, DETAIL.format(size=size_bytes >> 20))
            try:
                yield guest
            finally:
                guest.stop()
        finally:
            await _end(agent)


def _check_extra(path: str) -> None:
    """A folder of programs lies somewhere of its own: a whole tree such as /etc or /root is none."""
    if len(Path(path).parts) < 3 or not Path(path).is_dir() or any(char in path for char in ",:\\"):
        raise UnavailableError(f"start the sandbox: {path} is no folder of programs that a guest may see")


async def _spawn(control: socket.socket, outlet: socket.socket | None) -> asyncio.subprocess.Process:
    package = str(PACKAGE)
    passed = [control.fileno(), *([outlet.fileno()] if outlet else [])]
    words = [str(passed[0]), str(os.getpid()), *map(str, passed[1:])]
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-S", "-s", "-B", "-m", "emulator.machines.sandbox.agent", *words),
        pass_fds=passed,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        env={"PYTHONPATH": package, "PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
        cwd="/",
    )


async def _handshake(control: socket.socket, agent: int, settings: Message) -> None:
    control.setblocking(False)
    messages.send(control, settings)
    try:
        async with asyncio.timeout(START_PATIENCE):
            while True:
                reply = await _reply(control)
                if reply.get("ready"):
                    return
                if "map" not in reply:
                    raise UnavailableError(f"start the sandbox: {str(reply.get('error', 'its agent ended'))[:300]}")
                messages.send(control, _map_accounts(agent))
    except TimeoutError:
        raise UnavailableError(f"start the sandbox: not ready within {START_PATIENCE:g} s") from None


async def _reply(control: socket.socket) -> Message:
    await pipes.readable(control.fileno())
    try:
        message, descriptors = messages.receive(control)
    except (OSError, ValueError) as error:
        raise UnavailableError(f"start the sandbox: its agent: {error}") from None
    messages.close(descriptors)
    return message


def _map_accounts(agent: int) -> Message:
    """Give the agent's user namespace a range of its own, which only the machine's root may."""
    try:
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{agent}/{name}").write_text(f"0 {HOST_ID} {ID_COUNT}\n", encoding="ascii")
    except OSError as error:
        return {"mapped": False, "error": str(error.strerror)}
    return {"mapped": True}


async def _end(agent: asyncio.subprocess.Process) -> None:
    if agent.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            agent.kill()  # its death is PID 1's, whose is everybody's
    await agent.wait()


async def probe_sandbox() -> str | None:
    """None where a sandbox starts on this machine, else why not."""
    try:
        async with sandbox(hostname="probe", username="packer", size_bytes=1 << 24):
            return None
    except UnavailableError as error:
        return str(error)


async def probe_network() -> str | None:
    """None where a guest has a network on this machine, else why not."""
    wish = Wish("10.60.0.8", 24, "10.60.0.1", "000D3A000000")
    ours, theirs = messages.pair()
    with ours, theirs:
        ours.setblocking(False)
        try:
            starting = sandbox(hostname="probe", username="packer", size_bytes=1 << 24, way_out=WayOut(wish, theirs))
            async with starting, asyncio.timeout(START_PATIENCE):
                said = await _reply(ours)
                return str(said["lost"]) if "lost" in said else None
        except (UnavailableError, TimeoutError) as error:
            return str(error) or "no word of it"
