"""Interfaces, addresses, routes and routing rules of this network namespace, by rtnetlink (linux/rtnetlink.h).

No `ip` program is needed for it, and none is asked what it understands.
"""

import os
import socket
import struct
from dataclasses import dataclass

IFF_UP, IFF_NOARP = 0x1, 0x80
NLM_F_REQUEST, NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL = 0x1, 0x4, 0x400, 0x200
NEWLINK, SETLINK, NEWADDR, NEWROUTE, NEWRULE, DELRULE = 16, 19, 20, 24, 32, 33
IFLA_ADDRESS, IFLA_IFNAME, IFLA_LINKINFO, IFLA_AF_SPEC, IFLA_NET_NS_FD = 1, 3, 18, 26, 28
IFLA_INFO_KIND, IFLA_INFO_DATA, VETH_INFO_PEER = 1, 2, 1
IFLA_INET_CONF, IPV4_DEVCONF_FORWARDING = 1, 1
IFLA_INET6_ADDR_GEN_MODE, GEN_MODE_NONE = 8, b"\1"
IFA_ADDRESS, IFA_LOCAL = 1, 2
RTA_DST, RTA_OIF, RTA_GATEWAY = 1, 4, 5
MAIN, SCOPE_UNIVERSE, SCOPE_LINK, SCOPE_HOST = 254, 0, 253, 254
UNICAST, LOCAL, STATIC = 1, 2, 4
FRA_DST, FRA_SRC, FRA_PRIORITY, FRA_IP_PROTO, FRA_SPORT_RANGE, FRA_DPORT_RANGE = 1, 2, 6, 22, 23, 24
TO_TABLE = 1
ANSWER_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Match:
    """Packets that a routing rule is for: to an address and port, of a protocol, from somebody (none: anybody)."""

    protocol: int
    address: str
    port: int
    source: str = ""
    source_port: int = 0


