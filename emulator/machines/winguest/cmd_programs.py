"""The commands and programs that cmd.exe's player knows; each is understood wholly or not at all.

A planner takes the shell and the raw arguments, and returns an action that has not run.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from emulator.machines.winguest import cmd_files, cmd_shell, powershell_exe
from emulator.machines.winguest.cmd_shell import Action, EndOfLine, Shell
from emulator.machines.winguest.computer import WINDOWS_VERSION
from emulator.machines.winguest.errors import NotUnderstoodError

Planner = Callable[[Shell, str], Action]


def printing(text: Callable[[Shell], str]) -> Planner:
    """A program without arguments that prints something."""

    def plan(_: Shell, arguments: str) -> Action:
        if arguments.strip():
            raise NotUnderstoodError(arguments.strip())

        async def run(shell: Shell) -> int:
            shell.print(text(shell))
            return 0

        return run

    return plan


def saying(text: str, code: int = 0, stream: str = "stdout") -> Action:
    """An action that says something."""

    async def run(shell: Shell) -> int:
        shell.print(text, stream)
        return code

    return run


def _echo(_: Shell, arguments: str) -> Action:
    text = arguments[1:]
    if text.strip().casefold() in ("on", "off", "/?"):
        raise NotUnderstoodError(f"echo {text.strip()}")
    return saying("ECHO is on.\r\n" if not arguments.strip() else f"{text}\r\n")


def _exit(_: Shell, arguments: str) -> Action:
    match = re.fullmatch(r"\s*(?:/b\b)?\s*(-?\d{1,10})?\s*", arguments, re.IGNORECASE | re.ASCII)
    if match is None or not -(2**31) <= int(match[1] or 0) < 2**32:
        raise NotUnderstoodError(f"exit{arguments}")
    code = int(match[1] or 0)

    async def run(_: Shell) -> int:
        # Windows hands the number on as 32 bits with a sign.
        raise EndOfLine(code - 2**32 if code >= 2**31 else code)

    return run


def _set(_: Shell, arguments: str) -> Action:
    text = arguments.strip()
    if text.startswith("/"):
        raise NotUnderstoodError(f"set {text}")
    text = text[1 : text.rindex('"')] if re.match(r'".*"', text) else arguments.lstrip()
    name, equals, value = text.partition("=")

    async def run(shell: Shell) -> int:
        return _assign(shell, name.strip(), value) if equals else _list_variables(shell, name.strip())

    return run


def _assign(shell: Shell, name: str, value: str) -> int:
    if not name:
        shell.print("The syntax of the command is incorrect.\r\n", "stderr")
        return 1
    shell.session.assign(name, value)
    return 0


def _list_variables(shell: Shell, prefix: str) -> int:
    held = shell.session.environment
    names = [name for name in held if name.upper().startswith(prefix.upper())]
    if not names:
        shell.print(f"Environment variable {prefix} not defined\r\n", "stderr")
        return 1
    for name in sorted(names, key=str.upper):
        shell.print(f"{name}={held[name]}\r\n")
    return 0


def _ipconfig(_: Shell, arguments: str) -> Action:
    if arguments.strip().casefold() not in ("", "/all"):
        raise NotUnderstoodError(f"ipconfig{arguments}")
    everything = bool(arguments.strip())

    async def run(shell: Shell) -> int:
        shell.print(_ip_configuration(shell, everything=everything))
        return 0

    return run


def _ip_configuration(shell: Shell, *, everything: bool) -> str:
    computer = shell.session.computer
    gateway = computer.address.rpartition(".")[0] + ".1"
    host = f"   Host Name . . . . . . . . . . . . : {computer.name.lower()}\r\n" if everything else ""
    return (
        f"\r\nWindows IP Configuration\r\n\r\n{host}\r\nEthernet adapter Ethernet:\r\n\r\n"
        "   Connection-specific DNS Suffix  . : \r\n"
        f"   IPv4 Address. . . . . . . . . . . : {computer.address}\r\n"
        "   Subnet Mask . . . . . . . . . . . : 255.255.255.0\r\n"
        f"   Default Gateway . . . . . . . . . : {gateway}\r\n"
    )


def _ping(_: Shell, arguments: str) -> Action:
    match = re.fullmatch(r"\s+(?:-n\s+(\d{1,6})\s+)?(127\.0\.0\.1|localhost)(?:\s+-n\s+(\d{1,6}))?\s*", arguments)
    if match is None:
        raise NotUnderstoodError(f"ping{arguments}")
    count = int(match[1] or match[3] or 4)

    async def run(shell: Shell) -> int:
        with shell.session.computer.processes.running("PING.EXE", shell.session.pid):
            shell.print("\r\nPinging 127.0.0.1 with 32 bytes of data:\r\n")
            for number in range(count):
                if number:
                    await asyncio.sleep(1)
                shell.print("Reply from 127.0.0.1: bytes=32 time<1ms TTL=128\r\n")
        return 0

    return run


def _timeout(_: Shell, arguments: str) -> Action:
    match = re.fullmatch(r"\s+(?:/t\s+)?(\d{1,5})(?:\s+/nobreak)?\s*", arguments, re.IGNORECASE)
    if match is None:
        raise NotUnderstoodError(f"timeout{arguments}")

    async def run(shell: Shell) -> int:
        with shell.session.computer.processes.running("timeout.exe", shell.session.pid):
            await asyncio.sleep(int(match[1]))
        return 0

    return run


def _more(_: Shell, arguments: str) -> Action:
    if arguments.strip():
        raise NotUnderstoodError(f"more{arguments}")

    async def run(shell: Shell) -> int:
        async for data in shell.console.standard_input():
            shell.console.write("stdout", data)
            await shell.console.drained()
        return 0

    return run


def _nested(shell: Shell, arguments: str) -> Action:
    match = re.match(r"\s*(?:/[dsq]\s+)*/c\s*(.*)", arguments, re.IGNORECASE | re.DOTALL)
    if match is None:
        raise NotUnderstoodError(f"cmd{arguments}")
    line = match[1]
    line = line.strip()[1:-1] if re.fullmatch(r'".*"', line.strip(), re.DOTALL) else line
    cmd_shell.plan(shell.inner, line)

    async def run(outer: Shell) -> int:
        inner = outer.inner
        with outer.session.computer.processes.running("cmd.exe", outer.session.pid) as pid:
            inner.session.pid = pid
            try:
                return await cmd_shell.perform(inner, cmd_shell.plan(inner, line))
            except EndOfLine as end:
                return end.code

    return run


def _call(shell: Shell, arguments: str) -> Action:
    planned = cmd_shell.plan(replace(shell, depth=shell.depth + 1), arguments.strip())

    async def run(outer: Shell) -> int:
        return await cmd_shell.perform(outer, planned)

    return run


def _if(shell: Shell, arguments: str) -> Action:
    match = re.fullmatch(
        r"\s+(?P<not>not\s+)?(?:exist\s+(?P<path>\"[^\"]+\"|\S+)|errorlevel\s+(?P<level>\d+)"
        r"|(?P<left>\"[^\"]*\"|\S+?)\s*==\s*(?P<right>\"[^\"]*\"|\S+)|defined\s+(?P<name>\w+))\s+(?P<then>.+)",
        arguments,
        re.IGNORECASE | re.DOTALL,
    )
    if match is None or match["then"].startswith("("):
        raise NotUnderstoodError(f"if{arguments}")
    planned = cmd_shell.plan(replace(shell, depth=shell.depth + 1), match["then"])

    async def run(outer: Shell) -> int:
        if _holds(outer, match) == bool(match["not"]):
            return 0
        return await cmd_shell.perform(outer, planned)

    return run


def _holds(shell: Shell, match: re.Match[str]) -> bool:
    if match["path"]:
        path = shell.session.computer.drive.resolve(match["path"], shell.session.directory)
        return shell.session.computer.drive.find(path) is not None
    if match["level"]:
        return int(shell.session.variable("ERRORLEVEL") or 0) >= int(match["level"])
    if match["name"]:
        return shell.session.variable(match["name"]) is not None
    return match["left"] == match["right"]


def _tasklist(_: Shell, arguments: str) -> Action:
    if arguments.strip():
        raise NotUnderstoodError(f"tasklist{arguments}")

    async def run(shell: Shell) -> int:
        shell.print("\r\nImage Name                     PID\r\n========================= ========\r\n")
        for program in shell.session.computer.processes.table.values():
            shell.print(f"{program.name:25} {program.pid:8}\r\n")
        return 0

    return run


_SHUTDOWN = re.compile(
    r"(?=.*/(?P<kind>[ra])\b)\s*(?:\s*/(?:r|a|f|t\s+\d+|c\s+\"[^\"]*\"|d\s+\S+))+\s*", re.IGNORECASE | re.DOTALL
)


def _shutdown(_: Shell, arguments: str) -> Action:
    match = _SHUTDOWN.fullmatch(arguments)
    if match is None:
        raise NotUnderstoodError(f"shutdown{arguments}")
    delay = re.search(r"/t\s+(\d{1,9})", arguments, re.IGNORECASE)
    seconds = float(delay[1]) if delay else 30.0

    async def run(shell: Shell) -> int:
        restarts = shell.session.computer.restarts
        complaint = restarts.cancel() if match["kind"].casefold() == "a" else restarts.ask(seconds)
        if complaint is not None:
            shell.print(f"{complaint.sentence}({complaint.code})\r\n", "stderr")
            return complaint.code
        return 0

    return run


def _powershell(shell: Shell, arguments: str) -> Action:
    planned = powershell_exe.plan(shell.session, arguments)

    async def run(outer: Shell) -> int:
        return await powershell_exe.run(planned, outer.session, outer.console)

    return run


PROGRAMS: Mapping[str, Planner] = {
    **cmd_files.PROGRAMS,
    "call": _call,
    "cmd": _nested,
    "echo": _echo,
    "exit": _exit,
    "hostname": printing(lambda shell: f"{shell.session.computer.name.lower()}\r\n"),
    "if": _if,
    "ipconfig": _ipconfig,
    "more": _more,
    "ping": _ping,
    "powershell": _powershell,
    "rem": lambda _, __: saying(""),
    "set": _set,
    "shutdown": _shutdown,
    "tasklist": _tasklist,
    "timeout": _timeout,
    "ver": printing(lambda _: f"\r\nMicrosoft Windows [Version {WINDOWS_VERSION}]\r\n"),
    "whoami": printing(lambda shell: f"{shell.session.computer.name}\\{shell.session.computer.user}\r\n".lower()),
}
