"""An SFTP server (version 3) on standard input and output, run by a child of the guest's PID 1 inside the guest.

The machine may have no sftp-server program to lend, and a guest that behaves the same everywhere is worth more.
"""

# Plain paths, not pathlib: it costs start-up time, and these are system calls anyway.
# ruff: noqa: PTH101, PTH102, PTH106, PTH115, PTH116, PTH208, PTH211, PTH108, PTH104, PTH105

import errno
import os
import stat
import struct
import time
from collections.abc import Callable

MAX_PACKET_BYTES = 256 * 1024
MAX_READ_BYTES = 255 * 1024
MAX_HANDLES = 1000
NAMES_A_REPLY = 100
INIT, VERSION, STATUS, HANDLE, DATA, NAME, ATTRS, EXTENDED = 1, 2, 101, 102, 103, 104, 105, 200
OK, END, NO_SUCH_FILE, DENIED, FAILURE, BAD_MESSAGE, UNSUPPORTED = 0, 1, 2, 3, 4, 5, 8
HAS_SIZE, HAS_OWNER, HAS_MODE, HAS_TIMES = 1, 2, 4, 8
CODES = {errno.ENOENT: NO_SUCH_FILE, errno.ENOTDIR: NO_SUCH_FILE, errno.EACCES: DENIED, errno.EPERM: DENIED}
EXTENSIONS = ((b"posix-rename@openssh.com", b"1"), (b"hardlink@openssh.com", b"1"), (b"fsync@openssh.com", b"1"))
OPEN_FLAGS = ((4, os.O_APPEND), (8, os.O_CREAT), (16, os.O_TRUNC), (32, os.O_EXCL))


def serve(reading: int, writing: int) -> None:
    """Answer requests until the client ends them or breaks the protocol."""
    server = Server()
    while True:
        size = int.from_bytes(_exactly(reading, 4), "big")
        if not 1 <= size <= MAX_PACKET_BYTES:
            return
        packet = _exactly(reading, size)
        if len(packet) < size:
            return
        reply = memoryview(server.answer(packet))
        while reply:
            reply = reply[os.write(writing, reply) :]


def _exactly(descriptor: int, count: int) -> bytes:
    parts = []
    while count:
        part = os.read(descriptor, count)
        if not part:
            break
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


class Fields:
    """Reads a packet's fields in order; `ValueError` past its end."""

    def __init__(self, packet: bytes) -> None:
        self._packet = packet
        self._at = 0

    def take(self, count: int) -> bytes:
        """So many bytes."""
        part = self._packet[self._at : self._at + count]
        if len(part) < count:
            raise ValueError("a packet is too short")
        self._at += count
        return part

    def number(self, size: int = 4) -> int:
        """An unsigned integer."""
        return int.from_bytes(self.take(size), "big")

    def text(self) -> bytes:
        """A string, as bytes."""
        return self.take(self.number())

    def attributes(self) -> dict[int, tuple[int, ...]]:
        """The attributes that are there, by flag."""
        flags = self.number()
        found: dict[int, tuple[int, ...]] = {}
        if flags & HAS_SIZE:
            found[HAS_SIZE] = (self.number(8),)
        if flags & HAS_OWNER:
            found[HAS_OWNER] = (self.number(), self.number())
        if flags & HAS_MODE:
            found[HAS_MODE] = (self.number(),)
        if flags & HAS_TIMES:
            found[HAS_TIMES] = (self.number(), self.number())
        return found


