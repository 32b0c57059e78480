"""The system calls that Python 3.11 has no name for, each raising `OSError` as `os` does."""

import ctypes
import fcntl
import os
import platform
import signal
import socket
import struct

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
CAP_VERSION_3 = 0x20080522
CAP_LAST = 63

KEYCTL_NUMBER = {"x86_64": 250, "aarch64": 219}
KEYCTL_JOIN_SESSION_KEYRING = 1
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 1

libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def unshare(flags: int) -> None:
    """Enter new namespaces."""
    _checked(libc.unshare(flags), f"unshare {flags:#x}")


def setns(namespace: int, kind: int) -> None:
    """Enter a namespace that a descriptor stands for."""
    _checked(libc.setns(namespace, kind), f"setns {kind:#x}")


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    """Mount `source` of type `kind` on `target`."""
    arguments = (source.encode(), target.encode(), kind.encode() if kind else None)
    result = libc.mount(*arguments, ctypes.c_ulong(flags), options.encode() or None)
    _checked(result, f"mount {kind or 'bind'} on {target}")


def unmount(target: str) -> None:
    """Detach a mount and all below it."""
    _checked(libc.umount2(target.encode(), MNT_DETACH), f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root of this mount namespace; the former root is then mounted on `old`."""
    _checked(libc.pivot_root(new.encode(), old.encode()), "pivot_root")


def prctl(option: int, value: int) -> None:
    """Set one attribute of this process."""
    zero = ctypes.c_ulong(0)
    _checked(libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero), f"prctl {option}")


def die_with_parent(parent: int, by: signal.Signals = signal.SIGKILL) -> None:
    """Be sent a signal when the process `parent`, which started this one, ends."""
    prctl(PR_SET_PDEATHSIG, by)
    if os.getppid() not in {parent, 0}:  # 0: the parent lives outside our process namespace
        os._exit(1)


def new_session_keyring() -> None:
    """Leave the session keyring that was inherited."""
    number = KEYCTL_NUMBER.get(platform.machine())
    if number is not None:
        _checked(libc.syscall(number, KEYCTL_JOIN_SESSION_KEYRING, None, 0, 0, 0), "keyctl")


def keep_capabilities(kept: frozenset[int]) -> None:
    """Give up every capability but `kept`, for this process and all it will start."""
    for capability in range(CAP_LAST + 1):
        if capability not in kept and libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            if ctypes.get_errno() == 22:  # past the last one this kernel knows
                break
            _checked(-1, "prctl PR_CAPBSET_DROP")
    mask = sum(1 << capability for capability in kept)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = struct.pack("=Ii", CAP_VERSION_3, 0)
    _checked(libc.capset(header, struct.pack("=6I", low, low, 0, high, high, 0)), "capset")


def raise_loopback() -> None:
    """Bring up `lo` in this network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        request = bytearray(struct.pack("16sh22x", b"lo", 0))
        fcntl.ioctl(handle, SIOCGIFFLAGS, request)
        flags = struct.unpack_from("h", request, 16)[0] | IFF_UP
        fcntl.ioctl(handle, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags))