class Netlink:
    """A door to the network namespace that this process is in when it is made."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._last = 0

    def close(self) -> None:
        """Ask no more."""
        self._socket.close()

    def add_pair(self, name: str, mac: bytes, namespace: int) -> None:
        """Make two interfaces that are each other's far end: one here, the other in a namespace, both of that name.

        They have one MAC address: with ARP off, a packet for anybody is then for whoever is at the other end.

        Raises:
            OSError: the kernel does not let us, or has no such interfaces.
        """
        both = attribute(IFLA_IFNAME, name.encode() + b"\0") + attribute(IFLA_ADDRESS, mac)
        peer = _link() + both + attribute(IFLA_NET_NS_FD, struct.pack("=I", namespace))
        data = attribute(IFLA_INFO_DATA, attribute(VETH_INFO_PEER, peer))
        kind = attribute(IFLA_INFO_KIND, b"veth")
        self._ask(NEWLINK, _link() + both + attribute(IFLA_LINKINFO, kind + data), NLM_F_CREATE | NLM_F_EXCL)

    def raise_link(self, name: str) -> None:
        """Bring an interface up: without ARP, without an IPv6 address, and forwarding nothing.

        Raises:
            OSError: the kernel does not let us.
        """
        flags = IFF_UP | IFF_NOARP
        forwarding = attribute(IPV4_DEVCONF_FORWARDING, struct.pack("=I", 0))
        ipv4 = attribute(socket.AF_INET, attribute(IFLA_INET_CONF, forwarding))
        ipv6 = attribute(socket.AF_INET6, attribute(IFLA_INET6_ADDR_GEN_MODE, GEN_MODE_NONE))
        index = socket.if_nametoindex(name)
        self._ask(SETLINK, _link(index, flags) + attribute(IFLA_AF_SPEC, ipv4))
        if socket.has_ipv6 and os.path.exists("/proc/sys/net/ipv6"):  # noqa: PTH110 - no pathlib at a guest's start
            self._ask(SETLINK, _link(index, 0) + attribute(IFLA_AF_SPEC, ipv6))

    def add_address(self, name: str, address: str, prefix_length: int) -> None:
        """Give an interface an address in its network.

        Raises:
            OSError: the kernel does not let us.
        """
        header = struct.pack("=BBBBi", socket.AF_INET, prefix_length, 0, SCOPE_UNIVERSE, socket.if_nametoindex(name))
        place = socket.inet_aton(address)
        self._ask(NEWADDR, header + attribute(IFA_LOCAL, place) + attribute(IFA_ADDRESS, place), NLM_F_CREATE)

    def add_route(self, name: str, *, to: str = "", gateway: str = "") -> None:
        """Send what is for an address (none: for everybody) out of an interface, to a gateway if there is one.

        Raises:
            OSError: the kernel does not let us.
        """
        scope = SCOPE_UNIVERSE if gateway else SCOPE_LINK
        header = _route(32 if to else 0, MAIN, scope, UNICAST)
        ends = attribute(RTA_DST, socket.inet_aton(to)) if to else b""
        ends += attribute(RTA_GATEWAY, socket.inet_aton(gateway)) if gateway else b""
        self._ask(NEWROUTE, header + ends + _out_of(name), NLM_F_CREATE)

    def add_own_everything(self, table: int) -> None:
        """Have a routing table in which every address is this machine's own.

        Raises:
            OSError: the kernel does not let us.
        """
        self._ask(NEWROUTE, _route(0, table, SCOPE_HOST, LOCAL) + _out_of("lo"), NLM_F_CREATE)

    def add_rule(self, match: Match, table: int) -> None:
        """Route what matches by a table of its own.

        Raises:
            OSError: the kernel does not let us, or has the rule already.
        """
        self._ask(NEWRULE, _rule(match, table), NLM_F_CREATE | NLM_F_EXCL)

    def remove_rule(self, match: Match, table: int) -> None:
        """Route what matches as anything else.

        Raises:
            OSError: there is no such rule.
        """
        self._ask(DELRULE, _rule(match, table))

    def _ask(self, kind: int, body: bytes, flags: int = 0) -> None:
        self._last += 1
        wanted = NLM_F_REQUEST | NLM_F_ACK | flags
        self._socket.send(struct.pack("=IHHII", 16 + len(body), kind, wanted, self._last, 0) + body)
        answer = self._socket.recv(ANSWER_BYTES)
        number = -struct.unpack_from("=i", answer, 16)[0]
        if number:
            raise OSError(number, os.strerror(number))


def attribute(kind: int, value: bytes) -> bytes:
    """An attribute of a message, padded to four bytes."""
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def _link(index: int = 0, flags: int = 0) -> bytes:
    return struct.pack("=BxHiII", 0, 0, index, flags, flags)


def _route(prefix_length: int, table: int, scope: int, kind: int) -> bytes:
    return struct.pack("=BBBBBBBBI", socket.AF_INET, prefix_length, 0, 0, table, STATIC, scope, kind, 0)


def _out_of(name: str) -> bytes:
    return attribute(RTA_OIF, struct.pack("=i", socket.if_nametoindex(name)))


def _rule(match: Match, table: int) -> bytes:
    source_length = 32 if match.source else 0
    header = struct.pack("=BBBBBBBBI", socket.AF_INET, 32, source_length, 0, table, 0, 0, TO_TABLE, 0)
    fields = attribute(FRA_DST, socket.inet_aton(match.address))
    fields += attribute(FRA_SRC, socket.inet_aton(match.source)) if match.source else b""
    fields += attribute(FRA_PRIORITY, struct.pack("=I", 1000)) + attribute(FRA_IP_PROTO, bytes([match.protocol]))
    if match.source_port:
        fields += attribute(FRA_SPORT_RANGE, struct.pack("=HH", match.source_port, match.source_port))
    return header + fields + attribute(FRA_DPORT_RANGE, struct.pack("=HH", match.port, match.port))
