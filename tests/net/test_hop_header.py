"""A hop header arrives whole and alone, or the peer is at fault."""

import asyncio
import socket
import struct
from ipaddress import IPv4Address

import pytest

from emulator.errors import PeerError
from emulator.net import hop_header
from emulator.wire import hop, link_header, proxy_v2
from emulator.wire.hop import HopHeader
from emulator.wire.proxy_v2 import Addresses, Header
from tests.net.conftest import Run
from tests.net.tcp import exactly, pair

pytestmark = pytest.mark.network

KEY = bytes(32)
SAID = HopHeader("0123456789abcdef", Addresses(IPv4Address("10.61.0.4"), 50000, IPv4Address("10.60.0.7"), 60001))


def test_arrives_alone(run: Run) -> None:
    """The header is read and not a byte of what follows."""

    async def body() -> None:
        with pair() as (dialled, accepted):
            hop_header.send(dialled, SAID, KEY)
            dialled.send(b"SSH-2.0-client")

            assert await hop_header.receive(accepted, KEY) == SAID
            assert await exactly(accepted, 14) == b"SSH-2.0-client"

    run(body())


def test_arrives_in_pieces(run: Run) -> None:
    """Every byte may come alone."""

    async def body() -> None:
        with pair() as (dialled, accepted):
            dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(hop_header.receive(accepted, KEY))
                for byte in hop.seal(SAID, hop_header.outgoing(dialled), KEY):
                    dialled.send(bytes([byte]))
                    await asyncio.sleep(0)

            assert reading.result() == SAID

    run(body())


def test_both_ends_name_the_same_transport(run: Run) -> None:
    """What the dialling end signs is what the accepting end sees."""

    async def body() -> None:
        with pair() as (dialled, accepted):
            assert hop_header.outgoing(dialled) == hop_header.incoming(accepted)

    run(body())


@pytest.mark.parametrize("sent", [link_header.of_probe(), b"GET /up HTTP/1.1\r\n\r\n", b"\x16\x03\x01" + bytes(20)])
def test_a_probe_is_known_where_no_source_tells_it(run: Run, sent: bytes) -> None:
    """Private link's LOCAL header, a request by Http and a hello of TLS are a probe's, not a forger's."""

    async def body() -> None:
        with pair() as (dialled, accepted):
            dialled.send(sent)
            with pytest.raises(hop_header.ProbeError, match="what a health probe begins with"):
                await hop_header.receive(accepted, KEY)

    run(body())


def too_long() -> bytes:
    """The start of a header that claims 60,000 bytes."""
    return proxy_v2.SIGNATURE + b"\x21\x11" + struct.pack("!H", 60000)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", "expected a PROXY v2 header", id="another protocol"),
        pytest.param(b"", "ended within", id="nothing"),
        pytest.param(proxy_v2.SIGNATURE, "ended within", id="cut short"),
        pytest.param(too_long(), "longer than 512", id="too long"),
        pytest.param(proxy_v2.encode(Header(SAID.addresses)), "no addresses, flow or proof", id="not sealed"),
    ],
)
def test_garbage_is_the_peers_fault(run: Run, sent: bytes, said: str) -> None:
    """Whatever else comes is a PeerError with a sentence, at once."""

    async def body() -> None:
        with pair() as (dialled, accepted):
            dialled.send(sent)
            dialled.shutdown(socket.SHUT_WR)
            with pytest.raises(PeerError, match=said):
                await hop_header.receive(accepted, KEY)

    run(body())


def test_a_replayed_header_is_forged(run: Run) -> None:
    """A header taken from one connection is refused on another."""

    async def body() -> None:
        with pair() as (dialled, _), pair() as (thief, accepted):
            thief.send(hop.seal(SAID, hop_header.outgoing(dialled), KEY))
            with pytest.raises(PeerError, match="forged"):
                await hop_header.receive(accepted, KEY)

    run(body())


def test_silence_has_an_end(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that says nothing is not waited for without end."""
    monkeypatch.setattr(hop_header, "PATIENCE", 0.05)

    async def body() -> None:
        with pair() as (_dialled, accepted):
            with pytest.raises(PeerError, match=r"no hop header within 0\.05 s"):
                await hop_header.receive(accepted, KEY)
            assert not asyncio.get_running_loop().remove_reader(accepted.fileno())

    run(body())
