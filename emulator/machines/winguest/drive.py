"""The C: drive: a folder of this machine, seen by Windows paths, and nothing outside that folder.

Names are compared without case. Nothing in the folder is a link, since nothing here makes one.
"""

import errno
import ntpath
import re
import shutil
from pathlib import Path
from typing import IO

FILES = {
    r"C:\Windows\win.ini": "; for 16-bit app support\r\n[fonts]\r\n[extensions]\r\n[mci extensions]\r\n[files]\r\n"
    "[Mail]\r\nMAPI=1\r\n",
    r"C:\Windows\System32\drivers\etc\hosts": "# localhost name resolution is handled within DNS itself.\r\n"
    "#\t127.0.0.1       localhost\r\n#\t::1             localhost\r\n",
    r"C:\AzureData\CustomData.bin": "",
    r"C:\Windows\System32\Sysprep\Sysprep.exe": "MZ",
}
FOLDERS = (r"C:\Program Files", r"C:\Users\Public", r"C:\Windows\Temp", r"C:\Windows\System32")
SIZE_BYTES = 2 << 30
"""How much a drive holds unless a setting says otherwise; it is a folder of the machine that plays it."""
_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f/]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
MAX_NAME_BYTES = 200


IN_USE = "The process cannot access the file because it is being used by another process."
FULL = "There is not enough space on the disk."
"""ERROR_DISK_FULL, 112."""
DISK_FULL = 112
CLUSTER_BYTES = 4096
"""NTFS's, on a volume of this size: what a file takes is a multiple of it."""


class DriveError(Exception):
    """What Windows says where a file cannot be had; the message is its sentence, `code` its number."""

    code = 1


class NoSuchPathError(DriveError):
    """There is nothing of that name."""


class DiskFullError(DriveError):
    """There is not enough space on the disk."""

    code = DISK_FULL

    def __init__(self) -> None:
        super().__init__(FULL)


