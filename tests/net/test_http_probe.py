"""Probes by Http and Https on real connections."""

import asyncio
import socket
from pathlib import Path

import pytest

from emulator.machines.winrm import certificate
from emulator.model.balancer import Probe, ProbeProtocol
from emulator.model.ids import ResourceId
from emulator.net import http_probe
from emulator.rules.probe import Answer
from tests.net.conftest import Run
from tests.net.tcp import pair

pytestmark = pytest.mark.network
WHOM = "proxy at 10.60.0.7:60001"


def probe(protocol: ProbeProtocol = "Http") -> Probe:
    """A probe of /up."""
    return Probe(ResourceId("/probes/p"), 60001, protocol, request_path="/up")


async def answered(server: socket.socket, answer: bytes, *, folder: Path | None = None) -> bytes:
    """Read one request, with TLS where there is a folder for its certificate, answer it, and return it."""
    tls = certificate.identity("proxy", str(folder)).tls if folder else None
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.connect_accepted_socket(lambda: protocol, server.dup(), ssl=tls)
    try:
        request = await reader.readuntil(b"\r\n\r\n")
        transport.write(answer)
        return request
    finally:
        transport.close()


CASES = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Answer(explicit=True)),
    (b"HTTP/1.1 204 No Content\r\n\r\n", Answer("answered 204, which is not 200", explicit=True)),
    (b"HTTP/1.1 301 Moved\r\nLocation: /\r\n\r\n", Answer("answered 301, which is not 200", explicit=True)),
    (b"SSH-2.0-OpenSSH_9.2\r\n", Answer(": expected a status line of HTTP/1, found b'SSH-2.0-OpenSSH_9.2\\r\\n'")),
]


@pytest.mark.parametrize(("answer", "expected"), CASES)
def test_two_hundred_alone_is_up(run: Run, answer: bytes, expected: Answer) -> None:
    """A 200 is success; another status says so itself; what is no HTTP is a failure like silence."""

    async def body() -> None:
        with pair() as (client, server):
            async with asyncio.TaskGroup() as group:
                asked = group.create_task(http_probe.ask(client, probe(), WHOM, seconds=20))
                request = group.create_task(answered(server, answer))
            found = asked.result()
            assert request.result().startswith(b"GET /up HTTP/1.1\r\nHost: 10.60.0.7:60001\r\n")
            assert found.explicit == expected.explicit
            assert found.failure.removeprefix(f"{WHOM} by Http").strip() == expected.failure

    run(body())


def test_https_takes_any_certificate(run: Run, tmp_path: Path) -> None:
    """A machine's own certificate, whatever name it has."""

    async def body() -> None:
        with pair() as (client, server):
            async with asyncio.TaskGroup() as group:
                asked = group.create_task(http_probe.ask(client, probe("Https"), WHOM, seconds=20))
                group.create_task(answered(server, b"HTTP/1.1 200 OK\r\n\r\n", folder=tmp_path))
            assert asked.result() == Answer(explicit=True)

    run(body())


def test_https_of_one_without_tls(run: Run) -> None:
    """An SSH server is no TLS server: a failure, and it says what was asked."""

    async def body() -> None:
        with pair() as (client, server):
            server.send(b"SSH-2.0-OpenSSH_9.2\r\n")
            found = await http_probe.ask(client, probe("Https"), WHOM, seconds=20)
            assert found.failure.startswith(f"{WHOM} by Https: ")
            assert not found.explicit

    run(body())


def test_silence_and_an_early_end(run: Run) -> None:
    """Who answers nothing, or hangs up, has not said that it is down: the threshold counts."""

    async def body() -> None:
        with pair() as (client, _):
            silent = await http_probe.ask(client, probe(), WHOM, seconds=0.05)
        with pair() as (client, server):
            server.close()
            ended = await http_probe.ask(client, probe(), WHOM, seconds=20)
        assert silent == Answer(f"{WHOM} by Http answered nothing in time")
        assert (bool(ended.failure), ended.explicit) == (True, False)

    run(body())
