"""The guest's /etc: made fresh, with copies of files that hold no secret."""

# Plain paths, not pathlib: it costs start-up time, and these are system calls anyway.
# ruff: noqa: PTH101, PTH103, PTH112, PTH115, PTH116, PTH120, PTH123, PTH208, PTH211

import contextlib
import os
import shutil
import stat
from collections.abc import Sequence

HARMLESS = (
    "alternatives",
    "apt",
    "bash.bashrc",
    "ca-certificates",
    "ca-certificates.conf",
    "debian_version",
    "host.conf",
    "inputrc",
    "issue",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.conf",
    "localtime",
    "lsb-release",
    "magic",
    "mime.types",
    "os-release",
    "pki/tls/certs",
    "profile",
    "profile.d",
    "protocols",
    "redhat-release",
    "rpc",
    "services",
    "shells",
    "skel",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
)
"""Never: shadow, host keys, sudoers, private keys, credentials of apt (left out below)."""
ONE_ACCOUNT = 'APT::Sandbox::User "root";\n'
"""apt has no other account to download as."""
SECRET = ("auth.conf", "auth.conf.d", "private")
MAX_FILE_BYTES = 4 * 1024 * 1024


def build(target: str, *, username: str, hostname: str, shell: str, resolvers: Sequence[str] = ()) -> None:
    """Fill the directory `target` with a machine's /etc; `resolvers` are whom it asks for names.

    Raises:
        OSError: the file system did not take it.
    """
    for name in HARMLESS:
        _copy(f"/etc/{name}", f"{target}/{name}")
    home = f"/home/{username}"
    accounts = f"{username}:x:0:0:{username}:{home}:{shell}\nroot:x:0:0:root:/root:{shell}\n"
    nobody = "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
    hosts = "files dns" if resolvers else "files"
    known = "".join(f"nameserver {each}\n" for each in resolvers)
    fresh = {
        "passwd": accounts + "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n" + nobody,
        "group": "root:x:0:\ndaemon:x:1:\nadm:x:4:\ntty:x:5:\nsudo:x:27:\nnogroup:x:65534:\n",
        "nsswitch.conf": f"passwd: files\ngroup: files\nhosts: {hosts}\nservices: files\nprotocols: files\n",
        "hostname": f"{hostname}\n",
        "hosts": f"127.0.0.1 localhost {hostname}\n::1 localhost\n",
        "resolv.conf": known or "# The guest has no network.\n",
        "fstab": "",
    }
    for name, text in fresh.items():
        with open(f"{target}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    if os.path.isdir(f"{target}/apt/apt.conf.d"):
        with open(f"{target}/apt/apt.conf.d/99-guest", "w", encoding="utf-8") as file:
            file.write(ONE_ACCOUNT)
    if not os.path.lexists(f"{target}/mtab"):
        os.symlink("/proc/self/mounts", f"{target}/mtab")


def _copy(source: str, target: str) -> None:
    """Copy a file, link or folder; what this user may not read is not the guest's either."""
    try:
        mode = os.lstat(source).st_mode
    except OSError:
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if stat.S_ISLNK(mode):
        os.symlink(os.readlink(source), target)
    elif stat.S_ISDIR(mode):
        os.makedirs(target, exist_ok=True)
        with contextlib.suppress(PermissionError):
            for name in os.listdir(source):
                if name not in SECRET:
                    _copy(f"{source}/{name}", f"{target}/{name}")
    elif stat.S_ISREG(mode) and os.stat(source).st_size <= MAX_FILE_BYTES:
        with contextlib.suppress(PermissionError):
            shutil.copyfile(source, target)
            os.chmod(target, mode & 0o755)
