"""Connect to an address, from a chosen one, within a time limit; a failure is a value."""

import asyncio
import errno
import os
import socket
import sys
from dataclasses import dataclass, replace
from typing import Literal

IP_BIND_ADDRESS_NO_PORT = 24
"""Let the kernel choose the port when it knows the destination; else each source has one port range for all."""
REFUSALS = frozenset({errno.ECONNREFUSED, errno.ECONNRESET})


@dataclass(frozen=True, slots=True)
class DialFailure:
    """Why there is no connection.

    Attributes:
        kind: `refused` (RST), `timeout` (no answer), or `unreachable` (this machine has no way or no such source).
        sentence: for a person.
    """

    kind: Literal["refused", "timeout", "unreachable"]
    sentence: str

    def of(self, hop: str) -> "DialFailure":
        """The failure, whose sentence names the hop that was dialled."""
        return replace(self, sentence=f"{hop} at {self.sentence}")


def bound_for(destination: tuple[str, int]) -> socket.socket:
    """A socket that has its source port before it dials a destination; `dial` closes it, or hands it back."""
    found = _unbound(destination)
    found.bind(("::" if found.family is socket.AF_INET6 else "0.0.0.0", 0))
    return found


async def dial(
    source: str | None, destination: tuple[str, int], *, seconds: float, bound: socket.socket | None = None
) -> socket.socket | DialFailure:
    """A connected, non-blocking socket from the address `source` (None: any), or why there is none.

    `seconds` are real ones. The caller closes the socket. With `bound` it is that one, of `bound_for`.
    """
    try:
        dialled = bound or _unbound(destination)
    except OSError as error:  # no descriptor left, which befalls one connection and must not end the others
        return _failure(error.errno or errno.EMFILE, source, destination)
    try:
        number = _begin(dialled, source, destination)
        if number == errno.EINPROGRESS:
            async with asyncio.timeout(seconds):
                number = await _answer(dialled)
    except TimeoutError:
        dialled.close()
        return DialFailure("timeout", f"{_name(destination)} did not answer within {seconds:.3g} s")
    except BaseException:  # cancelled: nobody else knows this socket
        dialled.close()
        raise
    if number:
        dialled.close()
        return _failure(number, source, destination)
    return dialled


def dial_at_once(source: str | None, destination: tuple[str, int]) -> socket.socket | None:
    """As `dial`, where the answer is there at once, as over loopback; None where it is not, or there is no way."""
    try:
        dialled = _unbound(destination)
    except OSError:
        return None
    if _begin(dialled, source, destination):
        dialled.close()
        return None
    return dialled


def _unbound(destination: tuple[str, int]) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in destination[0] else socket.AF_INET, socket.SOCK_STREAM)


def _begin(dialled: socket.socket, source: str | None, destination: tuple[str, int]) -> int:
    """The error number, 0 for success; EINPROGRESS while there is no answer."""
    dialled.setblocking(False)
    dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if source is not None:
        if sys.platform == "linux":
            dialled.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        try:
            dialled.bind((source, 0))
        except OSError as error:
            return error.errno or errno.EADDRNOTAVAIL
    number = dialled.connect_ex(destination)
    # Over loopback the answer is there already; waiting for it would cost a turn of the loop.
    return 0 if number == errno.EINPROGRESS and _is_connected(dialled) else number


async def _answer(dialled: socket.socket) -> int:
    loop = asyncio.get_running_loop()
    answered = asyncio.Event()
    loop.add_writer(dialled.fileno(), answered.set)
    try:
        await answered.wait()
    finally:
        loop.remove_writer(dialled.fileno())
    return dialled.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def _is_connected(dialled: socket.socket) -> bool:
    try:
        dialled.getpeername()
    except OSError:
        return False
    return True


def _failure(number: int, source: str | None, destination: tuple[str, int]) -> DialFailure:
    if number in REFUSALS:
        return DialFailure("refused", f"{_name(destination)} refused the connection")
    if number == errno.ETIMEDOUT:
        return DialFailure("timeout", f"{_name(destination)} did not answer until the system gave up")
    if number == errno.EHOSTUNREACH:  # nobody on our network knows that machine; in Azure it would just be silent
        return DialFailure("timeout", f"{_name(destination)} did not answer, and no neighbour has its address")
    way = f" from {source}" if source else ""
    return DialFailure("unreachable", f"{_name(destination)} cannot be reached{way}: {os.strerror(number)}")


def _name(destination: tuple[str, int]) -> str:
    return f"{destination[0]}:{destination[1]}"
