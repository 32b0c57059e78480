"""The door to the container engine: who does not answer is said so at once, and nothing stays open."""

import pytest

from emulator.errors import UnavailableError
from emulator.net.engine import engine

pytestmark = pytest.mark.network


@pytest.mark.parametrize("host", ["unix:///nonexistent/docker.sock", "tcp://127.0.0.1:1"])
def test_nobody_answers(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody listens the address is named."""
    monkeypatch.setenv("DOCKER_HOST", host)

    with pytest.raises(UnavailableError, match=f"no container engine answers at {host}"), engine():
        raise AssertionError("there is none")
