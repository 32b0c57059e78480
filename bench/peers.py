"""The peers: other relays, each at the settings that its makers recommend, as one hop or two in a row."""

import contextlib
import os
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

STARTS = 10.0
"""Seconds for a peer to listen."""
HAPROXY = """\
global
    nbthread 1
    maxconn {connections}
defaults
    mode tcp
    option splice-auto
    timeout connect 10s
    timeout client 1h
    timeout server 1h
listen hop
    bind 127.0.0.1:{port}
    server far {target}
"""
NGINX = """\
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 20000; }}
stream {{
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        proxy_pass {target};
        proxy_buffer_size 256k;
        tcp_nodelay on;
    }}
}}
"""

Command = Callable[[Path, int, str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Peer:
    """Another relay.

    Attributes:
        name: as tables name it.
        settings: how it is set up, for who reads the table.
        program: what has to be there; empty for a Python of ours.
        command: the words that start it, from a folder for its files, its port and its target's `HOST:PORT`.
    """

    name: str
    settings: str
    program: str
    command: Command

    @property
    def lack(self) -> str:
        """Why it cannot run here; empty where it can."""
        return "" if not self.program or shutil.which(self.program, path=_path()) else f"{self.program} is missing"

    @contextlib.contextmanager
    def hops(self, target: str, count: int, folder: Path) -> Iterator["Hops"]:
        """So many of it in a row in front of `HOST:PORT`."""
        with contextlib.ExitStack() as stack:
            pids: list[int] = []
            for number in range(count):
                port = free_port()
                below = folder / f"{self.name}-{number}-{port}"
                below.mkdir()
                pids.append(stack.enter_context(_process(self.command(below, port, target), below)))
                _wait(port, below)
                target = f"127.0.0.1:{port}"
            yield Hops(port, tuple(pids))


@dataclass(frozen=True, slots=True)
class Hops:
    """Relays that run.

    Attributes:
        port: of the first, on 127.0.0.1.
        pids: their processes.
    """

    port: int
    pids: tuple[int, ...]

    def cpu(self) -> float:
        """Seconds of processor time so far, of all of them and their children."""
        return sum(cpu_of(pid) for pid in self.pids)


def cpu_of(pid: int, *, children: bool = True) -> float:
    """Seconds of processor time of a process, and of the children that it has now and had."""
    found = 0.0
    ticks = os.sysconf("SC_CLK_TCK")
    for each in (pid, *(_children(pid) if children else ())):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            found += sum(int(field) for field in fields[11 : 15 if children else 13]) / ticks
    return found


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"


def free_port() -> int:
    """A port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _process(words: Sequence[str], folder: Path) -> Iterator[int]:
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(words, stdout=output, stderr=output, env={**os.environ, "PATH": _path()})
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _wait(port: int, folder: Path) -> None:
    until = time.monotonic() + STARTS
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if time.monotonic() > until:
            raise TimeoutError(f"nothing listens on port {port}: {(folder / 'output').read_text()[-300:]}")


def _haproxy(folder: Path, port: int, target: str) -> Sequence[str]:
    file = folder / "haproxy.cfg"
    file.write_text(HAPROXY.format(port=port, target=target, connections=_connections()))
    return "haproxy", "-db", "-f", str(file)


def _connections() -> int:
    """How many connections HAProxy may be told to hold; it wants two descriptors for each, and some more."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(100, min(8000, (hard - 500) // 3))


def _nginx(folder: Path, port: int, target: str) -> Sequence[str]:
    file = folder / "nginx.conf"
    file.write_text(NGINX.format(port=port, target=target, folder=folder))
    return "nginx", "-p", str(folder), "-c", str(file)


def _socat(_: Path, port: int, target: str) -> Sequence[str]:
    far = f"TCP4:{target},nodelay"
    return "socat", "-b65536", f"TCP4-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,backlog=1024,nodelay", far


def _streams(kind: str) -> Command:
    return lambda _, port, target: (sys.executable, "-m", "bench.relays", kind, str(port), target)


PEERS = (
    Peer("haproxy", "TCP mode, splice-auto, one thread", "haproxy", _haproxy),
    Peer("nginx", "stream, 256 KiB buffer, one worker", "nginx", _nginx),
    Peer("socat", "fork, 64 KiB buffer", "socat", _socat),
    Peer("asyncio", "streams, 64 KiB, one process", "", _streams("asyncio")),
    Peer("uvloop", "streams, 64 KiB, one process", "", _streams("uvloop")),
)
