"""The guest's PID 1: builds the guest, then runs commands that the host side asks for, and buries the dead.

Requests: `run` (with stdin, stdout and stderr as descriptors, or a terminal to open), `signal`, `end`. Replies:
`started`, `exit` or `signal`, `error`, each with the id of its request. One loop, no threads, no late imports.
"""

# Plain paths, not pathlib: it costs start-up time, and these are system calls anyway.
# ruff: noqa: PTH110, PTH123, PTH208

import contextlib
import errno
import fcntl
import os
import resource
import select
import signal
import socket
import struct
import termios
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn, cast

from emulator.machines.sandbox import messages, root, sftp, syscalls
from emulator.machines.sandbox.messages import Message

LIMITS = (
    (resource.RLIMIT_NPROC, 512),
    (resource.RLIMIT_NOFILE, 4096),
    (resource.RLIMIT_CORE, 0),
    (resource.RLIMIT_AS, 8 << 30),
)
SHARED_PAGES = "65536"
"""The guest's System V shared memory at most, in pages: 256 MiB."""
KEPT_CAPABILITIES = frozenset({0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 29, 31})
"""Files, accounts, low ports, chroot: a container's usual set without MKNOD; not SYS_ADMIN or SYS_PTRACE."""
RECLAIM_ROUNDS = 20


@dataclass(slots=True)
class Session:
    """A command that runs, or has ended and whose channel is still open."""

    leader: int
    alive: bool = True


def main(control: socket.socket, settings: Message) -> None:
    """Become the guest and serve until the host side hangs up."""
    try:
        _become(settings)
    except OSError as error:
        messages.send(control, {"error": f"build the guest: {error.strerror or error}"})
        return
    messages.send(control, {"ready": True})
    try:
        Init(control).serve()
    except OSError:
        return  # the host side is gone; the kernel ends the namespace with its PID 1


def _become(settings: Message) -> None:
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    socket.sethostname(cast("str", settings["hostname"]))
    syscalls.raise_loopback()
    shell = "/bin/bash" if os.path.exists("/bin/bash") else "/bin/sh"
    root.build(
        username=cast("str", settings["username"]),
        hostname=cast("str", settings["hostname"]),
        shell=shell,
        size_bytes=cast("int", settings["size_bytes"]),
        inodes=cast("int", settings["inodes"]),
        extras=cast("list[str]", settings["extras"]),
        resolvers=_resolvers(settings),
    )
    _bound()
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    os.close(null)


def _resolvers(settings: Message) -> list[str]:
    network = cast("dict[str, list[str]]", settings.get("network") or {})
    return network.get("resolvers", [])


def _bound() -> None:
    """Limit what the guest may use, then give up what was needed to build it."""
    with open("/proc/sys/user/max_user_namespaces", "w", encoding="ascii") as file:
        file.write("0")  # a nested user namespace would have every capability again
    with contextlib.suppress(OSError), open("/proc/sys/kernel/shmall", "w", encoding="ascii") as file:
        file.write(SHARED_PAGES)  # kernels before 6.1 do not let a namespace set it
    for limit, value in LIMITS:
        hard = resource.getrlimit(limit)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)  # noqa: PLW2901
        resource.setrlimit(limit, (value, value))
    syscalls.keep_capabilities(KEPT_CAPABILITIES)
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
    os.umask(0o022)


