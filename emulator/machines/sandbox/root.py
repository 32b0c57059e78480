"""Build the guest's root from nothing but an allow-list, enter it, and leave the machine's behind.

One tmpfs bounds everything the guest writes. Over it stand overlays of the machine's program folders. An overlay does
not show what is mounted below its lower folder, and the kernel refuses one that would uncover something hidden; we
never bind a folder, so nothing of the machine comes along with one.
"""

# Plain paths, not pathlib: it costs start-up time, and these are system calls anyway.
# ruff: noqa: PTH101, PTH102, PTH103, PTH106, PTH112, PTH114, PTH115, PTH116, PTH123, PTH211

import contextlib
import os
import stat
from collections.abc import Sequence

from emulator.machines.sandbox import etc
from emulator.machines.sandbox.syscalls import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_REC,
    mount,
    pivot_root,
    unmount,
)

BASE = "/tmp"  # noqa: S108 - a mount point in a mount namespace of our own
NEW = f"{BASE}/root"
LAYERS = f"{BASE}/layers"
PROGRAMS = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
DPKG = "/var/lib/dpkg"
DPKG_EMPTY = ("lock", "lock-frontend", "triggers/Lock", "statoverride")
"""The guest's own: locks that dpkg and apt open to write; files' owners, who are no accounts of the guest's."""
DPKG_COPIED = ("status", "diversions")
"""What dpkg links to before it replaces it, which the kernel allows on one's own files alone."""
DPKG_TRIGGERS = "triggers/File"
MAN = b" man-db"
"""man-db makes its index at every installation, as an account that the guest has not: its trigger is left out."""
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
FOLDERS = {
    "dev": 0o755, "dev/pts": 0o755, "dev/shm": 0o1777, "etc": 0o755, "home": 0o755, "media": 0o755, "mnt": 0o755,
    "opt": 0o755, "proc": 0o555, "root": 0o700, "run": 0o755, "run/lock": 0o1777, "srv": 0o755, "sys": 0o555,
    "tmp": 0o1777, "var": 0o755, "var/cache": 0o755, "var/lib": 0o755, "var/log": 0o755, "var/spool": 0o755,
    "var/tmp": 0o1777,
}  # fmt: skip
LINKS = {
    "dev/fd": "/proc/self/fd",
    "dev/stdin": "/proc/self/fd/0",
    "dev/stdout": "/proc/self/fd/1",
    "dev/stderr": "/proc/self/fd/2",
    "dev/ptmx": "pts/ptmx",
    "var/run": "/run",
    "var/lock": "/run/lock",
}
SUDO = """#!/bin/sh
# The account is the guest's root already: take sudo's common options, run the rest.
while [ $# -gt 0 ]; do
  case "$1" in
    -u|-g|-p|-C|-h) shift 2 ;;
    -i|-s) shift; [ $# -gt 0 ] || exec "${SHELL:-/bin/sh}" ;;
    --) shift; break ;;
    -V|-v|-k|-K|-l) exit 0 ;;
    -*) shift ;;
    [A-Za-z_]*=*) export "$1"; shift ;;
    *) break ;;
  esac
done
[ $# -gt 0 ] || exit 0
exec "$@"
"""


