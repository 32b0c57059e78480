"""Files in memory, bounded, with the errors that the operating system's own files give."""

import errno
import os
import posixpath
import stat
import time
from dataclasses import dataclass, field

LIMIT_BYTES = 512 * 1024 * 1024
LIMIT_NODES = 100_000


@dataclass(slots=True, eq=False)
class Node:
    """What files and folders share; `mode` has the type bits."""

    mode: int
    modified: float = field(default_factory=time.time)


@dataclass(slots=True, eq=False)
class File(Node):
    """A file and its bytes."""

    data: bytearray = field(default_factory=bytearray)


@dataclass(slots=True, eq=False)
class Folder(Node):
    """A folder and its entries."""

    entries: dict[str, Node] = field(default_factory=dict)


def error(code: int, path: str) -> OSError:
    """The operating system's error of that number."""
    return OSError(code, os.strerror(code), path)


class MemoryFiles:
    """A tree of files that lives as long as its machine."""

    def __init__(self, home: str, limit_bytes: int = LIMIT_BYTES) -> None:
        self.home = home
        self.root = Folder(stat.S_IFDIR | 0o755)
        self._limit_bytes = limit_bytes
        self._used_bytes = 0
        self._nodes = 0
        for path in (home, "/tmp", "/var/tmp", "/var/log", "/etc", "/root", "/opt", "/usr/local/bin", "/run"):  # noqa: S108
            self.make_folder(path, parents=True)

    def absolute(self, path: str, folder: str | None = None) -> str:
        """`path` from the root, seen from `folder` (the home folder by default), without `.` and `..`."""
        return posixpath.normpath(posixpath.join("/", folder or self.home, path)).replace("//", "/")

    def node(self, path: str) -> Node:
        """What is at an absolute path."""
        found: Node = self.root
        for name in [part for part in path.split("/") if part]:
            if not isinstance(found, Folder):
                raise error(errno.ENOTDIR, path)
            if name not in found.entries:
                raise error(errno.ENOENT, path)
            found = found.entries[name]
        return found

    def exists(self, path: str) -> bool:
        """Whether something is there."""
        try:
            self.node(path)
        except OSError:
            return False
        return True

    def is_folder(self, path: str) -> bool:
        """Whether a folder is there."""
        return self.exists(path) and isinstance(self.node(path), Folder)

    def folder(self, path: str) -> Folder:
        """The folder at a path."""
        found = self.node(path)
        if not isinstance(found, Folder):
            raise error(errno.ENOTDIR, path)
        return found

    def file(self, path: str) -> File:
        """The file at a path."""
        found = self.node(path)
        if not isinstance(found, File):
            raise error(errno.EISDIR, path)
        return found

    def create(self, path: str, mode: int = 0o644, *, truncate: bool = True) -> File:
        """The file at a path, made if it is not there."""
        parent, name = self._place(path)
        found = parent.entries.get(name)
        if found is None:
            self._count_node(path)
            found = parent.entries[name] = File(stat.S_IFREG | (mode & 0o7777))
        if not isinstance(found, File):
            raise error(errno.EISDIR, path)
        if truncate:
            self.truncate(found, 0)
        return found

    def write(self, file: File, offset: int, data: bytes) -> None:
        """Write at an offset, within the limit."""
        end = offset + len(data)
        if end > len(file.data):
            self.truncate(file, end)
        file.data[offset:end] = data
        file.modified = time.time()

    def truncate(self, file: File, size: int) -> None:
        """Cut or grow a file, within the limit."""
        grows = size - len(file.data)
        if self._used_bytes + grows > self._limit_bytes:
            raise error(errno.ENOSPC, "")
        self._used_bytes += grows
        if grows > 0:
            file.data.extend(bytes(grows))
        else:
            del file.data[size:]
        file.modified = time.time()

    def make_folder(self, path: str, mode: int = 0o755, *, parents: bool = False) -> None:
        """Make a folder; with `parents` those above it too, and it may be there."""
        if parents:
            if self.is_folder(path):
                return
            self.make_folder(posixpath.dirname(path), mode, parents=True)
        parent, name = self._place(path)
        if name in parent.entries or not name:
            raise error(errno.EEXIST, path)
        self._count_node(path)
        parent.entries[name] = Folder(stat.S_IFDIR | (mode & 0o7777))

    def remove(self, path: str, *, recursive: bool = False) -> None:
        """Remove a file, or a folder: an empty one, or with `recursive` any but the root, which it empties."""
        found = self.node(path)
        if isinstance(found, Folder):
            if found.entries and not recursive:
                raise error(errno.ENOTEMPTY, path)
            for name in list(found.entries):
                self.remove(f"{path.rstrip('/')}/{name}", recursive=True)
        elif isinstance(found, File):
            self._used_bytes -= len(found.data)
        if path != "/":
            parent, name = self._place(path)
            del parent.entries[name]
            self._nodes -= 1

    def rename(self, old: str, new: str) -> None:
        """Move; a file in the way is replaced."""
        moved = self.node(old)
        if new == old:
            return
        if f"{new}/".startswith(f"{old}/"):
            raise error(errno.EINVAL, new)
        if self.exists(new):
            self.remove(new)
        source, old_name = self._place(old)
        target, new_name = self._place(new)
        del source.entries[old_name]
        target.entries[new_name] = moved

    def _place(self, path: str) -> tuple[Folder, str]:
        folder, name = posixpath.split(path)
        return self.folder(folder), name

    def _count_node(self, path: str) -> None:
        if self._nodes >= LIMIT_NODES:
            raise error(errno.ENOSPC, path)
        self._nodes += 1
