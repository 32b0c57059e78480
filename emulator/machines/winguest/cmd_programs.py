"""The commands and programs that cmd.exe's player knows; each is understood wholly or not at all.

A planner takes the shell and the raw arguments, and returns an action that has not run.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from emulator.machines.winguest import (
    cmd_batch,
    cmd_expand,
    cmd_files,
    cmd_line,
    cmd_set,
    cmd_shell,
    cmd_text,
    holes,
    powershell_exe,
)
from emulator.machines.winguest.cmd_shell import Action, EndOfLine, Shell
from emulator.machines.winguest.cmd_tree import Simple
from emulator.machines.winguest.computer import GENERALIZED, SETUP_STATE, WINDOWS_VERSION
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
    word = arguments.strip().casefold()
    if word == "/?":
        raise NotUnderstoodError("echo /?")
    if word in ("on", "off"):
        return _switching(is_on=word == "on")

    async def run(shell: Shell) -> int:
        state = f"ECHO is {'on' if shell.state.is_echo_on else 'off'}.\r\n"
        shell.print(f"{shell.fill(arguments[1:])}\r\n" if arguments.strip() else state)
        return 0

    return run


def _switching(*, is_on: bool) -> Action:
    async def run(shell: Shell) -> int:
        shell.state.is_echo_on = is_on
        return 0

    return run


def _exit(shell: Shell, arguments: str) -> Action:
    match = re.fullmatch(r"(?P<batch>\s*/b\b)?\s*(?P<code>\S*)\s*", arguments, re.IGNORECASE)
    if match is None or not (holes.are_in(match["code"]) or _code(match["code"]) is not None):
        raise NotUnderstoodError(f"exit{arguments}")
    text, ends_batch = match["code"], bool(match["batch"]) and shell.batch is not None

    async def run(outer: Shell) -> int:
        code = _code(outer.fill(text)) if text else outer.state.errorlevel
        raise (cmd_batch.EndOfBatch if ends_batch else EndOfLine)(code or 0)

    return run


def _code(text: str) -> int | None:
    """An exit code as Windows hands it on, as 32 bits with a sign; None for what is none."""
    if re.fullmatch(r"(-?\d{1,10})?", text, re.ASCII) is None or not -(2**31) <= int(text or 0) < 2**32:
        return None
    return int(text or 0) - 2**32 if int(text or 0) >= 2**31 else int(text or 0)


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


def _nested(shell: Shell, arguments: str) -> Action:
    match = re.match(r"\s*(?:/[dsqv]\s+)*/c\s*(.*)", arguments, re.IGNORECASE | re.DOTALL)
    if match is None:
        raise NotUnderstoodError(f"cmd{arguments}")
    line = match[1]
    line = line.strip()[1:-1] if re.fullmatch(r'".*"', line.strip(), re.DOTALL) else line
    planned = cmd_shell.plan(replace(shell.inner, is_alone=shell.is_alone), line)

    async def run(outer: Shell) -> int:
        inner = outer.inner
        with outer.session.computer.processes.running("cmd.exe", outer.session.pid) as pid:
            inner.session.pid = pid
            try:
                inner.begin()
                return await planned(inner)
            except EndOfLine as end:
                return end.code

    return run


def _call(shell: Shell, arguments: str) -> Action:
    if arguments.strip().startswith(":"):
        return cmd_batch.plan_label(shell, arguments)
    late = replace(shell.scope, is_late=True)
    text = cmd_expand.expand(arguments.strip(), replace(late, arguments=None))
    (node, *rest) = cmd_line.parse(text, shell.scope.holes)
    if rest or not isinstance(node, Simple):
        raise NotUnderstoodError(f"call{arguments}")
    if re.search(r"\.(bat|cmd)$", node.name, re.IGNORECASE):
        return cmd_batch.plan(shell, node, is_called=True)
    return cmd_shell.plan_node(shell, node)


def _goto(shell: Shell, arguments: str) -> Action:
    label = cmd_batch.label_of(shell, arguments)

    async def run(_: Shell) -> int:
        raise cmd_batch.GotoSignal(label)

    return run


def _set_local(_: Shell, arguments: str) -> Action:
    words = {"enabledelayedexpansion", "disabledelayedexpansion", "enableextensions"}
    if not set(arguments.casefold().split()) <= words:
        raise NotUnderstoodError(f"setlocal{arguments}")

    async def run(shell: Shell) -> int:
        session = shell.session
        if shell.batch is not None:
            shell.state.stack.append(("setlocal", dict(session.environment), session.directory))
        return 0

    return run


def _end_local(_: Shell, arguments: str) -> Action:
    if arguments.strip():
        raise NotUnderstoodError(f"endlocal{arguments}")

    async def run(shell: Shell) -> int:
        kept = [number for number, entry in enumerate(shell.state.stack) if entry[0] == "setlocal"]
        if kept:
            cmd_batch.restore(shell, kept[-1])
        return 0

    return run


def _title(_: Shell, arguments: str) -> Action:
    del arguments
    return saying("")


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


def _fsutil(_: Shell, arguments: str) -> Action:
    if re.fullmatch(r"\s+volume\s+diskfree\s+c:\\?\s*", arguments, re.IGNORECASE) is None:
        raise NotUnderstoodError(f"fsutil{arguments}")

    async def run(shell: Shell) -> int:
        drive = shell.session.computer.drive
        shell.print(
            f"Total free bytes                : {drive.free_bytes:>15,}\r\n"
            f"Total bytes                     : {drive.size_bytes:>15,}\r\n"
        )
        return 0

    return run


_SYSPREP = re.compile(r"(?=.*/generalize\b)(?:\s*/(?:generalize|oobe|quiet|quit|mode:vm))+\s*", re.IGNORECASE)


def _sysprep(_: Shell, arguments: str) -> Action:
    """Nothing is taken off this machine; what is asked for afterwards, Setup's state, is set as by the real one."""
    if _SYSPREP.fullmatch(arguments) is None:
        raise NotUnderstoodError(f"sysprep{arguments}")

    async def run(shell: Shell) -> int:
        shell.session.computer.make_key(SETUP_STATE).values["ImageState"] = GENERALIZED
        return 0

    return run


