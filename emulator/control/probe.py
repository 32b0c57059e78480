"""Whether the hop in this container is healthy: `python -m emulator.control.probe`, without a shell.

Control is healthy once the whole channel is ready, so that `docker compose up --wait` returns then; any other hop
once its own port answers.
"""

import contextlib
import http.client
import socket
import sys
from pathlib import Path

PATIENCE = 2.0


PORTS = {"build-windows": 5986, "load-balancer": 60001, "proxy": 60001}


def main(command: Path = Path("/proc/1/cmdline")) -> int:
    """0 for healthy, 1 for not yet or not any more; which hop this is says the container's first process."""
    words = command.read_bytes().decode(errors="replace").split("\0")
    port = next((port for role, port in PORTS.items() if role in words), None)
    if port is None:
        return 0 if _is_ready("127.0.0.1", 8060) else 1
    return 0 if _listens("127.0.0.1", port) else 1


def _is_ready(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/emulator/health")
            return connection.getresponse().status == 200
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
