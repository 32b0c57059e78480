"""The header that our hops send each other: Azure's addresses, the flow's name, and a proof.

It is PROXY v2 with a UNIQUE_ID and an HMAC. The HMAC covers the header and the transport connection it travels
on, so that a header seen on one connection is worth nothing on another. It has nothing to do with Azure's own
`enableProxyProtocol`.
"""

import hashlib
import hmac
from dataclasses import dataclass

from emulator.errors import PeerError
from emulator.wire import proxy_v2
from emulator.wire.proxy_v2 import UNIQUE_ID, Addresses, Header

PROOF = 0xE1
"""A TLV type from the range reserved for applications (0xE0–0xEF); 0xEE is Azure's."""
PROOF_BYTES = 32
KEY_BYTES = 32
MAX_BYTES = 512
"""No header of ours is longer; a longer one is a forgery or an accident."""


@dataclass(frozen=True, slots=True)
class Transport:
    """The TCP connection a header travels on, from the dialling end: local and remote address and port."""

    source: str
    source_port: int
    destination: str
    destination_port: int


@dataclass(frozen=True, slots=True)
class HopHeader:
    """What one hop tells the next about a connection."""

    flow: str
    addresses: Addresses


def seal(header: HopHeader, transport: Transport, key: bytes) -> bytes:
    """The header's bytes, with their proof."""
    flow = (UNIQUE_ID, header.flow.encode())
    bare = proxy_v2.encode(Header(header.addresses, (flow, (PROOF, bytes(PROOF_BYTES)))))
    return bare[:-PROOF_BYTES] + _proof(bare, transport, key)


def unseal(data: bytes, transport: Transport, key: bytes) -> HopHeader:
    """The header in `data`, believed.

    Raises:
        PeerError: it is malformed, or its proof is missing or wrong.
    """
    header = proxy_v2.decode(data)
    flow, proof = header.tlv(UNIQUE_ID), header.tlv(PROOF)
    if header.addresses is None or flow is None or proof is None or not data.endswith(proof):
        raise PeerError("a hop header has no addresses, flow or proof")
    bare = data[:-PROOF_BYTES] + bytes(PROOF_BYTES)
    if not hmac.compare_digest(proof, _proof(bare, transport, key)):
        raise PeerError("a hop header was forged: its proof is wrong")
    return HopHeader(flow.decode("ascii", "replace"), header.addresses)


def _proof(bare: bytes, transport: Transport, key: bytes) -> bytes:
    ends = f"{transport.source}:{transport.source_port}>{transport.destination}:{transport.destination_port}"
    return hmac.digest(key, bare + ends.encode(), hashlib.sha256)
