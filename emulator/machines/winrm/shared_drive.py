"""Drive C: in a sandbox: before a command its files are copied in, after it what the command changed is copied out.

What comes out is a stranger's: files and folders with names that Windows takes, as many bytes as the drive holds.
"""

import asyncio
import contextlib
import io
import tarfile
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from emulator.errors import UnavailableError
from emulator.machines.guest import Command, Guest, Process
from emulator.machines.winguest.drive import Drive, DriveError

MAX_BYTES = 256 << 20
"""What is copied at once; a drive with more keeps such hosts from taking a command."""
Signature = tuple[int, str]
"""A file's size and time of change, by which a change is seen."""
_LIST = "find . -mindepth 1 ( -type f -o -type d ) -printf %y%s/%T@/%P\\\\0"


@dataclass(slots=True)
class SharedDrive:
    """A drive, and the folder of a sandbox that mirrors it.

    Attributes:
        drive: the machine's.
        guest: the sandbox.
        folder: where the drive is in it, as the shell writes it.
        own: paths that are the folder's own, and never come out.
    """

    drive: Drive
    guest: Guest
    folder: str
    own: frozenset[str] = frozenset({"aib-line.bat"})
    _sent: dict[str, Signature] = field(default_factory=dict)
    _seen: dict[str, Signature] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def prepare(self) -> None:
        """Make the folder, and note what is in it by itself.

        Raises:
            UnavailableError: it cannot be made.
        """
        await self._run("true", b"", before=f"mkdir -p {self.folder} && ")
        self.own |= frozenset(await self._listed())

    @contextlib.asynccontextmanager
    async def mirrored(self) -> AsyncIterator[None]:
        """The drive is in the sandbox while a command runs; one command at a time."""
        async with self._lock:
            await self._push()
            try:
                yield
            finally:
                await self._pull()

    async def _push(self) -> None:
        found = self._files()
        known = await self._listed()
        changed = [path for path, signature in found.items() if self._sent.get(path) != signature]
        gone = [path for path in self._sent if path not in found]
        spelled = {path.casefold(): path for path in known}
        if sum(found[path][0] for path in changed) > MAX_BYTES:
            raise UnavailableError("drive C: holds too much to be copied into the sandbox")
        if gone:
            await self._run("xargs -0 rm -rf --", "\0".join(_spelled(path, spelled) for path in gone).encode())
        await self._run("tar -x --no-same-owner -f -", self._packed(changed, spelled))
        self._sent = found
        self._seen = await self._listed()

    def _files(self) -> dict[str, Signature]:
        root = self.drive.root
        found = {}
        for path in root.rglob("*"):
            stat = path.stat()
            kind = (0, "folder") if path.is_dir() else (stat.st_size, str(stat.st_mtime_ns))
            found[path.relative_to(root).as_posix()] = kind
        return found

    def _packed(self, paths: Iterable[str], spelled: Mapping[str, str]) -> bytes:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for path in sorted(paths):
                tar.add(self.drive.root / path, _spelled(path, spelled), recursive=False)
        return packed.getvalue()

    async def _listed(self) -> dict[str, Signature]:
        """What is in the folder: sizes and times by path; a folder's are nothing."""
        said = await self._run(_LIST, b"")
        found: dict[str, Signature] = {}
        for line in said.decode("utf-8", "replace").split("\0"):
            kind, (size, time, path) = line[:1], [*line[1:].split("/", 2), "", "", ""][:3]
            if path and size.isascii() and size.isdigit():
                found[path] = (0, "folder") if kind == "d" else (int(size), time)
        return found

    async def _pull(self) -> None:
        found = await self._listed()
        for path in sorted(self._seen.keys() - found.keys(), reverse=True):
            with contextlib.suppress(DriveError):
                self.drive.remove(_windows(path))
        changed = [path for path, each in found.items() if path not in self.own and self._seen.get(path) != each]
        if changed:
            packed = await self._run("tar -c --no-recursion --null -T - -f -", "\0".join(changed).encode())
            self._unpack(packed)
        self._sent = self._files()

    def _unpack(self, packed: bytes) -> None:
        with contextlib.suppress(tarfile.TarError, OSError), tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            for member in tar:
                # A name that Windows does not take stays in the sandbox, and so does what the drive has no room for.
                with contextlib.suppress(DriveError):
                    self._take(tar, member)

    def _take(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        parts = PurePosixPath(member.name).parts
        if ".." in parts or PurePosixPath(member.name).is_absolute():
            return
        if member.isdir():
            self.drive.make_folder(_windows(member.name))
        elif member.isreg() and member.size <= self.drive.size_bytes:
            content = tar.extractfile(member)
            self.drive.make_folder(_windows(str(PurePosixPath(member.name).parent)))
            self.drive.write(_windows(member.name), content.read() if content is not None else b"")

    async def _run(self, line: str, given: bytes, before: str = "") -> bytes:
        """What a command of the sandbox's says, in the folder.

        Raises:
            UnavailableError: it failed.
        """
        quoted = " ".join(f"'{word}'" if word in ("(", ")") else word for word in line.split(" "))
        process = await self.guest.start(Command(line=f"{before}cd {self.folder} && exec {quoted}"))
        try:
            async with asyncio.TaskGroup() as group:
                feeding = group.create_task(_feed(process, given))
                said = bytearray()
                while data := await process.read("stdout"):
                    said += data
                    if len(said) > 4 * MAX_BYTES:
                        feeding.cancel()
                        raise UnavailableError("the sandbox says too much")
            ending = await process.wait()
        finally:
            await process.close()
        if ending.exit_code or ending.signal:
            raise UnavailableError(
                f"copy drive C: between the machine and the sandbox: {line.split(maxsplit=1)[0]} failed"
            )
        return bytes(said)


async def _feed(process: Process, given: bytes) -> None:
    await process.write(given)
    await process.end_input()


def _spelled(path: str, known: Mapping[str, str]) -> str:
    """A path with its folders as the sandbox spells them: there, case counts."""
    made = ""
    for part in PurePosixPath(path).parts:
        wanted = f"{made}/{part}" if made else part
        made = known.get(wanted.casefold(), wanted)
    return made


def _windows(path: str) -> str:
    return "C:\\" + "\\".join(part for part in PurePosixPath(path).parts if part != ".")
