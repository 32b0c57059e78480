"""Dials addresses from inside a container: `python3 - [--via GATEWAY] HOST:PORT…`, outcomes as JSON.

An outcome is what was said there, or, in angle brackets, what happened instead. It runs where nothing but Python's
standard library is.
"""

import concurrent.futures
import fcntl
import json
import socket
import struct
import sys

PATIENCE = 1.5
SIOCADDRT = 0x890B
RTF_UP_GATEWAY_HOST = 0x1 | 0x2 | 0x4


def dial(target: str, patience: float = PATIENCE) -> str:
    """How a dial of HOST:PORT ends."""
    host, _, port = target.rpartition(":")
    try:
        address = socket.gethostbyname(host)
    except OSError:
        return "<no name>"
    try:
        connection = socket.create_connection((address, int(port)), timeout=patience)
    except TimeoutError:
        return "<silent>"
    except ConnectionRefusedError:
        return "<refused>"
    except OSError:
        return "<unreachable>"
    return heard(connection)


def heard(connection: socket.socket) -> str:
    """The first words on a connection."""
    with connection:
        try:
            return connection.recv(200).decode(errors="replace").strip() or "<closed>"
        except OSError:
            return "<connected>"


def route(host: str, gateway: str) -> None:
    """Reach a host by a gateway (SIOCADDRT with Linux's struct rtentry)."""

    def address(text: str) -> bytes:
        return struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(text))

    places = address(host) + address(gateway) + address("255.255.255.255")
    entry = struct.pack("@L48sH", 0, places, RTF_UP_GATEWAY_HOST).ljust(128, b"\0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCADDRT, entry)


def main(arguments: list[str]) -> None:
    """Dial every target at once."""
    if arguments[0] == "--via":
        _, gateway, *arguments = arguments
        for host in {target.rpartition(":")[0] for target in arguments}:
            route(host, gateway)
    with concurrent.futures.ThreadPoolExecutor(len(arguments)) as pool:
        print(json.dumps(dict(zip(arguments, pool.map(dial, arguments), strict=True))))


if __name__ == "__main__":
    main(sys.argv[1:])