class Server:
    """The server's state: open files and folders, by handle."""

    def __init__(self) -> None:
        self._files: dict[bytes, int] = {}
        self._folders: dict[bytes, tuple[bytes, list[bytes]]] = {}
        self._last = 0
        self._handlers: dict[int, Callable[[Fields], bytes]] = {
            3: self._open, 4: self._close, 5: self._read, 6: self._write, 7: self._lstat, 8: self._fstat,
            9: self._setstat, 10: self._fsetstat, 11: self._opendir, 12: self._readdir, 13: self._remove,
            14: self._mkdir, 15: self._rmdir, 16: self._realpath, 17: self._stat, 18: self._rename,
            19: self._readlink, 20: self._symlink, EXTENDED: self._extended,
        }  # fmt: skip

    def answer(self, packet: bytes) -> bytes:
        """The whole reply to one packet."""
        kind = packet[0]
        if kind == INIT:
            pairs = b"".join(_text(name) + _text(value) for name, value in EXTENSIONS)
            return _packed(bytes([VERSION]) + _number(3) + pairs)
        fields, number = Fields(packet[5:]), packet[1:5].ljust(4, b"\0")
        handler = self._handlers.get(kind)
        try:
            reply = handler(fields) if handler else _status(UNSUPPORTED)
        except OSError as error:
            reply = _status(CODES.get(error.errno or 0, FAILURE), error.strerror or "")
        except (ValueError, KeyError):
            reply = _status(BAD_MESSAGE, "bad message")
        return _packed(reply[:1] + number + reply[1:])

    def _new_handle(self) -> bytes:
        if len(self._files) + len(self._folders) >= MAX_HANDLES:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        self._last += 1
        return self._last.to_bytes(4, "big")

    def _open(self, fields: Fields) -> bytes:
        path, wish, attributes = fields.text(), fields.number(), fields.attributes()
        flags = {1: os.O_RDONLY, 2: os.O_WRONLY}.get(wish & 3, os.O_RDWR)
        flags |= sum(ours for theirs, ours in OPEN_FLAGS if wish & theirs)
        handle = self._new_handle()
        self._files[handle] = os.open(path, flags | os.O_CLOEXEC, attributes.get(HAS_MODE, (0o666,))[0] & 0o7777)
        return bytes([HANDLE]) + _text(handle)

    def _close(self, fields: Fields) -> bytes:
        handle = fields.text()
        if self._folders.pop(handle, None) is None:
            os.close(self._files.pop(handle))
        return _status(OK)

    def _read(self, fields: Fields) -> bytes:
        descriptor, offset, count = self._files[fields.text()], fields.number(8), fields.number()
        data = os.pread(descriptor, min(count, MAX_READ_BYTES), offset)
        return bytes([DATA]) + _text(data) if data or not count else _status(END, "end of file")

    def _write(self, fields: Fields) -> bytes:
        descriptor, offset, data = self._files[fields.text()], fields.number(8), memoryview(fields.text())
        while data:
            count = os.pwrite(descriptor, data, offset)
            data, offset = data[count:], offset + count
        return _status(OK)

    def _lstat(self, fields: Fields) -> bytes:
        return bytes([ATTRS]) + _attributes(os.lstat(fields.text()))

    def _stat(self, fields: Fields) -> bytes:
        return bytes([ATTRS]) + _attributes(os.stat(fields.text()))

    def _fstat(self, fields: Fields) -> bytes:
        return bytes([ATTRS]) + _attributes(os.fstat(self._files[fields.text()]))

    def _setstat(self, fields: Fields) -> bytes:
        return _set(fields.text(), fields.attributes())

    def _fsetstat(self, fields: Fields) -> bytes:
        return _set(self._files[fields.text()], fields.attributes())

    def _opendir(self, fields: Fields) -> bytes:
        path = fields.text()
        names = [b".", b"..", *sorted(os.listdir(path))]
        handle = self._new_handle()
        self._folders[handle] = (path, names)
        return bytes([HANDLE]) + _text(handle)

    def _readdir(self, fields: Fields) -> bytes:
        folder, names = self._folders[fields.text()]
        if not names:
            return _status(END, "end of folder")
        some, names[:NAMES_A_REPLY] = names[:NAMES_A_REPLY], []
        entries = []
        for name in some:
            try:
                entries.append(_entry(name, os.lstat(folder + b"/" + name)))
            except FileNotFoundError:  # deleted meanwhile
                continue
        return bytes([NAME]) + _number(len(entries)) + b"".join(entries)

    def _remove(self, fields: Fields) -> bytes:
        os.unlink(fields.text())
        return _status(OK)

    def _mkdir(self, fields: Fields) -> bytes:
        path, attributes = fields.text(), fields.attributes()
        os.mkdir(path, attributes.get(HAS_MODE, (0o777,))[0] & 0o7777)
        return _status(OK)

    def _rmdir(self, fields: Fields) -> bytes:
        os.rmdir(fields.text())
        return _status(OK)

    def _realpath(self, fields: Fields) -> bytes:
        path = os.path.realpath(fields.text() or b".")
        return bytes([NAME]) + _number(1) + _text(path) + _text(path) + _number(0)

    def _rename(self, fields: Fields) -> bytes:
        old, new = fields.text(), fields.text()
        if os.path.lexists(new):  # version 3 must not overwrite
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        os.rename(old, new)
        return _status(OK)

    def _readlink(self, fields: Fields) -> bytes:
        target = os.readlink(fields.text())
        return bytes([NAME]) + _number(1) + _text(target) + _text(target) + _number(0)

    def _symlink(self, fields: Fields) -> bytes:
        target, link = fields.text(), fields.text()  # OpenSSH's order, which everybody follows
        os.symlink(target, link)
        return _status(OK)

    def _extended(self, fields: Fields) -> bytes:
        name = fields.text()
        if name == b"posix-rename@openssh.com":
            os.replace(fields.text(), fields.text())
        elif name == b"hardlink@openssh.com":
            os.link(fields.text(), fields.text())
        elif name == b"fsync@openssh.com":
            os.fsync(self._files[fields.text()])
        else:
            return _status(UNSUPPORTED)
        return _status(OK)


def _set(path: bytes | int, attributes: dict[int, tuple[int, ...]]) -> bytes:
    if HAS_SIZE in attributes:
        os.truncate(path, attributes[HAS_SIZE][0])
    if HAS_OWNER in attributes:
        os.chown(path, *attributes[HAS_OWNER])
    if HAS_MODE in attributes:
        os.chmod(path, attributes[HAS_MODE][0] & 0o7777)
    if HAS_TIMES in attributes:
        accessed, modified = attributes[HAS_TIMES]
        os.utime(path, (accessed, modified))
    return _status(OK)


def _number(value: int) -> bytes:
    return value.to_bytes(4, "big")


def _text(data: bytes) -> bytes:
    return _number(len(data)) + data


def _packed(body: bytes) -> bytes:
    return _number(len(body)) + body


def _status(code: int, text: str = "") -> bytes:
    return bytes([STATUS]) + _number(code) + _text(text.encode()) + _text(b"")


def _attributes(found: os.stat_result) -> bytes:
    flags = HAS_SIZE | HAS_OWNER | HAS_MODE | HAS_TIMES
    times = (int(found.st_atime) & 0xFFFFFFFF, int(found.st_mtime) & 0xFFFFFFFF)
    return struct.pack(">IQIIIII", flags, found.st_size, found.st_uid, found.st_gid, found.st_mode, *times)


def _entry(name: bytes, found: os.stat_result) -> bytes:
    when = time.strftime("%b %d %H:%M", time.gmtime(found.st_mtime))
    line = f"{stat.filemode(found.st_mode)} {found.st_nlink:4} {found.st_uid:<8} {found.st_gid:<8} "
    return _text(name) + _text(f"{line}{found.st_size:>8} {when} ".encode() + name) + _attributes(found)