class Init:
    """Serves requests and reaps; holds no descriptor but its control socket and a wake-up pipe."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._sessions: dict[int, Session] = {}

    def serve(self) -> None:
        """Answer requests until the host side hangs up."""
        wake, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(wake, select.POLLIN)
        while True:
            ready = dict(poll.poll())
            if wake in ready:
                os.read(wake, 4096)
                self._reap()
            if self._control.fileno() in ready and not self._request():
                return

    def _request(self) -> bool:
        """Serve one request; false when the host side has hung up."""
        message, descriptors = messages.receive(self._control)
        if not message:
            return False
        try:
            self._serve(message, tuple(descriptors))
        finally:
            messages.close(descriptors)
        return True

    def _serve(self, message: Message, descriptors: tuple[int, ...]) -> None:
        number = cast("int", message["id"])
        session = self._sessions.get(number)
        if message["do"] == "run":
            self._run(number, message, descriptors)
        elif session and message["do"] == "signal" and session.alive:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(session.leader, cast("int", message["signal"]))
        elif session and message["do"] == "end":
            del self._sessions[number]
            if message["kill"]:
                _kill_session(session.leader)

    def _run(self, number: int, message: Message, descriptors: tuple[int, ...]) -> None:
        master: tuple[int, ...] = ()
        try:
            if message["terminal"]:
                terminal, inside = os.openpty()
                master = (terminal,)
                descriptors = (inside,) * 3
            child = self._fork()
            if child == 0:
                _execute(message, descriptors, terminal=bool(master))
            self._sessions[number] = Session(child)
            messages.send(self._control, {"id": number, "started": child}, master)
        except OSError as error:
            messages.send(self._control, {"id": number, "error": os.strerror(error.errno or 0)})
        finally:
            messages.close((*master, *descriptors[:1]) if master else ())

    def _fork(self) -> int:
        """Fork; where the guest has no process left, take back those whose channel is gone, at last all."""
        for attempt in range(RECLAIM_ROUNDS):
            try:
                return os.fork()
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    raise
            self._reclaim(everything=attempt > RECLAIM_ROUNDS // 2)
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    def _reclaim(self, *, everything: bool) -> None:
        owned = {session.leader for session in self._sessions.values() if session.alive}
        if everything:  # what a full process table leaves of a real machine is a reset
            os.kill(-1, signal.SIGKILL)
        else:
            _kill(pid for pid, leader in _processes() if leader not in owned)
        self._reap()

    def _reap(self) -> None:
        leaders = {session.leader: number for number, session in self._sessions.items() if session.alive}
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid in leaders:
                    self._sessions[leaders[pid]].alive = False
                    self._report(leaders[pid], status)

    def _report(self, number: int, status: int) -> None:
        if os.WIFSIGNALED(status):
            messages.send(self._control, {"id": number, "signal": os.WTERMSIG(status)})
        else:
            messages.send(self._control, {"id": number, "exit": os.WEXITSTATUS(status)})


def _execute(message: Message, descriptors: tuple[int, ...], *, terminal: bool) -> NoReturn:
    """In the child: become the command. Whatever goes wrong is its exit status, 127 as in a shell."""
    try:
        os.setsid()
        for target, descriptor in enumerate(descriptors):
            os.dup2(descriptor, target)
        os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        if terminal:
            _take_terminal(cast("list[int]", message["terminal"]))
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGCHLD, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        with contextlib.suppress(OSError):
            os.chdir(cast("str", message["folder"]))
        if not message["program"]:
            sftp.serve(0, 1)
            os._exit(0)
        os.execve(  # noqa: S606 - running what it is told is this program's purpose
            cast("str", message["program"]),
            cast("list[str]", message["arguments"]),
            cast("dict[str, str]", message["environment"]),
        )
    except OSError as error:
        os.write(2, f"{message['program']}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def _take_terminal(size: list[int]) -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    columns, rows, width, height = size
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, width, height))


def _processes() -> list[tuple[int, int]]:
    """Each process but PID 1, with the leader of its session."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and name != "1":
            with contextlib.suppress(ProcessLookupError):
                found.append((int(name), os.getsid(int(name))))
    return found


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _kill_session(leader: int) -> None:
    """End every process of a session; a fork may outrun one look, so look again."""
    for _ in range(RECLAIM_ROUNDS):
        members = [pid for pid, session in _processes() if session == leader]
        if not members:
            return
        _kill(members)
