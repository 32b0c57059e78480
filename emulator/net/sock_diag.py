"""Ask the kernel of one TCP socket of this machine (more exactly, of this network namespace): sock_diag(7)."""

import socket
import struct
import sys

NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST = 4, 20, 1
HEADER = struct.Struct("=IHHII")
"""nlmsghdr: length, type, flags, sequence, port."""
ANY_COOKIE = b"\xff" * 8
INODE_AT = HEADER.size + 68
"""idiag_inode, the last word of inet_diag_msg (linux/inet_diag.h)."""
ALL_STATES = 0xFFFFFFFF

End = tuple[str, int]


def is_held(local: End, remote: End) -> bool:
    """Whether some process here holds the TCP socket with these ends; false if it is gone or orphaned by `close`."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as kernel:
            kernel.send(_question(local, remote))
            answer = kernel.recv(8192)
    except OSError:  # a kernel without sock_diag
        return False
    if HEADER.unpack_from(answer)[1] != SOCK_DIAG_BY_FAMILY:
        return False  # an error: ENOENT
    return bool(struct.unpack_from("=I", answer, INODE_AT)[0])


def _question(local: End, remote: End) -> bytes:
    """inet_diag_req_v2 for one socket."""
    ports = struct.pack("!HH", local[1], remote[1])
    addresses = socket.inet_aton(local[0]).ljust(16, b"\0") + socket.inet_aton(remote[0]).ljust(16, b"\0")
    wanted = struct.pack("=BBBxI", socket.AF_INET, socket.IPPROTO_TCP, 0, ALL_STATES)
    body = wanted + ports + addresses + struct.pack("=I", 0) + ANY_COOKIE
    return HEADER.pack(HEADER.size + len(body), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 1, 0) + body
