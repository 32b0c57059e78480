"""The container engine's client: the one door to the `docker` library."""

import contextlib
import os
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from emulator.errors import UnavailableError

LEAST, API = (20, 10), "1.41"
"""The oldest engine that this was written for, and its API."""
SOCKET = "unix:///var/run/docker.sock"
PATIENCE = 5.0


@contextlib.contextmanager
def engine() -> Iterator[Any]:
    """The engine's client.

    Raises:
        UnavailableError: there is none, it does not answer, or it is too old; the message names the floor.
    """
    try:
        import docker
        from docker.errors import DockerException
    except ImportError:
        raise UnavailableError("the docker library is not installed: `pip install docker`") from None
    _knock(os.environ.get("DOCKER_HOST") or SOCKET)
    with contextlib.closing(docker.from_env(version=API)) as client:
        try:
            found = str(client.version()["Version"])
        except (DockerException, OSError) as error:
            raise UnavailableError(f"no container engine answers: {error}") from None
        if tuple(int(part) for part in found.split(".")[:2]) < LEAST:
            raise UnavailableError(f"engine {found}, at least {'.'.join(map(str, LEAST))} is needed")
        try:
            yield client
        except (DockerException, OSError) as error:
            raise UnavailableError(f"the engine refused: {error}") from None


def _knock(host: str) -> None:
    """See that somebody answers at all: the library leaves a socket open where nobody does."""
    parts = urlsplit(host)
    local = parts.scheme == "unix"
    if not local and parts.scheme not in ("tcp", "http"):
        return
    with contextlib.closing(socket.socket(socket.AF_UNIX if local else socket.AF_INET)) as probe:
        probe.settimeout(PATIENCE)
        try:
            probe.connect(parts.path if local else (parts.hostname, parts.port or 2375))
        except OSError as error:
            raise UnavailableError(f"no container engine answers at {host}: {error.strerror or error}") from None
