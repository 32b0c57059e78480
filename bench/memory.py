"""What an idle relayed connection costs: resident memory of the emulator, guests (their own processes) excluded."""

import contextlib
import json
import resource
import socket
from pathlib import Path

from bench.figures import Figure
from bench.running import emulator, state_folder

ROUNDS = 3
CONNECTIONS = 2000
PAGE_KIB = resource.getpagesize() // 1024


def measure() -> list[Figure]:
    """Resident KiB per connection through both hops; kernel memory (sockets) apart."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + 200
    if hard != resource.RLIM_INFINITY and hard < wanted * 4:
        print(f"memory: not measured: {wanted * 4} descriptors are needed, {hard} are allowed")
        return []
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    user, kernel = [], []
    for _ in range(ROUNDS):
        resident, slab = _round()
        user.append(resident / CONNECTIONS)
        kernel.append(slab / CONNECTIONS)
    return [
        Figure(f"RSS per relayed idle connection, both hops, {CONNECTIONS} held", "KiB", tuple(user), 20.0),
        Figure(
            "kernel memory (slab) per connection, whole machine, its build VM and client included",
            "KiB",
            tuple(kernel),
        ),
    ]


def _round() -> tuple[float, float]:
    with state_folder() as home, emulator(home) as status, contextlib.ExitStack() as stack:
        pid = int(json.loads((Path(home) / "running.json").read_text())["pid"])
        endpoint = status["endpoints"]["windows"]
        before, kernel_before = resident_kib(pid), _slab_kib()
        for _ in range(CONNECTIONS):
            where = (endpoint["host"], endpoint["port"])
            stack.enter_context(contextlib.closing(socket.create_connection(where, timeout=30)))
        _settled(pid, CONNECTIONS)
        return resident_kib(pid) - before, _slab_kib() - kernel_before


def _settled(pid: int, connections: int) -> None:
    """Wait until each connection has its two sockets in the emulator; `connect` returns before that."""
    folder = Path(f"/proc/{pid}/fd")
    while sum(1 for _ in folder.iterdir()) < 2 * connections:
        pass


def resident_kib(pid: int) -> float:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_KIB


def _slab_kib() -> float:
    """The kernel's own objects, sockets among them, of the whole machine."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("Slab:"):
            return float(line.split()[1])
    return 0.0
