"""Private link's PROXY v2 on real connections: between our hops, and with HAProxy in either place."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from emulator.errors import PeerError
from emulator.model.flow import Flow
from emulator.net import link_header
from emulator.net.hop_header import CutShortError
from emulator.rules.path import client_flow
from emulator.wire import link_header as wire
from emulator.wire import proxy_v2
from emulator.wire.proxy_v2 import UNIQUE_ID, Addresses, Header
from tests.haproxy import haproxy, needs_haproxy
from tests.net.conftest import Run
from tests.net.tcp import pair, received
from tests.rules.test_link_header import linked

pytestmark = pytest.mark.network
ENDS = Addresses(IPv4Address("10.61.0.4"), 50000, IPv4Address("10.61.0.5"), 60001)
CRC32C = 0x03


def test_what_private_link_sends() -> None:
    """The client's addresses and the connection's LINKID before a connection, LOCAL before a probe; else nothing."""
    found, plain = linked(sent=True, read=True), linked(sent=False, read=False)
    flow = client_flow(found, "linux", 50000)

    assert flow == Flow(ENDS.source, 50000, ENDS.destination, 60001)
    assert link_header.before_connection(found, flow) == wire.of_connection(ENDS, 1)
    assert link_header.before_probe(found) == wire.of_probe()
    assert link_header.before_connection(plain, flow) == link_header.before_probe(plain) == b""


def test_not_a_byte_more_is_read(run: Run) -> None:
    """The header is read in however many pieces it comes, and what follows it stays."""

    async def body() -> None:
        with pair() as (client, server):
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(link_header.receive(server, seconds=10))
                for byte in wire.of_connection(ENDS, 9):
                    await asyncio.get_running_loop().sock_sendall(client, bytes([byte]))
                await asyncio.get_running_loop().sock_sendall(client, b"SSH-2.0-x")
            header, link = reading.result()
            assert (header.addresses, link) == (ENDS, 9)
            assert await asyncio.get_running_loop().sock_recv(server, 100) == b"SSH-2.0-x"

    run(body())


REFUSED = [
    (b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n", "expected a PROXY v2 header, found other bytes"),
    (proxy_v2.SIGNATURE + b"\x21\x11\xff\xff", "a PROXY v2 header of 65535 bytes is longer than 4096"),
    (proxy_v2.SIGNATURE + b"\x21\x21\x00\x00", "is not TCP over IPv4"),
]


@pytest.mark.parametrize(("sent", "message"), REFUSED)
def test_what_is_no_header(run: Run, sent: bytes, message: str) -> None:
    """Other bytes, and a header that is too long, are refused at once."""

    async def body() -> None:
        with pair() as (client, server):
            client.send(sent)
            with pytest.raises(PeerError, match=message):
                await link_header.receive(server, seconds=10)

    run(body())


def test_silence_and_an_early_end(run: Run) -> None:
    """Who says nothing is given up on; who leaves within the header is told apart from that."""

    async def body() -> None:
        with pair() as (_, server), pytest.raises(PeerError, match=r"no PROXY v2 header within 0\.05 s"):
            await link_header.receive(server, seconds=0.05)
        with pair() as (client, server):
            client.send(proxy_v2.SIGNATURE)
            client.shutdown(socket.SHUT_WR)
            with pytest.raises(CutShortError, match="ended within its PROXY v2 header"):
                await link_header.receive(server, seconds=10)

    run(body())


@contextlib.contextmanager
def listening() -> Iterator[socket.socket]:
    """A listener."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as bound:
        bound.setblocking(False)
        yield bound


@needs_haproxy
async def test_haproxy_reads_what_private_link_writes(tmp_path: Path) -> None:
    """Behind `accept-proxy` HAProxy passes on the client and the TLV that it knows, and skips Azure's."""
    loop = asyncio.get_running_loop()
    data = proxy_v2.encode(Header(ENDS, ((wire.AZURE, b"\x01\x2a\x00\x00\x00"), (UNIQUE_ID, b"flow-1"))))
    passes_on = {"bind": "accept-proxy", "front": "unique-id-format %[fc_pp_unique_id]"}
    with listening() as front, listening() as back:
        options = "send-proxy-v2 proxy-v2-options unique-id,crc32c"
        async with haproxy(tmp_path, front, back.getsockname(), **passes_on, server=options):
            with socket.socket() as client:
                client.setblocking(False)
                await loop.sock_connect(client, front.getsockname())
                await loop.sock_sendall(client, data + b"hello")
                server, _ = await loop.sock_accept(back)
                with server:
                    header, link = await link_header.receive(server, seconds=30)
                    assert await loop.sock_recv(server, 100) == b"hello"

    assert header.addresses == ENDS
    assert (header.tlv(UNIQUE_ID), link) == (b"flow-1", None)
    assert header.tlv(CRC32C) is not None


@needs_haproxy
async def test_haproxy_reads_what_stands_before_a_probe(tmp_path: Path) -> None:
    """LOCAL leaves HAProxy the connection's own addresses."""
    loop = asyncio.get_running_loop()
    with listening() as front, listening() as back:
        async with haproxy(tmp_path, front, back.getsockname(), bind="accept-proxy", server="send-proxy-v2"):
            with socket.socket() as client:
                client.setblocking(False)
                await loop.sock_connect(client, front.getsockname())
                await loop.sock_sendall(client, wire.of_probe() + b"x")
                own = client.getsockname()
                server, _ = await loop.sock_accept(back)
                with server:
                    header, _ = await link_header.receive(server, seconds=30)

    assert header.addresses is not None
    assert (str(header.addresses.source), header.addresses.source_port) == own


@needs_haproxy
async def test_haproxy_refuses_what_has_no_header(tmp_path: Path) -> None:
    """The other way round: a client without the header is closed by `accept-proxy`, as our proxy closes it."""
    loop = asyncio.get_running_loop()
    with listening() as front, listening() as back:
        async with haproxy(tmp_path, front, back.getsockname(), bind="accept-proxy"):
            with socket.socket() as client:
                client.setblocking(False)
                await loop.sock_connect(client, front.getsockname())
                await loop.sock_sendall(client, b"SSH-2.0-OpenSSH_9.2p1\r\n")
                assert (await received(client))[0] == b""
