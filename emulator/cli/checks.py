"""What works exactly on this machine, what degrades, and why: one finding a thing."""

import platform
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["exact", "degraded", "broken"]
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
RESERVED = Path("/proc/sys/net/ipv4/ip_local_reserved_ports")
LEAST_FREE = 10_000
"""Local ports below which a few thousand connections through two hops run out."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what.
        state: `exact` as in Azure, `degraded` plays on otherwise, `broken` cannot run.
        detail: what was found, what it means and what helps.
    """

    name: str
    state: State
    detail: str


def all_checks(folder: Path) -> Iterator[Check]:
    """Every check but the guest's, which takes a moment and a loop; `folder` is the state folder."""
    checks: tuple[Callable[[], Check], ...] = (_python, _loop, _addresses, _filters, _attempts, _splice)
    for check in checks:
        yield check()
    for name, port in (("linux", 60001), ("windows", 60000), ("control", 8060)):
        yield port_check(name, port)
    yield _ephemeral()
    yield _state(folder)


def guest(why: str | None) -> Check:
    """The Linux build VM's guest; `why` the sandbox cannot start, or None."""
    if why is None:
        return Check("guest", "exact", "sandbox: commands run in namespaces, over a root that is built")
    return Check("guest", "degraded", f"built-in: executes nothing, refuses what it does not know; no sandbox: {why}")


def network(why: str | None) -> Check:
    """The network of the Linux build VM's guest; `why` it has none, or None."""
    if why is None:
        return Check(
            "outbound", "exact", "commands have the build VM's network, as rules, routes and methods let them"
        )
    return Check("outbound", "degraded", f"commands have no network, whatever the rules say: {why}")


def command_host(choice: str, why: str | None, *, is_wanted: bool) -> Check:
    """A host that the Windows build VM may have before its built-in one; `why` it cannot take part, or None."""
    if why is None:
        used = "takes commands" if is_wanted else f"takes none: `windows.hosts` does not name {choice}"
        return Check(choice, "exact", f"works in a sandbox of its own, and {used}")
    return Check(
        choice, "degraded", f"not offered: {why}; the built-in host plays what it knows, and refuses the rest"
    )


def _python() -> Check:
    return Check("python", "exact", f"{platform.python_implementation()} {platform.python_version()}")


def _loop() -> Check:
    from importlib import metadata, util

    from emulator.net.loop import IS_HERE

    if IS_HERE:
        return Check("loop", "exact", "asyncio's, which sleeps in the relays' own poll set")
    if util.find_spec("uvloop") is None:
        return Check("loop", "degraded", "asyncio's own loop, slower; `pip install uvloop` helps")
    return Check("loop", "exact", f"uvloop {metadata.version('uvloop')}")


def _addresses() -> Check:
    from emulator.net.addresses import Loopback

    if Loopback().exact:
        return Check("addresses", "exact", "each hop gets an address of its own in 127.60.0.0/14")
    return Check("addresses", "degraded", "only 127.0.0.1 can be bound: the hop header alone tells hops apart")


def _filters() -> Check:
    from emulator.net import filters

    why = filters.supported()
    if why is None:
        return Check("drops", "exact", "socket filters drop in the kernel, for all sources or for some")
    detail = f"a drop for all sources is exact, by a full accept queue; for some it is accept-and-hold: {why}"
    return Check("drops", "degraded", detail)


def _attempts() -> Check:
    """Dropped attempts are named from this machine's connection table; there is no packet tap for others yet."""
    known = "clients of this machine are named from its connection table, those of others stay `source unknown`"
    if Path("/proc/net/tcp").exists():
        return Check("attempts", "exact", f"the emulator listens on loopback; {known}")
    return Check("attempts", "degraded", "no connection table in /proc: dropped attempts stay `source unknown`")


def _splice() -> Check:
    import os

    if hasattr(os, "splice"):
        return Check("relay", "exact", "splice moves bytes within the kernel")
    return Check("relay", "degraded", f"no splice on {sys.platform}: bytes are copied")


def port_check(name: str, port: int) -> Check:
    """Whether a port that clients dial is free."""
    from emulator.net import taken

    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            who = taken.holder(port)
            detail = f"{error.strerror}{who}; `up --listen auto` takes free ports"
            return Check(f"port {port}", "degraded", detail)
    return Check(f"port {port}", "exact", f"free for {name}")


def _ephemeral() -> Check:
    try:
        first, last = (int(word) for word in RANGE.read_text().split())
        reserved = RESERVED.read_text().strip()
    except (OSError, ValueError):
        return Check("local ports", "exact", "no range is published on this system")
    if last - first < LEAST_FREE:
        return Check("local ports", "degraded", f"{first}-{last}: too few for thousands of connections")
    if first <= 60000 <= last and not covers(reserved, 60000, 60001):
        helps = f"`sysctl net.ipv4.ip_local_reserved_ports={','.join(filter(None, (reserved, '60000-60001')))}`"
        detail = (
            f"60000 and 60001 lie within {first}-{last}: an outgoing connection may take them; {helps} keeps them"
        )
        return Check("local ports", "degraded", detail)
    return Check("local ports", "exact", f"{first}-{last}")


def covers(reserved: str, *ports: int) -> bool:
    """Whether the kernel's list of reserved ports, as `8080,60000-60001`, has all of these."""
    ranges = [part.partition("-") for part in reserved.split(",") if part]
    spans = [(int(first), int(last or first)) for first, _, last in ranges]
    return all(any(first <= port <= last for first, last in spans) for port in ports)


def _state(folder: Path) -> Check:
    from emulator.control import state

    if not folder.is_dir():
        return Check("state", "exact", f"{folder} does not exist yet")
    stale = (folder / state.RUNNING).exists()
    note = state.running(folder)
    if note is not None:
        return Check("state", "exact", f"process {note['pid']} runs from {folder}, control {note.get('control')}")
    left = "; a note of an emulator that was killed was removed" if stale else ""
    return Check("state", "exact", f"{folder}, nothing runs{left}")
