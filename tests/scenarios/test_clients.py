"""The clients of a script, against sockets of this test."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable

import pytest

from emulator.scenarios.clients import Sessions, Target, by_winrm, ssh, tcp, tls
from emulator.scenarios.step import Sees, SshClient, TcpClient, TlsClient, WinrmClient

pytestmark = pytest.mark.network
WORKS, MUTE, FAILS = Sees(outcome="works"), Sees(outcome="mute"), Sees(outcome="fails")
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]


def to(port: int) -> Target:
    """A target on this machine."""
    return Target("127.0.0.1", port, "packer", "secret", "", f"https://127.0.0.1:{port}/wsman", "10.60.0.8:22")


@contextlib.asynccontextmanager
async def served(serve: Serve) -> AsyncIterator[Target]:
    """A server that does one thing with each connection."""
    writers: list[asyncio.StreamWriter] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        serve(reader, writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield to(server.sockets[0].getsockname()[1])
    finally:
        for each in writers:
            each.transport.abort()
        server.close()
        await server.wait_closed()


def closes(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """FIN; what the client sends is still acknowledged."""
    writer.write_eof()


def resets(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """RST."""
    held: socket.socket = writer.get_extra_info("socket")
    held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def greets(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A word."""
    writer.write(b"hello\r\n")


def keeps_silent(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Nothing."""


@pytest.mark.parametrize(
    ("serve", "outcome"), [(closes, "closed"), (resets, "reset"), (greets, "works"), (keeps_silent, "mute")]
)
async def test_a_plain_socket_tells_ends_apart(serve: Serve, outcome: str) -> None:
    """FIN, RST, a word and silence are four outcomes."""
    async with served(serve) as target:
        seen = await tcp(target, TcpClient(sees=MUTE if serve is keeps_silent else WORKS), {})

    assert seen.outcome == outcome


async def test_a_refused_connect() -> None:
    """Nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        seen = await tcp(to(unused.getsockname()[1]), TcpClient(sees=WORKS), {})

    assert (seen.outcome, seen.said) == ("refused", "connection refused")


async def test_a_session_goes_on() -> None:
    """The second step of its name uses the connection of the first."""
    sessions: Sessions = {}
    accepted = []

    def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(writer)
        greets(reader, writer)

    async with served(greet) as target:
        first = await tcp(target, TcpClient(sees=WORKS, session="a", keepalive=True), sessions)
        second = await tcp(target, TcpClient(sees=MUTE, session="a", send="more"), sessions)
        sessions["a"].close()

    assert (first.said, second.outcome, len(accepted)) == ("hello\r\n", "mute", 1)


@pytest.mark.parametrize(
    ("serve", "outcome"), [(closes, "closed"), (resets, "reset"), (greets, "fails"), (keeps_silent, "mute")]
)
async def test_tls_tells_ends_apart(serve: Serve, outcome: str) -> None:
    """An end in the handshake, a reset, somebody who speaks something else, and silence."""
    async with served(serve) as target:
        seen = await tls(target, TlsClient(sees=Sees(outcome="mute"), patience=1))

    assert seen.outcome == outcome


async def test_ssh_says_it_in_packers_words() -> None:
    """A server that closes before its banner."""
    async with served(closes) as target:
        seen = await ssh(target, SshClient(sees=FAILS, gives_up=5, key=False), lambda _: None)

    assert (seen.outcome, seen.said) == ("fails", "ssh: handshake failed: EOF")


@pytest.mark.parametrize("transport", ["ntlm", "basic"])
async def test_winrm_fails_in_words(transport: str) -> None:
    """A server that closes in the ClientHello."""
    async with served(closes) as target:
        client = WinrmClient.model_validate({"sees": {"outcome": "fails"}, "transport": transport, "gives_up": 5})
        seen = await by_winrm(target, client, lambda _: None)

    assert seen.outcome == "fails"
    assert seen.said.startswith("WinRM connection err: ")
