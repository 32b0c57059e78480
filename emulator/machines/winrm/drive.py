"""The C: drive of the built-in command host: a few files in memory, read only."""

import ntpath
from collections.abc import Mapping

_WIN_INI = ("; for 16-bit app support", "[fonts]", "[extensions]", "[mci extensions]", "[files]", "[Mail]", "MAPI=1")
_HOSTS = (
    "# localhost name resolution is handled within DNS itself.",
    "#\t127.0.0.1       localhost",
    "#\t::1             localhost",
)
FILES: Mapping[str, str] = {
    r"C:\Windows\win.ini": "".join(f"{line}\r\n" for line in _WIN_INI),
    r"C:\Windows\System32\drivers\etc\hosts": "".join(f"{line}\r\n" for line in _HOSTS),
    r"C:\AzureData\CustomData.bin": "",
}
FOLDERS = (r"C:\Program Files", r"C:\Users\Public", r"C:\Windows\Temp")


class Drive:
    """Files and folders by Windows path, compared without case; `user` has a profile folder."""

    def __init__(self, user: str) -> None:
        self.home = rf"C:\Users\{user}"
        self._files = {path.casefold(): (path, text) for path, text in FILES.items()}
        self._folders: dict[str, str] = {}
        for path in (*FOLDERS, self.home, *(ntpath.dirname(path) for path in FILES)):
            self._add_folder(path)

    def _add_folder(self, path: str) -> None:
        while path.casefold() not in self._folders:
            self._folders[path.casefold()] = path
            path = ntpath.dirname(path)

    def resolve(self, path: str, directory: str) -> str:
        """The absolute path that `path` means in `directory`."""
        return ntpath.normpath(ntpath.join(directory, path.strip('"')))

    def folder(self, path: str) -> str | None:
        """The folder's name as it is written, or None where there is none."""
        return self._folders.get(path.casefold())

    def text(self, path: str) -> str | None:
        """What is in a file, or None where there is none."""
        found = self._files.get(path.casefold())
        return None if found is None else found[1]

    def entries(self, folder: str) -> list[tuple[str, int | None]]:
        """Names in a folder, with sizes in bytes for files and None for folders, in order."""
        inside = dict.fromkeys(self._folders.values())
        sizes: dict[str, int | None] = {path: len(text) for path, text in self._files.values()}
        found = [
            (ntpath.basename(path), size)
            for path, size in {**inside, **sizes}.items()
            if ntpath.basename(path) and ntpath.dirname(path).casefold() == folder.casefold()
        ]
        return sorted(found, key=lambda entry: entry[0].casefold())
