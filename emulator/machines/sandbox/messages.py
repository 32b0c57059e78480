"""One JSON object a packet, with descriptors, between the host side and the guest's PID 1.

Each side bounds what it takes; the host side treats what comes from the guest as hostile.
"""

import contextlib
import json
import os
import socket

MAX_BYTES = 256 * 1024
"""The longest message; a command line cannot be longer than half of it (MAX_ARG_STRLEN)."""
MAX_DESCRIPTORS = 3

HOST_ID = 0x70000000
"""The first of the machine's user and group ids that stand for the guest's: just above systemd's container range."""
ID_COUNT = 65536

Message = dict[str, object]


class LostDescriptorsError(ValueError):
    """A message came without its descriptors: this process has no room for them, and they are closed."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Both ends of a control connection, which keeps messages apart."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * MAX_BYTES)
    return ends


def send(control: socket.socket, message: Message, descriptors: tuple[int, ...] = ()) -> None:
    """Send one message.

    Raises:
        OSError: the other end is gone, or (not blocking) has no room.
        ValueError: it is too long.
    """
    data = json.dumps(message).encode()
    if len(data) > MAX_BYTES:
        raise ValueError(f"a message of {len(data)} bytes is longer than {MAX_BYTES}")
    if descriptors:
        socket.send_fds(control, [data], list(descriptors))
    else:
        control.send(data)


def receive(control: socket.socket) -> tuple[Message, list[int]]:
    """The next message and its descriptors, which are the caller's to close; an empty one at the end.

    Raises:
        OSError: the other end is gone, or (not blocking) nothing is there.
        LostDescriptorsError: there is no room for its descriptors, or there are too many.
        ValueError: it is not a message.
    """
    data, descriptors, flags, _ = socket.recv_fds(control, MAX_BYTES, MAX_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
    if flags & socket.MSG_CTRUNC:
        close(descriptors)
        raise LostDescriptorsError("a message came without its descriptors")
    try:
        if flags & socket.MSG_TRUNC:
            raise ValueError("a message was cut off")  # noqa: TRY301 - one way out, which closes the descriptors
        message = json.loads(data) if data else {}
        if not isinstance(message, dict):
            raise ValueError("a message is not an object")  # noqa: TRY004, TRY301 - one kind of error for a bad peer
    except (ValueError, RecursionError) as error:
        close(descriptors)
        raise ValueError(str(error)) from None
    return message, descriptors


def close(descriptors: list[int] | tuple[int, ...]) -> None:
    """Close them all."""
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)
