"""Whether the hop in this container is healthy: `python -m emulator.control.probe`, without a shell.

Control is healthy once the whole channel is ready, so that `docker compose up --wait` returns then; any other hop
once its own port answers.
"""

import contextlib
import http.client
import os
import socket
import sys

PATIENCE = 2.0


def main(role: str | None = None) -> int:
    """0 for healthy, 1 for not yet or not any more."""
    wanted = role or os.environ.get("AIB_EMULATOR_ROLE", "control")
    if wanted == "control":
        return 0 if _is_ready("127.0.0.1", 8060) else 1
    port = 5986 if wanted == "build-windows" else 60001
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
