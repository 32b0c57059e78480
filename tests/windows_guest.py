"""A Windows guest without a network around it: a computer, a session on it, and what it all holds."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from emulator.machines.winguest import cmd_shell
from emulator.machines.winguest.computer import Computer
from emulator.machines.winguest.console import Kept
from emulator.machines.winguest.engine import Engine, Session
from emulator.machines.winguest.powershell_exe import Planned, run, understood
from emulator.machines.winrm.command_host import Process
from tests.windows_vm import SETTINGS


@dataclass(frozen=True, slots=True)
class Guest:
    """A computer and a session on it."""

    computer: Computer
    session: Session

    @property
    def engine(self) -> Engine:
        """An engine in the session, which has nobody to write to."""
        return Engine(self.session, cast("Any", Silent()))

    def put(self, files: Mapping[str, str]) -> None:
        """Write files."""
        for path, text in files.items():
            self.computer.drive.write(path, text.encode())

    async def powershell(self, script: str) -> tuple[str, str, int]:
        """What a script writes, and its exit code; raises NotUnderstoodError where it is refused."""
        console, planned = Kept(), Planned(understood(self.session, script))
        code = await run(planned, self.session, console)
        return console.text("stdout"), console.text("stderr"), code

    async def cmd(self, line: str, given: bytes = b"") -> tuple[str, str, int]:
        """What a line of cmd.exe writes, and its exit code; `given` is its input."""
        console = Kept(given)
        code = await cmd_shell.run_line(self.session, console, line)
        return console.text("stdout"), console.text("stderr"), code

    def state(self) -> tuple[object, ...]:
        """All that a script can change: files, registry, services, features, variables, the current folder."""
        computer, session = self.computer, self.session
        root = computer.drive.root
        files = {str(path): path.read_bytes() if path.is_file() else None for path in root.rglob("*")}
        registry = {path: (dict(key.values), dict(key.kinds)) for path, key in computer.registry.items()}
        services = {name: replace(service) for name, service in computer.services.items()}
        mine = (dict(session.environment), dict(session.scope.variables), session.directory)
        return files, registry, services, set(computer.features), dict(computer.machine_variables), mine


class Silent:
    """Streams that nobody reads."""

    async def drained(self) -> None:
        """There is always room."""


@contextlib.contextmanager
def guest(files: Mapping[str, str] | None = None, **changes: object) -> Iterator[Guest]:
    """A guest with such files; `changes` replace fields of the machine's settings."""
    with tempfile.TemporaryDirectory() as root:
        computer = Computer(replace(SETTINGS, **changes), Path(root), lambda: None)  # type: ignore[arg-type]
        made = Guest(computer, Session(computer, computer.environment, computer.drive.home))
        made.put(files or {})
        yield made


async def answer_of(process: Process) -> tuple[str, str, int]:
    """What a process wrote on both streams, and its exit code."""
    texts, code = {"stdout": b"", "stderr": b""}, None
    while code is None:
        chunk = await process.read(1 << 20)
        code = chunk.exit_code
        for output in chunk.outputs:
            texts[output.stream] += output.data
    return texts["stdout"].decode(), texts["stderr"].decode(), code
