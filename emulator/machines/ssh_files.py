"""Serve a guest's files in memory over SFTP and SCP; nothing here touches a file of this machine."""

# Signatures are asyncssh's.
# ruff: noqa: ARG002

import stat
from collections.abc import AsyncIterator
from typing import Any

import asyncssh

from emulator.machines.builtin.commands import listing
from emulator.machines.builtin.filesystem import File, Folder, MemoryFiles, Node


class MemorySftp(asyncssh.SFTPServer):
    """An SFTP server wholly over `MemoryFiles`; every method that would act on this machine is replaced."""

    def __init__(self, channel: Any, files: MemoryFiles) -> None:
        super().__init__(channel, chroot=b"/nonexistent")
        self._files = files

    def exit(self) -> None:
        """The session ends well; scp looks at its exit status, which asyncssh would not send."""
        if self.channel.get_subsystem() == "sftp":
            self.channel.exit(0)

    def _path(self, path: bytes) -> str:
        return self._files.absolute(path.decode("utf-8", "surrogateescape"))

    def map_path(self, path: bytes) -> bytes:
        """No path of this machine is ever named."""
        raise asyncssh.SFTPOpUnsupported("the built-in guest does not do this")

    def reverse_map_path(self, path: bytes) -> bytes:
        """See `map_path`."""
        return path

    def realpath(self, path: bytes) -> bytes:
        return self._path(path).encode("utf-8", "surrogateescape")

    def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        return _attributes(self._files.node(self._path(path)))

    def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
        return self.stat(path)

    def fstat(self, file_obj: object) -> asyncssh.SFTPAttrs:
        return _attributes(_file(file_obj))

    def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs, *, follow_symlinks: bool = True) -> None:
        self._set(self._files.node(self._path(path)), attrs)

    def lsetstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        self.setstat(path, attrs)

    def fsetstat(self, file_obj: object, attrs: asyncssh.SFTPAttrs) -> None:
        self._set(_file(file_obj), attrs)

    def _set(self, node: Node, attrs: asyncssh.SFTPAttrs) -> None:
        if attrs.size is not None:
            self._files.truncate(_file(node), attrs.size)
        if attrs.permissions is not None:
            node.mode = stat.S_IFMT(node.mode) | (attrs.permissions & 0o7777)
        if attrs.mtime is not None:
            node.modified = float(attrs.mtime)

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        where = self._path(path)
        if pflags & asyncssh.FXF_CREAT:
            if pflags & asyncssh.FXF_EXCL and self._files.exists(where):
                raise FileExistsError(17, "File exists")
            mode = 0o644 if attrs.permissions is None else attrs.permissions
            return self._files.create(where, mode, truncate=bool(pflags & asyncssh.FXF_TRUNC))
        file = self._files.file(where)
        if pflags & asyncssh.FXF_TRUNC:
            self._files.truncate(file, 0)
        return file

    def open56(self, path: bytes, desired_access: int, flags: int, attrs: asyncssh.SFTPAttrs) -> object:
        raise asyncssh.SFTPOpUnsupported("version 3 only")

    def close(self, file_obj: object) -> None:
        """Nothing is held open."""

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        return bytes(memoryview(_file(file_obj).data)[offset : offset + size])

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        self._files.write(_file(file_obj), offset, data)
        return len(data)

    def fsync(self, file_obj: object) -> None:
        """Memory is as safe as it gets."""

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        folder = self._files.folder(self._path(path))
        for name, node in {".": folder, "..": folder, **folder.entries}.items():
            raw = name.encode("utf-8", "surrogateescape")
            long = listing(name, node, "0").encode("utf-8", "surrogateescape")
            yield asyncssh.SFTPName(raw, long, _attributes(node))

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        self._files.make_folder(self._path(path), 0o755 if attrs.permissions is None else attrs.permissions)

    def rmdir(self, path: bytes) -> None:
        self._files.folder(self._path(path))
        self._files.remove(self._path(path))

    def remove(self, path: bytes) -> None:
        self._files.file(self._path(path))
        self._files.remove(self._path(path))

    def rename(self, oldpath: bytes, newpath: bytes, flags: int = 0) -> None:
        if self._files.exists(self._path(newpath)):
            raise FileExistsError(17, "File exists")
        self.posix_rename(oldpath, newpath)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        self._files.rename(self._path(oldpath), self._path(newpath))

    def readlink(self, path: bytes) -> bytes:
        raise asyncssh.SFTPOpUnsupported("the built-in guest has no links")

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPOpUnsupported("the built-in guest has no links")

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPOpUnsupported("the built-in guest has no links")

    def statvfs(self, path: bytes) -> asyncssh.SFTPVFSAttrs:
        raise asyncssh.SFTPOpUnsupported("the built-in guest has no disk")

    def fstatvfs(self, file_obj: object) -> asyncssh.SFTPVFSAttrs:
        raise asyncssh.SFTPOpUnsupported("the built-in guest has no disk")

    def lock(self, file_obj: object, offset: int, length: int, flags: int) -> None:
        raise asyncssh.SFTPOpUnsupported("the built-in guest has no locks")

    def unlock(self, file_obj: object, offset: int, length: int) -> None:
        raise asyncssh.SFTPOpUnsupported("the built-in guest has no locks")


def _file(found: object) -> File:
    if not isinstance(found, File):
        raise IsADirectoryError(21, "Is a directory")
    return found


def _attributes(node: Node) -> asyncssh.SFTPAttrs:
    size = len(node.data) if isinstance(node, File) else 4096
    when = int(node.modified)
    links = 2 if isinstance(node, Folder) else 1
    kind = asyncssh.FILEXFER_TYPE_DIRECTORY if isinstance(node, Folder) else asyncssh.FILEXFER_TYPE_REGULAR
    return asyncssh.SFTPAttrs(
        type=kind, size=size, uid=0, gid=0, permissions=node.mode, atime=when, mtime=when, nlink=links
    )
