"""Whether the hop in this container is healthy: `python -m emulator.control.probe`, without a shell.

Control is healthy once the whole channel is ready, so that `docker compose up --wait` returns then; any other hop
once its own port answers.
"""

import contextlib
import http.client
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 2.0
CONTROL = 8060
WATCH = 10
"""Seconds to stay, of the 15 that the container gives."""
GAP = 4.0
"""Seconds after the last answer beyond which the engine cannot just have asked again: the container was paused."""

PORTS = {"build-windows": 5986, "load-balancer": 60001, "proxy": 60001, "gateway": 8061}


def main(command: Path = Path("/proc/1/cmdline"), marker: Path = Path("/state/healthy")) -> int:
    """0 for healthy, 1 for not yet or not any more; which hop this is says the container's first process.

    Once it was healthy it watches for `WATCH` seconds before it answers: an interpreter started each second would
    cost more than the hop. After a pause, which makes a container unhealthy, it answers at once again.
    """
    words = command.read_bytes().decode(errors="replace").split("\0")
    port = next((port for role, port in PORTS.items() if role in words), None)
    known = marker.exists()
    asked_again = known and time.time() - marker.stat().st_mtime < GAP

    def healthy() -> bool:
        # A channel that is not ready any more, since a hop was killed, does not make control itself unhealthy.
        return _answers("127.0.0.1", CONTROL, known=known) if port is None else _listens("127.0.0.1", port)

    if not healthy() or (asked_again and not _stays(healthy)):
        return 1
    with contextlib.suppress(OSError):
        marker.touch()
    return 0


def _stays(healthy: Callable[[], bool]) -> bool:
    pause = threading.Event()
    for _ in range(WATCH):
        pause.wait(1.0)
        if not healthy():
            return False
    return True


def _answers(host: str, port: int, *, known: bool) -> bool:
    """Whether control says that the channel is ready, or once that was so, whether it says anything."""
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/emulator/health")
            return connection.getresponse().status == 200 or known
        except (OSError, http.client.HTTPException):
            return False


def _listens(host: str, port: int) -> bool:
    """Whether somebody has the port: a posture may drop or refuse us, and the hop is well all the same."""
    with contextlib.closing(socket.socket()) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return True
        return False


if __name__ == "__main__":
    sys.exit(main())
