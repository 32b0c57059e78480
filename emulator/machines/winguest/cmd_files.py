"""cmd.exe's commands over files and folders."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from emulator.machines.winguest.cmd_shell import Action, Shell
from emulator.machines.winguest.drive import NoSuchPathError
from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.operators import wildcard

NO_PATH = "The system cannot find the path specified.\r\n"
NO_FILE = "The system cannot find the file specified.\r\n"
WRONG = "The syntax of the command is incorrect.\r\n"


def _words(arguments: str, switches: str) -> tuple[set[str], list[str]]:
    """The switches and the paths in a command's arguments.

    Raises:
        NotUnderstoodError: there is a switch that is not played.
    """
    found, paths = set[str](), list[str]()
    for word in re.findall(r'"[^"]*"|[^\s"]+', arguments):
        if word.startswith("/"):
            if word[1:].casefold() not in switches.split():
                raise NotUnderstoodError(word)
            found.add(word[1:].casefold())
        else:
            paths.append(word.strip('"'))
    return found, paths


def _at(shell: Shell, path: str) -> str:
    return shell.session.computer.drive.resolve(path, shell.session.directory)


def _matching(shell: Shell, path: str) -> list[Path]:
    """What a path with wildcards means."""
    drive, at = shell.session.computer.drive, _at(shell, path)
    folder, _, pattern = at.rpartition("\\")
    if not re.search(r"[*?]", pattern):
        found = drive.find(at)
        return [] if found is None else [found]
    inside = drive.entries(folder) if drive.folder(folder) else []
    return [each for each in inside if wildcard(pattern).fullmatch(each.name)]


def _change_directory(_: Shell, arguments: str) -> Action:
    _switches, paths = _words(arguments, "d")
    if len(paths) > 1:
        paths = [arguments.replace("/d", "", 1).strip()]

    async def run(shell: Shell) -> int:
        if not paths:
            shell.print(f"{shell.session.directory}\r\n")
            return 0
        folder = shell.session.computer.drive.folder(_at(shell, paths[0]))
        if folder is None:
            shell.print(NO_PATH, "stderr")
            return 1
        shell.session.directory = folder
        return 0

    return run


def _type(_: Shell, arguments: str) -> Action:
    _switches, paths = _words(arguments, "")

    async def run(shell: Shell) -> int:
        if not paths:
            shell.print(WRONG, "stderr")
            return 1
        for path in paths:
            found = shell.session.computer.drive.find(_at(shell, path))
            if found is None or found.is_dir():
                shell.print(NO_FILE if found is None else "Access is denied.\r\n", "stderr")
                return 1
            shell.console.write("stdout", found.read_bytes())
        return 0

    return run


def _dir(_: Shell, arguments: str) -> Action:
    switches, paths = _words(arguments, "b")
    if len(paths) > 1:
        raise NotUnderstoodError(f"dir{arguments}")

    async def run(shell: Shell) -> int:
        return _list_folder(shell, paths[0] if paths else ".", bare="b" in switches)

    return run


def _list_folder(shell: Shell, path: str, *, bare: bool) -> int:
    drive, at = shell.session.computer.drive, _at(shell, path)
    folder = drive.folder(at)
    if not bare:
        shell.print(" Volume in drive C is Windows\r\n Volume Serial Number is 5A49-4221\r\n\r\n")
    entries = drive.entries(folder) if folder else _matching(shell, path)
    entries = sorted(entries, key=lambda entry: entry.name.casefold())
    if folder is None and not entries:
        shell.print("File Not Found\r\n", "stderr")
        return 1
    if bare:
        shell.print("".join(f"{entry.name}\r\n" for entry in entries))
        return 0
    lines = "".join(
        f"01/01/2024  12:00 AM    {'<DIR>         ' if entry.is_dir() else f'{entry.stat().st_size:14,}'} "
        f"{entry.name}\r\n"
        for entry in entries
    )
    sizes = [entry.stat().st_size for entry in entries if entry.is_file()]
    total = f"{len(sizes):16} File(s) {sum(sizes):14,} bytes\r\n{len(entries) - len(sizes):16} Dir(s)\r\n"
    shell.print(f" Directory of {folder or at.rpartition(chr(92))[0]}\r\n\r\n{lines}{total}")
    return 0


def _delete(_: Shell, arguments: str) -> Action:
    switches, paths = _words(arguments, "f q s a")

    async def run(shell: Shell) -> int:
        if not paths:
            shell.print(WRONG, "stderr")
            return 1
        for path in paths:
            found = [each for each in _matching(shell, path) if each.is_file()]
            if not found:
                shell.print(f"Could Not Find {_at(shell, path)}\r\n", "stderr")
            for each in found:
                each.unlink()
        return 0

    del switches
    return run


def _make_folder(_: Shell, arguments: str) -> Action:
    _switches, paths = _words(arguments, "")

    async def run(shell: Shell) -> int:
        if not paths:
            shell.print(WRONG, "stderr")
            return 1
        for path in paths:
            if shell.session.computer.drive.find(_at(shell, path)) is not None:
                shell.print(f"A subdirectory or file {path} already exists.\r\n", "stderr")
                return 1
            shell.session.computer.drive.make_folder(_at(shell, path))
        return 0

    return run


def _remove_folder(_: Shell, arguments: str) -> Action:
    switches, paths = _words(arguments, "s q")

    async def run(shell: Shell) -> int:
        for path in paths:
            found = shell.session.computer.drive.find(_at(shell, path))
            if found is None or not found.is_dir():
                shell.print(NO_FILE, "stderr")
                return 2
            if any(found.iterdir()) and "s" not in switches:
                shell.print("The directory is not empty.\r\n", "stderr")
                return 145
            shell.session.computer.drive.remove(_at(shell, path))
        return 0

    return run


def _transfer(*, is_move: bool) -> Callable[[Shell, str], Action]:
    def plan(_: Shell, arguments: str) -> Action:
        _switches, paths = _words(arguments, "y b")
        if len(paths) != 2:
            raise NotUnderstoodError(arguments.strip())

        async def run(shell: Shell) -> int:
            drive = shell.session.computer.drive
            found = _matching(shell, paths[0])
            if not found:
                shell.print(NO_FILE, "stderr")
                return 1
            for each in found:
                try:
                    (drive.move if is_move else drive.copy)(drive.path_of(each), _at(shell, paths[1]))
                except NoSuchPathError:
                    shell.print(NO_PATH, "stderr")
                    return 1
            shell.print(f"        {len(found)} file(s) {'moved' if is_move else 'copied'}.\r\n")
            return 0

        return run

    return plan


PROGRAMS: Mapping[str, Callable[[Shell, str], Action]] = {
    "cd": _change_directory,
    "chdir": _change_directory,
    "copy": _transfer(is_move=False),
    "del": _delete,
    "dir": _dir,
    "erase": _delete,
    "md": _make_folder,
    "mkdir": _make_folder,
    "move": _transfer(is_move=True),
    "rd": _remove_folder,
    "rmdir": _remove_folder,
    "type": _type,
}
