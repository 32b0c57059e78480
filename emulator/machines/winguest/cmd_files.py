"""cmd.exe's commands over files and folders."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from emulator.machines.winguest import holes
from emulator.machines.winguest.cmd_shell import Action, Shell
from emulator.machines.winguest.drive import DriveError, NoSuchPathError
from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.operators import wildcard

NO_PATH = "The system cannot find the path specified.\r\n"
NO_FILE = "The system cannot find the file specified.\r\n"
WRONG = "The syntax of the command is incorrect.\r\n"
DENIED = "Access is denied.\r\n"
_WORD = re.compile(r'(?:"[^"]*"|[^\s"])+')


class Words:
    """A command's switches, which are known before it runs, and its paths, which are when it does.

    Raises:
        NotUnderstoodError: there is a switch that is not played.
    """

    def __init__(self, arguments: str, switches: str = "") -> None:
        self._arguments = arguments
        words = [word for word in _WORD.findall(arguments) if word.startswith("/")]
        self.switches = {part for word in words for part in word.casefold().split("/") if part}
        for switch in self.switches:
            if switch not in switches.split():
                raise NotUnderstoodError(f"/{switch}")
        self._known = set(words)
        self.count = len(_WORD.findall(arguments)) - len(words)

    def paths(self, shell: Shell) -> list[str]:
        """The words that are no switches, without quotes."""
        words = _WORD.findall(shell.fill(self._arguments))
        return [word.replace('"', "") for word in words if word not in self._known]

    def whole(self, shell: Shell) -> str:
        """All but the switches as one path, as `cd` takes it."""
        text = shell.fill(self._arguments)
        for word in self._known:
            text = text.replace(word, "", 1)
        return text.strip().replace('"', "")


def matching(shell: Shell, path: str) -> list[Path]:
    """What a path with wildcards means."""
    drive, at = shell.session.computer.drive, shell.at(path)
    folder, _, pattern = at.rpartition("\\")
    if not re.search(r"[*?]", pattern):
        found = drive.find(at)
        return [] if found is None else [found]
    pattern = "*" if pattern == "*.*" else pattern
    inside = drive.entries(folder) if drive.folder(folder) else []
    return [each for each in inside if wildcard(pattern).fullmatch(each.name)]


def _fails(shell: Shell, text: str, code: int = 1) -> int:
    shell.print(text, "stderr")
    return code


def _change_directory(_: Shell, arguments: str) -> Action:
    words = Words(arguments, "d")

    async def run(shell: Shell) -> int:
        path = words.whole(shell)
        if not path:
            shell.print(f"{shell.session.directory}\r\n")
            return 0
        return go_to(shell, path)

    return run


def go_to(shell: Shell, path: str) -> int:
    """Make a folder the current one; the exit code."""
    folder = shell.session.computer.drive.folder(shell.at(path))
    if folder is None:
        return _fails(shell, NO_PATH)
    shell.session.directory = folder
    return 0


def _push_directory(_: Shell, arguments: str) -> Action:
    words = Words(arguments)

    async def run(shell: Shell) -> int:
        before = shell.session.directory
        code = go_to(shell, words.whole(shell) or ".")
        if not code:
            shell.state.stack.append(("pushd", {}, before))
        return code

    return run


def _pop_directory(_: Shell, arguments: str) -> Action:
    if arguments.strip():
        raise NotUnderstoodError(f"popd{arguments}")

    async def run(shell: Shell) -> int:
        pushed = [entry for entry in shell.state.stack if entry[0] == "pushd"]
        if not pushed:
            return 1
        shell.state.stack.remove(pushed[-1])
        return go_to(shell, pushed[-1][2])

    return run


def _type(_: Shell, arguments: str) -> Action:
    words = Words(arguments)

    async def run(shell: Shell) -> int:
        paths = words.paths(shell)
        if not paths:
            return _fails(shell, WRONG)
        for path in paths:
            found = shell.session.computer.drive.find(shell.at(path))
            if found is None or found.is_dir():
                return _fails(shell, NO_FILE if found is None else DENIED)
            shell.console.write("stdout", found.read_bytes())
        return 0

    return run


def _dir(_: Shell, arguments: str) -> Action:
    words = Words(arguments, "b s a:d ad a-d a:-d")
    if words.count > 1:
        raise NotUnderstoodError(f"dir{arguments}")

    async def run(shell: Shell) -> int:
        return _list_folder(shell, (words.paths(shell) or ["."])[0], words.switches)

    return run


def _list_folder(shell: Shell, path: str, switches: set[str]) -> int:
    drive, at = shell.session.computer.drive, shell.at(path)
    folder = drive.folder(at)
    if "b" not in switches:
        shell.print(" Volume in drive C is Windows\r\n Volume Serial Number is 5A49-4221\r\n\r\n")
    entries = [each for each in _listed(shell, path, switches) if _is_wanted(each, switches)]
    if folder is None and not entries:
        return _fails(shell, "File Not Found\r\n")
    if "b" in switches:
        shell.print("".join(f"{drive.path_of(e) if 's' in switches else e.name}\r\n" for e in entries))
        return 0
    lines = "".join(
        f"01/01/2024  12:00 AM    {'<DIR>         ' if entry.is_dir() else f'{entry.stat().st_size:14,}'} "
        f"{entry.name}\r\n"
        for entry in entries
    )
    sizes = [entry.stat().st_size for entry in entries if entry.is_file()]
    total = f"{len(sizes):16} File(s) {sum(sizes):14,} bytes\r\n"
    free = f"{len(entries) - len(sizes):16} Dir(s) {drive.free_bytes:15,} bytes free\r\n"
    shell.print(f" Directory of {folder or at.rpartition(chr(92))[0]}\r\n\r\n{lines}{total}{free}")
    return 0


def _listed(shell: Shell, path: str, switches: set[str]) -> Iterator[Path]:
    drive = shell.session.computer.drive
    folder = drive.folder(shell.at(path))
    found = drive.entries(folder) if folder else matching(shell, path)
    for entry in sorted(found, key=lambda each: each.name.casefold()):
        yield entry
        if "s" in switches and entry.is_dir():
            yield from _listed(shell, drive.path_of(entry), switches)


def _is_wanted(entry: Path, switches: set[str]) -> bool:
    if switches & {"ad", "a:d"}:
        return entry.is_dir()
    return entry.is_file() if switches & {"a-d", "a:-d"} else True


def _delete(_: Shell, arguments: str) -> Action:
    words = Words(arguments, "f q s")

    async def run(shell: Shell) -> int:
        paths = words.paths(shell)
        if not paths:
            return _fails(shell, WRONG)
        for path in paths:
            found = list(_files(shell, path, is_deep="s" in words.switches))
            if not found:
                shell.print(f"Could Not Find {shell.at(path)}\r\n", "stderr")
            for each in found:
                shell.session.computer.drive.remove(each)
        return 0

    return run


def _files(shell: Shell, path: str, *, is_deep: bool) -> Iterator[str]:
    """The files that `del` means: those of a folder where it is one, and with `/s` those of that name below."""
    drive = shell.session.computer.drive
    if drive.folder(shell.at(path)):
        path = rf"{path}\*"
    yield from [drive.path_of(each) for each in matching(shell, path) if each.is_file()]
    folder, _, pattern = shell.at(path).rpartition("\\")
    if is_deep and drive.folder(folder):
        for each in drive.entries(folder):
            if each.is_dir():
                yield from _files(shell, rf"{drive.path_of(each)}\{pattern}", is_deep=True)


def _make_folder(_: Shell, arguments: str) -> Action:
    words = Words(arguments)

    async def run(shell: Shell) -> int:
        paths = words.paths(shell)
        if not paths:
            return _fails(shell, WRONG)
        for path in paths:
            if shell.session.computer.drive.find(shell.at(path)) is not None:
                return _fails(shell, f"A subdirectory or file {path} already exists.\r\n")
            shell.session.computer.drive.make_folder(shell.at(path))
        return 0

    return run


def _remove_folder(_: Shell, arguments: str) -> Action:
    words = Words(arguments, "s q")

    async def run(shell: Shell) -> int:
        for path in words.paths(shell):
            found = shell.session.computer.drive.find(shell.at(path))
            if found is None or not found.is_dir():
                return _fails(shell, NO_FILE, 2)
            if any(found.iterdir()) and "s" not in words.switches:
                return _fails(shell, "The directory is not empty.\r\n", 145)
            shell.session.computer.drive.remove(shell.at(path))
        return 0

    return run


def _transfer(*, is_move: bool) -> Callable[[Shell, str], Action]:
    def plan(_: Shell, arguments: str) -> Action:
        words = Words(arguments, "y b")
        if words.count != 2 and not holes.are_in(arguments):
            raise NotUnderstoodError(arguments.strip())

        async def run(shell: Shell) -> int:
            paths = words.paths(shell)
            return _fails(shell, WRONG) if len(paths) != 2 else _carry(shell, *paths, is_move=is_move)

        return run

    return plan


def _carry(shell: Shell, source: str, target: str, *, is_move: bool) -> int:
    drive = shell.session.computer.drive
    found = matching(shell, source)
    if not found:
        return _fails(shell, NO_FILE)
    for each in found:
        try:
            (drive.move if is_move else drive.copy)(drive.path_of(each), shell.at(target))
        except NoSuchPathError:
            return _fails(shell, NO_PATH)
    shell.print(f"        {len(found)} file(s) {'moved' if is_move else 'copied'}.\r\n")
    return 0


def _rename(_: Shell, arguments: str) -> Action:
    words = Words(arguments)
    if words.count != 2:
        raise NotUnderstoodError(f"ren{arguments}")

    async def run(shell: Shell) -> int:
        source, name = (*words.paths(shell), "", "")[:2]
        at = shell.at(source)
        if not source or shell.session.computer.drive.find(at) is None:
            return _fails(shell, NO_FILE)
        if re.search(r"[\\/]", name):
            return _fails(shell, WRONG)
        try:
            shell.session.computer.drive.move(at, rf"{at.rpartition(chr(92))[0]}\{name}")
        except NoSuchPathError as error:
            raise DriveError(str(error)) from None
        return 0

    return run


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
    "popd": _pop_directory,
    "pushd": _push_directory,
    "rd": _remove_folder,
    "ren": _rename,
    "rename": _rename,
    "rmdir": _remove_folder,
    "type": _type,
}