class Drive:
    """Files and folders below `root`; `user` has a profile folder, and all of it takes `size_bytes` at most."""

    def __init__(self, root: Path, user: str, size_bytes: int = SIZE_BYTES) -> None:
        self.root = root
        self.size_bytes = size_bytes
        self._used_bytes = 0
        self.home = rf"C:\Users\{user}"
        for folder in (*FOLDERS, rf"{self.home}\AppData\Local\Temp", rf"{self.home}\Documents"):
            self.make_folder(folder)
        for path, text in FILES.items():
            self.make_folder(ntpath.dirname(path))
            self.write(path, text.encode())

    def resolve(self, path: str, directory: str) -> str:
        """The absolute path that `path` means in `directory`."""
        path = path.strip().strip('"').replace("/", "\\")
        for prefix in ("\\\\?\\", "Microsoft.PowerShell.Core\\FileSystem::", "FileSystem::"):
            path = path.removeprefix(prefix)
        return ntpath.normpath(ntpath.join(directory, path))

    @property
    def free_bytes(self) -> int:
        """What is left."""
        return max(self.size_bytes - self._used_bytes, 0)

    def _claim(self, before: int, after: int) -> None:
        """A file grows or shrinks from so many bytes to so many.

        Raises:
            DiskFullError: it does not fit.
        """
        growth = clusters(after) - clusters(before)
        if growth > self.free_bytes:
            raise DiskFullError
        self._used_bytes += growth

    def text(self, path: str) -> str | None:
        """A file's text, or None where there is none."""
        found = self.find(path)
        return decoded(found.read_bytes()) if found is not None and found.is_file() else None

    def find(self, path: str) -> Path | None:
        """Where a file or folder is on this machine, or None where there is none."""
        try:
            at = self.root
            for name in _names(path):
                inside = _entry(at, name)
                if inside is None:
                    return None
                at = inside
        except DriveError:
            return None
        return at

    def written(self, path: str) -> str:
        """An existing path as its names are written."""
        found = self.find(path)
        return path if found is None else self.path_of(found)

    def path_of(self, found: Path) -> str:
        """The Windows path of something in the folder."""
        return "\\".join(("C:", *found.relative_to(self.root).parts)) if found != self.root else "C:\\"

    def place(self, path: str) -> Path:
        """Where a new file would be.

        Raises:
            DriveError: its folder is not there, or its name is none that Windows takes.
        """
        found = self.find(path)
        if found is not None:
            return found
        names = _names(path)
        folder = self.find("C:\\" + "\\".join(names[:-1]))
        if folder is None or not folder.is_dir():
            raise NoSuchPathError(f"Could not find a part of the path '{path}'.")
        return folder / names[-1]

    def folder(self, path: str) -> str | None:
        """A folder's path as it is written, or None where there is none."""
        found = self.find(path)
        return self.path_of(found) if found is not None and found.is_dir() else None

    def read(self, path: str) -> bytes:
        """What is in a file.

        Raises:
            DriveError: there is none.
        """
        found = self.find(path)
        if found is None:
            raise NoSuchPathError(f"Could not find file '{path}'.")
        if found.is_dir():
            raise DriveError(f"Access to the path '{path}' is denied.")
        return found.read_bytes()

    def write(self, path: str, data: bytes, *, is_appended: bool = False) -> None:
        """Write a file.

        Raises:
            DriveError: it cannot be had.
        """
        place = self.place(path)
        if place.is_dir():
            raise DriveError(f"Access to the path '{path}' is denied.")
        before = place.stat().st_size if place.exists() else 0
        self._claim(before, before + len(data) if is_appended else len(data))
        try:
            with place.open("ab" if is_appended else "wb") as file:
                file.write(data)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise DiskFullError from None
            raise DriveError(f"The path '{path}' cannot be written: {error.strerror}.") from None

    def write_from(self, path: str, file: IO[bytes]) -> None:
        """Write a file from another.

        Raises:
            DriveError: it cannot be had.
        """
        file.seek(0, 2)
        size = file.tell()
        file.seek(0)
        self.write(path, b"")
        self._claim(0, size)
        with self.place(path).open("wb") as target:
            shutil.copyfileobj(file, target)

    def make_folder(self, path: str) -> str:
        """Make a folder, those above it included; its path as it is written."""
        at = self.root
        for name in _names(path):
            at = _entry(at, name) or at / name
            try:
                at.mkdir(exist_ok=True)
            except OSError:
                raise DriveError(f"An item with the specified name {path} already exists.") from None
        return self.path_of(at)

    def remove(self, path: str) -> None:
        """Remove a file, or a folder with all in it."""
        found = self.find(path)
        if found is None or found == self.root:
            raise NoSuchPathError(f"Could not find '{path}'.")
        self._used_bytes -= _taken(found)
        if found.is_dir():
            shutil.rmtree(found)
        else:
            found.unlink()

    def copy(self, source: str, target: str) -> None:
        """Copy a file or a folder to a place, or into a folder."""
        found = self._source(source)
        place = self._target(found, target)
        if found.is_dir():
            if place.is_relative_to(found):
                raise DriveError(f"Cannot copy '{source}' into itself.")
            shutil.copytree(found, place, dirs_exist_ok=True, copy_function=self._copy_file)
        else:
            self._copy_file(str(found), str(place))

    def _copy_file(self, source: str, target: str) -> str:
        """Copy one file; `shutil`'s own where a folder is copied."""
        found, place = Path(source), Path(target)
        if place != found:
            self._claim(place.stat().st_size if place.exists() else 0, found.stat().st_size)
            shutil.copyfile(found, place)
        return target

    def move(self, source: str, target: str) -> None:
        """Move a file or a folder to a place, or into a folder."""
        found = self._source(source)
        place = self._target(found, target)
        if found.is_dir() and (place.exists() or place.is_relative_to(found)):
            raise DriveError("Cannot create a file when that file already exists.")
        if place.is_file() and place != found:
            self._used_bytes -= clusters(place.stat().st_size)
        found.replace(place)

    def entries(self, folder: str) -> list[Path]:
        """What is in a folder, folders first, in order of their names."""
        found = self.find(folder)
        if found is None or not found.is_dir():
            raise NoSuchPathError(f"Cannot find path '{folder}' because it does not exist.")
        return sorted(found.iterdir(), key=lambda path: (not path.is_dir(), path.name.casefold()))

    def _source(self, path: str) -> Path:
        found = self.find(path)
        if found is None or found == self.root:
            raise NoSuchPathError(f"Cannot find path '{path}' because it does not exist.")
        return found

    def _target(self, source: Path, target: str) -> Path:
        found = self.find(target)
        if found is not None and found.is_dir():
            return _entry(found, source.name) or found / source.name
        return self.place(target)


def clusters(size: int) -> int:
    """What a file of that size takes of the volume."""
    return -(-size // CLUSTER_BYTES) * CLUSTER_BYTES


def _taken(found: Path) -> int:
    """What a file, or all in a folder, takes of the volume."""
    if found.is_dir():
        return sum(clusters(each.stat().st_size) for each in found.rglob("*") if each.is_file())
    return clusters(found.stat().st_size)


def decoded(data: bytes) -> str:
    """A file's text, by its byte order mark; UTF-8 else, and what is none as Windows-1252."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _names(path: str) -> list[str]:
    drive, rest = ntpath.splitdrive(ntpath.normpath(path))
    if drive.upper() != "C:":
        raise NoSuchPathError(f"Cannot find drive. A drive with the name '{drive.rstrip(':')}' does not exist.")
    names = [name.rstrip(". ") for name in rest.split("\\") if name not in ("", ".")]
    for name in names:
        if (
            not name
            or _FORBIDDEN.search(name)
            or _DEVICES.fullmatch(name)
            or len(name.encode("utf-8", "replace")) > MAX_NAME_BYTES
        ):
            raise DriveError("The filename, directory name, or volume label syntax is incorrect.")
    return names


def _entry(folder: Path, name: str) -> Path | None:
    """Something in a folder, by its name without case."""
    exact = folder / name
    if exact.exists():
        return exact
    if not folder.is_dir():
        return None
    return next((path for path in folder.iterdir() if path.name.casefold() == name.casefold()), None)
