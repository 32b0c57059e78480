"""The router of a real network: `python -m emulator.machines.outside.router OUTLET OWN ROUTER [RESOLVER…]`.

It runs on the machine that has the address OWN on that network, takes ROUTER as one more, and answers connections
that lead out as whoever is at the other end of OUTLET decides. It needs NET_ADMIN and NET_RAW, and ends with OUTLET.
"""

import contextlib
import fcntl
import socket
import struct
import sys

from emulator.errors import UnavailableError
from emulator.machines.outside import wiring
from emulator.machines.outside.switchboard import Switchboard
from emulator.machines.sandbox import messages

SIOCGIFADDR = 0x8915


def main(arguments: list[str]) -> None:
    """Route until nobody decides any more; what is missing is told through the outlet."""
    descriptor, own, router, *resolvers = arguments
    with socket.socket(fileno=int(descriptor)) as outlet:
        outlet.set_inheritable(False)
        try:
            line = wiring.routed(interface_of(own), router, resolvers)
            Switchboard(line, outlet).run()
        except (OSError, UnavailableError) as error:
            with contextlib.suppress(OSError):  # nobody listens any more
                why = error.strerror if isinstance(error, OSError) else str(error)
                messages.send(outlet, {"lost": f"route for the build's network: {why}"})


def interface_of(address: str) -> str:
    """The interface that has an address of this machine.

    Raises:
        UnavailableError: none has it.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        for _, name in socket.if_nameindex():
            with contextlib.suppress(OSError):  # one without an IPv4 address
                answer = fcntl.ioctl(handle, SIOCGIFADDR, struct.pack("16s24x", name.encode()))
                if socket.inet_ntoa(answer[20:24]) == address:
                    return name
    raise UnavailableError(f"no interface has the address {address}")


if __name__ == "__main__":
    main(sys.argv[1:])
