"""Who holds a TCP port of this machine, as far as this user may know."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

LISTEN = "0A"


def holder(port: int) -> str:
    """` (held by NAME, process N)` for the process that listens on a port, or an empty string."""
    wanted = {f"socket:[{inode}]" for inode in _listening(port)} if port else set()
    for pid in (int(each.name) for each in Path("/proc").glob("[0-9]*")) if wanted else ():
        if wanted & set(_links(pid)):
            return f" (held by {_name(pid)}, process {pid})"
    return ""


def _listening(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if fields[3] == LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _links(pid: int) -> Iterator[str]:
    try:
        links = tuple(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return
    for link in links:
        with contextlib.suppress(OSError):  # closed since
            yield str(link.readlink())


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "a process"