def build(
    *,
    username: str,
    hostname: str,
    shell: str,
    size_bytes: int,
    inodes: int,
    extras: Sequence[str] = (),
    resolvers: Sequence[str] = (),
) -> None:
    """Make this mount namespace's root the guest's, wholly; run as PID 1 of new namespaces.

    `extras` are folders of programs besides the machine's own; the guest sees them where they are, and its changes to
    them stay its own. `resolvers` are whom it asks for names.

    Raises:
        OSError: a step failed; there must be no guest then.
    """
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    opened = [os.open(path, os.O_PATH | os.O_DIRECTORY) for path in extras]  # before something covers them
    mount("guest", BASE, "tmpfs", MS_NOSUID | MS_NODEV, f"size={size_bytes},nr_inodes={inodes},mode=0755")
    os.mkdir(NEW)
    os.mkdir(LAYERS)
    mount(NEW, NEW, None, MS_BIND)
    _skeleton(username)
    expected = {"/", "/proc", "/dev/pts"}
    for name in PROGRAMS:
        if _program_folder(name):
            expected.add(f"/{name}")
    if os.path.isdir(DPKG):
        expected.add(_package_database())
    for path, descriptor in zip(extras, opened, strict=True):
        expected.add(_extra_folder(path, descriptor))
    etc.build(f"{NEW}/etc", username=username, hostname=hostname, shell=shell, resolvers=resolvers)
    expected |= _devices()
    mount("proc", f"{NEW}/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    _enter()
    _verify(expected)


def _skeleton(username: str) -> None:
    for name, mode in {**FOLDERS, f"home/{username}": 0o755}.items():
        os.mkdir(f"{NEW}/{name}")
        os.chmod(f"{NEW}/{name}", mode)
    for name, target in LINKS.items():
        os.symlink(target, f"{NEW}/{name}")


def _program_folder(name: str) -> bool:
    """Give the guest the machine's folder `name`: a link as a link, a folder as an overlay (then true)."""
    source = f"/{name}"
    if os.path.islink(source):
        os.symlink(os.readlink(source), f"{NEW}/{name}")
        return False
    if not os.path.isdir(source):
        return False
    upper, work = f"{LAYERS}/{name}/upper", f"{LAYERS}/{name}/work"
    os.makedirs(upper)
    os.makedirs(work)
    _own_folders(source, upper, depth=3)
    if name == "usr":
        _install_sudo(upper)
    os.mkdir(f"{NEW}/{name}")
    options = f"lowerdir={source},upperdir={upper},workdir={work},userxattr"
    mount("overlay", f"{NEW}/{name}", "overlay", MS_NOSUID | MS_NODEV, options)
    return True


def _package_database() -> str:
    """Give the guest the machine's list of installed packages, whose programs it has, too; where it is mounted.

    So dpkg and apt find what is there and can add to it, as on a machine of its own.
    """
    upper, work = f"{LAYERS}/dpkg/upper", f"{LAYERS}/dpkg/work"
    for folder in (upper, work, f"{NEW}{DPKG}", f"{NEW}/var/cache/debconf"):
        os.makedirs(folder)
    _own_folders(DPKG, upper, depth=1)
    for name in (*DPKG_EMPTY, *DPKG_COPIED, DPKG_TRIGGERS):
        with contextlib.suppress(FileNotFoundError), open(f"{upper}/{name}", "wb") as file:
            file.write(b"" if name in DPKG_EMPTY else _of_dpkg(name))
    options = f"lowerdir={DPKG},upperdir={upper},workdir={work},userxattr"
    mount("overlay", f"{NEW}{DPKG}", "overlay", MS_NOSUID | MS_NODEV, options)
    return DPKG


def _of_dpkg(name: str) -> bytes:
    with open(f"{DPKG}/{name}", "rb") as file:
        text = file.read()
    if name != DPKG_TRIGGERS:
        return text
    return b"".join(line for line in text.splitlines(keepends=True) if MAN not in line)


def _extra_folder(path: str, descriptor: int) -> str:
    """Give the guest one more folder of programs, as an overlay; where it is mounted."""
    upper, work = f"{LAYERS}/extra{descriptor}/upper", f"{LAYERS}/extra{descriptor}/work"
    os.makedirs(upper)
    os.makedirs(work)
    os.chmod(upper, 0o755)  # noqa: S103 - a program folder is for all
    os.makedirs(f"{NEW}{path}", exist_ok=True)
    options = f"lowerdir=/proc/self/fd/{descriptor},upperdir={upper},workdir={work},userxattr"
    mount("overlay", f"{NEW}{path}", "overlay", MS_NOSUID | MS_NODEV, options)
    os.close(descriptor)
    return path


def _own_folders(source: str, upper: str, *, depth: int) -> None:
    """Make the upper layer's folders the guest root's, so that it may create and delete in them.

    The machine's own belong to an account that the guest's user namespace does not know.
    """
    os.chmod(upper, 0o755)  # noqa: S103 - a program folder is for all
    if not depth:
        return
    with os.scandir(source) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False) and os.access(entry.path, os.R_OK | os.X_OK):
                os.mkdir(f"{upper}/{entry.name}")
                _own_folders(entry.path, f"{upper}/{entry.name}", depth=depth - 1)


def _install_sudo(upper: str) -> None:
    os.makedirs(f"{upper}/local/bin", exist_ok=True)
    path = f"{upper}/local/bin/sudo"
    with open(path, "w", encoding="ascii") as file:
        file.write(SUDO)
    os.chmod(path, 0o755)  # noqa: S103 - a program folder is for all


def _devices() -> set[str]:
    """Bind single device nodes, never the folder; where they are now mounted."""
    for name in DEVICES:
        if not stat.S_ISCHR(os.stat(f"/dev/{name}").st_mode):
            raise OSError(f"/dev/{name} is not a device")
        os.close(os.open(f"{NEW}/dev/{name}", os.O_CREAT | os.O_WRONLY, 0o666))
        mount(f"/dev/{name}", f"{NEW}/dev/{name}", None, MS_BIND)
    mount("devpts", f"{NEW}/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620")
    return {f"/dev/{name}" for name in DEVICES}


def _enter() -> None:
    old = f"{NEW}/.old"
    os.mkdir(old)
    os.chdir(NEW)
    pivot_root(NEW, old)
    os.chdir("/")
    unmount("/.old")
    os.rmdir("/.old")


def _verify(expected: set[str]) -> None:
    """Fail unless exactly the expected mounts are left: nothing of the machine's may have come along."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        found = [line.split()[4] for line in file]
    if sorted(found) != sorted(expected):
        odd = set(found) ^ expected or {"a mount that is stacked on another"}
        raise OSError(f"the guest's mounts are not as built: {', '.join(sorted(odd))}")