def _powershell(shell: Shell, arguments: str) -> Action:
    if holes.are_in(arguments):
        raise NotUnderstoodError("powershell")
    planned = powershell_exe.plan(shell.session, arguments, shell.scope.changing)
    if not shell.is_alone:
        # What is only known to be refused when it runs must not have anything before it.
        powershell_exe.must_be_decided(planned)

    async def run(outer: Shell) -> int:
        return await powershell_exe.run(planned, outer.session, outer.console)

    return run


INTERNAL: Mapping[str, Planner] = {
    **cmd_files.PROGRAMS,
    "call": _call,
    "cls": printing(lambda _: "\f"),
    "echo": _echo,
    "endlocal": _end_local,
    "exit": _exit,
    "goto": _goto,
    "rem": lambda _, __: saying(""),
    "set": cmd_set.plan,
    "setlocal": _set_local,
    "title": _title,
    "ver": printing(lambda _: f"\r\nMicrosoft Windows [Version {WINDOWS_VERSION}]\r\n"),
}
"""What cmd.exe has within itself."""
EXTERNAL: Mapping[str, Planner] = {
    **cmd_text.PROGRAMS,
    "cmd": _nested,
    "fsutil": _fsutil,
    "hostname": printing(lambda shell: f"{shell.session.computer.name.lower()}\r\n"),
    "ipconfig": _ipconfig,
    "ping": _ping,
    "powershell": _powershell,
    "shutdown": _shutdown,
    "sysprep": _sysprep,
    "tasklist": _tasklist,
    "timeout": _timeout,
    "whoami": printing(lambda shell: f"{shell.session.computer.name}\\{shell.session.computer.user}\r\n".lower()),
}
"""Programs of their own, which PowerShell starts, too."""
