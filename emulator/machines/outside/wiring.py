"""Make a guest's interface, and the namespace at its other end."""

import contextlib
import ctypes
import os
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from emulator.machines.outside.packets import ETH_P_IP, FILTER
from emulator.machines.outside.rtnetlink import Match, Netlink
from emulator.machines.outside.wish import Wish
from emulator.machines.sandbox import syscalls

NAME = "eth0"
DNS_PORT = 53
TABLE = 60
"""Our routing table in the namespace between."""
SO_ATTACH_FILTER = 26
INSTRUCTION_BYTES = 8
IP_TRANSPARENT = 19
PACKET_HOST = 0
PACKET_BYTES = 2048


class Line:
    """The way out of guests, held by whoever answers for the world beyond it.

    Attributes:
        netlink: of the namespace in which it is answered.
        seen: gives each first packet of a connection, without its link header.
        resolvers: sockets at which questions for names arrive, by address.
    """

    def __init__(self, netlink: Netlink, name: str, inwards: socket.socket, mac: bytes) -> None:
        self.netlink = netlink
        self.seen = packet_socket(name, FILTER)
        self.resolvers: dict[str, socket.socket] = {}
        self._inwards = inwards
        self._mac = mac
        self._back = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.IPPROTO_RAW)

    def next(self) -> bytes:
        """The next first packet that came to us; empty for one that was another's, or left."""
        packet, (_, _, kind, *_) = self.seen.recvfrom(PACKET_BYTES)
        return packet if kind == PACKET_HOST else b""

    def again(self, packet: bytes) -> None:
        """Have a packet received once more, as if the guest had sent it again."""
        name, *_ = self._inwards.getsockname()
        self._inwards.sendto(packet, (name, ETH_P_IP, 0, 0, self._mac))

    def answer(self, packet: bytes) -> None:
        """Send a packet to the guest that is its destination."""
        self._back.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))

    def resolve(self, addresses: Sequence[str]) -> None:
        """Be the resolvers at these addresses.

        Raises:
            OSError: the kernel does not let us.
        """
        self.netlink.add_own_everything(TABLE)
        for address in addresses:
            self.netlink.add_rule(Match(socket.IPPROTO_UDP, address, DNS_PORT), TABLE)
            self.resolvers[address] = _bound(socket.SOCK_DGRAM, address, DNS_PORT)


@dataclass(frozen=True, slots=True)
class Wires:
    """A guest's interface, seen from its own namespace: the namespace at the other end, and a socket towards it."""

    wish: Wish
    between: int
    inwards: socket.socket

    def close(self) -> None:
        """Hold them no more."""
        os.close(self.between)
        self.inwards.close()


def wired(wish: Wish) -> Wires:
    """Leave this process in the guest's namespace, with its interface up.

    Raises:
        OSError: a step failed; the guest's namespace has no more than what was made till then.
    """
    between = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    syscalls.unshare(syscalls.CLONE_NEWNET)
    netlink = Netlink()
    try:
        netlink.add_pair(NAME, bytes.fromhex(wish.mac), between)
        netlink.raise_link(NAME)
        netlink.add_address(NAME, wish.address, wish.prefix_length)
        netlink.add_route(NAME, gateway=wish.gateway)
        return Wires(wish, between, packet_socket(NAME))
    finally:
        netlink.close()


def line(wires: Wires) -> Line:
    """Leave this process in the namespace between, where nothing is forwarded.

    Raises:
        OSError: a step failed.
    """
    wish = wires.wish
    syscalls.setns(wires.between, syscalls.CLONE_NEWNET)
    netlink = Netlink()
    netlink.raise_link(NAME)  # before any socket for its packets, which would hear that it is down
    syscalls.raise_loopback()
    netlink.add_route(NAME, to=wish.address)
    found = Line(netlink, NAME, wires.inwards, bytes.fromhex(wish.mac))
    found.resolve(wish.resolvers)
    return found


def routed(name: str, router: str, resolvers: Sequence[str]) -> Line:
    """Be the router of the network at an interface, by a further address, where nothing is forwarded.

    A packet is received once more at loopback: reverse path filters must let it in (rp_filter 0).

    Raises:
        OSError: the kernel does not let us.
    """
    netlink = Netlink()
    with contextlib.suppress(FileExistsError):
        netlink.add_address(name, router, 32)
    found = Line(netlink, name, packet_socket("lo"), bytes(6))
    found.resolve(resolvers)
    return found


def packet_socket(name: str, program: bytes = b"") -> socket.socket:
    """A socket for packets of an interface, without their link headers: those a filter lets in; else none, to send.

    Raises:
        OSError: the kernel does not let us.
    """
    found = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0)
    if program:
        held = ctypes.create_string_buffer(program)
        value = struct.pack("HP", len(program) // INSTRUCTION_BYTES, ctypes.addressof(held))
        found.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, value)
    found.bind((name, ETH_P_IP if program else 0))
    return found


def listener(address: str, port: int) -> socket.socket:
    """A socket that listens in somebody else's name.

    Raises:
        OSError: the kernel does not let us.
    """
    found = _bound(socket.SOCK_STREAM, address, port)
    found.listen(1024)
    return found


def _bound(kind: int, address: str, port: int) -> socket.socket:
    found = socket.socket(socket.AF_INET, kind | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.setsockopt(socket.IPPROTO_IP, IP_TRANSPARENT, 1)
    found.bind((address, port))
    return found
