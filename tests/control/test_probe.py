"""Health of a hop in its container: which hop it is, and whether it is well."""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emulator.control import probe

pytestmark = pytest.mark.network


@contextlib.contextmanager
def answering(status: str) -> Iterator[int]:
    """An HTTP server that gives every request one answer; yields its port."""
    answer = f"HTTP/1.0 {status}\r\nContent-Length: 0\r\n\r\n".encode()
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(4096)
                        connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def command(tmp_path: Path, *words: str) -> Path:
    """A first process with this command line."""
    file = tmp_path / "cmdline"
    file.write_bytes("\0".join(words).encode() + b"\0")
    return file


def test_a_hop_is_well_while_its_port_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hop that holds its port is healthy whatever it answers; without it, it is not."""
    hop, marker = command(tmp_path, "aib-emulator", "serve", "proxy"), tmp_path / "healthy"
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        monkeypatch.setitem(probe.PORTS, "proxy", server.getsockname()[1])
        assert probe.main(hop, marker) == 0

    assert marker.exists()
    assert probe.main(hop, marker) == 1


def test_control_is_asked_until_it_was_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control is healthy once the channel was ready; from then on it has to answer, whatever it says."""
    control, marker = command(tmp_path, "aib-emulator", "serve", "control"), tmp_path / "healthy"
    monkeypatch.setattr(probe, "WATCH", 0)
    with answering("503 Service Unavailable") as port:
        monkeypatch.setattr(probe, "CONTROL", port)
        assert probe.main(control, marker) == 1
        marker.touch()
        assert probe.main(control, marker) == 0

    assert probe.main(control, marker) == 1


def test_after_a_pause_it_answers_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays where the engine asked a moment ago, and not where that is longer ago than the engine ever waits."""
    hop, marker = command(tmp_path, "aib-emulator", "serve", "proxy"), tmp_path / "healthy"
    stays = []

    def stay(healthy: Callable[[], bool]) -> bool:
        stays.append("stayed")
        return healthy()

    monkeypatch.setattr(probe, "_stays", stay)
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        monkeypatch.setitem(probe.PORTS, "proxy", server.getsockname()[1])
        assert [probe.main(hop, marker), probe.main(hop, marker)] == [0, 0]
        os.utime(marker, (0, 0))
        assert [probe.main(hop, marker), stays] == [0, ["stayed"]]

    assert marker.stat().st_mtime > 0


def test_it_stays_while_it_is_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch ends early when a look fails."""
    looks = iter([True, False])
    monkeypatch.setattr(probe, "WATCH", 2)
    monkeypatch.setattr("threading.Event.wait", lambda self, timeout: True)

    assert not probe._stays(lambda: next(looks))
