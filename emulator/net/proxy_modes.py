"""How a proxy VM hears from its client where to connect: by CONNECT or by SOCKS 5; and how a client says it.

What Image Builder's proxy VM speaks is documented nowhere; the log of MicrosoftDocs/azure-docs#84627 has the build
VM's own address in Packer's URL, as with a proxy that is told its target (azure.md 1.2): a switch, `proxy_mode`.
"""

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import Literal

from emulator.errors import PeerError
from emulator.net.hop_header import exactly
from emulator.wire import http_connect, socks5

PATIENCE = 60.0
"""Emulated seconds for a client to say what it wants."""
Told = Literal["http-connect", "socks5"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for, and what it hears: granted, refused by the target, or no answer from there."""

    host: str
    port: int
    granted: bytes
    refused: bytes
    silent: bytes


async def asked(mode: Told, connection: socket.socket, *, seconds: float) -> Asked:
    """What a client wants, from its first bytes and not one more; `seconds` are real.

    Raises:
        PeerError: it said something else, which it has been told by then, or nothing in time.
        OSError: it is gone.
    """
    try:
        async with asyncio.timeout(seconds):
            return await (_by_connect(connection) if mode == "http-connect" else _by_socks(connection))
    except TimeoutError:
        raise PeerError(f"the client named no target by {mode} within {seconds:g} s") from None


async def _by_connect(connection: socket.socket) -> Asked:
    try:
        host, port = http_connect.parse(await _head(connection))
    except PeerError:
        _say(connection, http_connect.reply(400))
        raise
    return Asked(host, port, *(http_connect.reply(each) for each in (200, 503, 504)))


async def _head(connection: socket.socket) -> bytes:
    """Everything up to the empty line."""
    head = b""
    while not head.endswith(http_connect.END):
        if len(head) >= http_connect.MAX_HEAD_BYTES:
            raise PeerError(f"a request of more than {http_connect.MAX_HEAD_BYTES} bytes")
        head += await exactly(connection, 1, "request")
    return head


async def _by_socks(connection: socket.socket) -> Asked:
    loop = asyncio.get_running_loop()
    count = socks5.methods(await exactly(connection, socks5.GREETING_BYTES, "SOCKS 5 greeting"))
    answer = socks5.chosen(await exactly(connection, count, "SOCKS 5 greeting"))
    await loop.sock_sendall(connection, answer)
    start = await exactly(connection, socks5.REQUEST_BYTES, "SOCKS 5 request")
    try:
        whole = start + await exactly(connection, socks5.rest(start), "SOCKS 5 request")
        host, port = socks5.parse(whole)
    except PeerError:
        _say(connection, socks5.reply(socks5.NOT_SUPPORTED))
        raise
    codes = (socks5.GRANTED, socks5.REFUSED, socks5.HOST_UNREACHABLE)
    return Asked(host, port, *(socks5.reply(each) for each in codes))


def _say(connection: socket.socket, last: bytes) -> None:
    """A last word; whoever does not take it at once goes without."""
    with contextlib.suppress(OSError):
        connection.send(last)


async def ask(mode: Told, connection: socket.socket, host: str, port: int) -> None:
    """A client's part: have the proxy connect to a target.

    Raises:
        PeerError: it did not.
        OSError: it is gone.
    """
    loop = asyncio.get_running_loop()
    if mode == "http-connect":
        await loop.sock_sendall(connection, http_connect.request(host, port))
        status = http_connect.status(await _head(connection))
        if status != 200:
            raise PeerError(f"the proxy answered {status} to CONNECT {host}:{port}")
        return
    await loop.sock_sendall(connection, socks5.greeting())
    await exactly(connection, 2, "SOCKS 5 greeting")
    await loop.sock_sendall(connection, socks5.request(host, port))
    code = socks5.code(await exactly(connection, socks5.ANSWER_BYTES, "SOCKS 5 answer"))
    if code != socks5.GRANTED:
        raise PeerError(f"the proxy answered {code} to a SOCKS 5 request for {host}:{port}")
