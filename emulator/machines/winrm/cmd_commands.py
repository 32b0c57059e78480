"""The cmd.exe commands that the built-in host plays; each is understood wholly or not at all.

A command's planner takes its raw arguments and returns an action that has not run, or raises `NotUnderstoodError`.
"""

import re
from collections.abc import Callable, Mapping

from emulator.machines.winrm.cmd_line import NotUnderstoodError
from emulator.machines.winrm.session import WINDOWS_VERSION, Action, Result, Session

Planner = Callable[[str], Action]

NO_PATH = "The system cannot find the path specified.\r\n"
NO_FILE = "The system cannot find the file specified.\r\n"


def _without_arguments(run: Action) -> Planner:
    def plan(arguments: str) -> Action:
        if arguments.strip():
            raise NotUnderstoodError(arguments.strip())
        return run

    return plan


def _one_path(arguments: str) -> str:
    """The single path in `arguments`, or nothing; switches and wildcards are not understood."""
    text = arguments.strip()
    if re.search(r"[*?/]|\"[^\"]*$", text) or (" " in text and not re.fullmatch(r'"[^"]*"', text)):
        raise NotUnderstoodError(text)
    return text.strip('"')


def _echo(arguments: str) -> Action:
    text = arguments[1:]
    if text.strip().casefold() in ("on", "off", "/?"):
        raise NotUnderstoodError(f"echo {text.strip()}")
    if not arguments.strip():
        return lambda _: Result("ECHO is on.\r\n")
    return lambda _: Result(f"{text}\r\n")


def _exit(arguments: str) -> Action:
    match = re.fullmatch(r"\s*(?:/b\b)?\s*(-?\d{1,10})?\s*", arguments, re.IGNORECASE | re.ASCII)
    if match is None:
        raise NotUnderstoodError(f"exit{arguments}")
    code = int(match[1] or 0)
    if not -(2**31) <= code < 2**32:
        raise NotUnderstoodError(f"exit{arguments}")
    # Windows hands the number on as 32 bits with a sign.
    signed = code - 2**32 if code >= 2**31 else code
    return lambda _: Result(exit_code=signed, ends=True)


def _set(arguments: str) -> Action:
    text = arguments.strip()
    if text.startswith("/"):
        raise NotUnderstoodError(f"set {text}")
    text = text[1 : text.rindex('"')] if re.match(r'".*"', text) else arguments.lstrip()
    name, equals, value = text.partition("=")
    if equals:
        return lambda session: _assign(session, name.strip(), value)
    return lambda session: _list_variables(session, name.strip())


def _assign(session: Session, name: str, value: str) -> Result:
    if not name:
        return Result(stderr="The syntax of the command is incorrect.\r\n", exit_code=1)
    session.assign(name, value)
    return Result()


def _list_variables(session: Session, prefix: str) -> Result:
    names = [name for name in session.environment if name.upper().startswith(prefix.upper())]
    if not names:
        return Result(stderr=f"Environment variable {prefix} not defined\r\n", exit_code=1)
    lines = (f"{name}={session.environment[name]}\r\n" for name in sorted(names, key=str.upper))
    return Result("".join(lines))


def _change_directory(arguments: str) -> Action:
    path = _one_path(re.sub(r"^\s*/d\b", "", arguments, flags=re.IGNORECASE))

    def run(session: Session) -> Result:
        if not path:
            return Result(f"{session.directory}\r\n")
        folder = session.drive.folder(session.drive.resolve(path, session.directory))
        if folder is None:
            return Result(stderr=NO_PATH, exit_code=1)
        session.directory = folder
        return Result()

    return run


def _type(arguments: str) -> Action:
    path = _one_path(arguments)
    if not path:
        return lambda _: Result(stderr="The syntax of the command is incorrect.\r\n", exit_code=1)

    def run(session: Session) -> Result:
        target = session.drive.resolve(path, session.directory)
        if session.drive.folder(target):
            return Result(stderr="Access is denied.\r\n", exit_code=1)
        text = session.drive.text(target)
        return Result(stderr=NO_FILE, exit_code=1) if text is None else Result(text)

    return run


def _dir(arguments: str) -> Action:
    bare = re.match(r"\s*/b\b", arguments, re.IGNORECASE)
    path = _one_path(arguments[bare.end() :] if bare else arguments)
    return lambda session: _list_folder(session, path, bare=bool(bare))


def _list_folder(session: Session, path: str, *, bare: bool) -> Result:
    folder = session.drive.folder(session.drive.resolve(path or ".", session.directory))
    header = "" if bare else " Volume in drive C is Windows\r\n Volume Serial Number is 5A49-4221\r\n\r\n"
    if folder is None:
        return Result(header, "File Not Found\r\n", 1)
    entries = session.drive.entries(folder)
    if bare:
        return Result("".join(f"{name}\r\n" for name, _ in entries))
    lines = "".join(
        f"01/01/2024  12:00 AM    {'<DIR>         ' if size is None else f'{size:14,}'} {name}\r\n"
        for name, size in entries
    )
    files = [size for _, size in entries if size is not None]
    total = f"{len(files):16} File(s) {sum(files):14,} bytes\r\n{len(entries) - len(files):16} Dir(s)\r\n"
    return Result(f"{header} Directory of {folder}\r\n\r\n{lines}{total}")


def _ipconfig(arguments: str) -> Action:
    if arguments.strip().casefold() not in ("", "/all"):
        raise NotUnderstoodError(f"ipconfig{arguments}")
    everything = bool(arguments.strip())
    return lambda session: Result(_ip_configuration(session, everything=everything))


def _ip_configuration(session: Session, *, everything: bool) -> str:
    gateway = session.address.rpartition(".")[0] + ".1"
    host = f"   Host Name . . . . . . . . . . . . : {session.computer.lower()}\r\n" if everything else ""
    return (
        f"\r\nWindows IP Configuration\r\n\r\n{host}\r\nEthernet adapter Ethernet:\r\n\r\n"
        "   Connection-specific DNS Suffix  . : \r\n"
        f"   IPv4 Address. . . . . . . . . . . : {session.address}\r\n"
        "   Subnet Mask . . . . . . . . . . . : 255.255.255.0\r\n"
        f"   Default Gateway . . . . . . . . . : {gateway}\r\n"
    )


def _remark(_: str) -> Action:
    return lambda _: Result()


def _who(session: Session) -> Result:
    return Result(f"{session.computer}\\{session.user}\r\n".lower())


PLANNERS: Mapping[str, Planner] = {
    "cd": _change_directory,
    "chdir": _change_directory,
    "dir": _dir,
    "echo": _echo,
    "exit": _exit,
    "hostname": _without_arguments(lambda session: Result(f"{session.computer.lower()}\r\n")),
    "ipconfig": _ipconfig,
    "rem": _remark,
    "set": _set,
    "type": _type,
    "ver": _without_arguments(lambda _: Result(f"\r\nMicrosoft Windows [Version {WINDOWS_VERSION}]\r\n")),
    "whoami": _without_arguments(_who),
}
