"""The other driver: real Packer, with the null builder and the same provisioners, over the same channel.

So that anyone can see that ours takes the same path. Packer's own timers are real ones: those that its template can
set are set to what the emulator's clock makes of them.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.build.communicator import SSH_SECONDS, WINRM_SECONDS, encoded
from emulator.build.log import BUILDER, Log
from emulator.build.provision import Fetched, deprovisioning_lines
from emulator.build.provision_windows import DEFAULT, NO_SYSPREP, SCRIPT, SYSPREP, elevated_user, update_script
from emulator.build.report import Failure
from emulator.build.steps import (
    File,
    PowerShell,
    Shell,
    Source,
    Step,
    WindowsRestart,
    WindowsUpdate,
)
from emulator.channels.ssh_session import Account
from emulator.errors import UnavailableError
from emulator.model.world import System

PROGRAM = "packer"
PATIENCE = 20.0
"""Real seconds for Packer to clean up in once it is interrupted."""
HEADINGS: Mapping[System, tuple[str, ...]] = {
    "linux": ("Provisioning with shell script:", "Uploading "),
    "windows": (
        "Provisioning with Powershell...",
        "Uploading ",
        "Restarting Machine",
        "Provisioning with windows-shell...",
    ),
}
"""What Packer says when a provisioner begins; how many it began is how far it came."""
ERRORED = re.compile(r"Build '.*' errored(?: after [^:]*)?: (.*)")
UPDATE_COMMAND = 'powershell -executionpolicy bypass -file "{{.Path}}"'
KEPT_LINES = 20
LINE_BYTES = 1 << 20


def program() -> str:
    """Packer's path.

    Raises:
        UnavailableError: it is not installed.
    """
    found = shutil.which(PROGRAM)
    if found is None:
        raise UnavailableError(f"--driver packer: found no program {PROGRAM} in PATH; `--driver own` needs none")
    return found


@dataclass(slots=True)
class Template:
    """Writes steps as a template of Packer's, in a folder that holds what they name."""

    folder: Path
    fetched: Fetched
    account: Account

    def write(self, steps: Sequence[Step], system: System, real: Callable[[float], float]) -> Path:
        """The file of a template with these steps; `real` makes real seconds of emulated ones."""
        builder = self._linux(real) if system == "linux" else self._windows(real)
        builder = {"type": "null", "name": BUILDER, **builder}
        path = self.folder / "build.json"
        provisioners = [self.provisioner(step) for step in steps]
        path.write_text(json.dumps({"builders": [builder], "provisioners": provisioners}, indent=1))
        path.chmod(0o600)
        return path

    def _linux(self, real: Callable[[float], float]) -> dict[str, Any]:
        account = self.account
        key = {"ssh_private_key_file": account.private_key} if account.private_key else {}
        password = {"ssh_password": account.password} if account.password and not key else {}
        where = {"ssh_host": account.host, "ssh_port": account.port, "ssh_username": account.username}
        return {"communicator": "ssh", **where, **key, **password, "ssh_timeout": _in_seconds(real(SSH_SECONDS))}

    def _windows(self, real: Callable[[float], float]) -> dict[str, Any]:
        account = self.account
        where = {"winrm_host": account.host, "winrm_port": account.port}
        login = {"winrm_username": account.username, "winrm_password": account.password}
        tls = {"winrm_use_ssl": True, "winrm_insecure": True, "winrm_use_ntlm": True}
        return {"communicator": "winrm", **where, **login, **tls, "winrm_timeout": _in_seconds(real(WINRM_SECONDS))}

    def provisioner(self, step: Step) -> Mapping[str, Any]:
        """Packer's provisioner of a step."""
        if isinstance(step, Shell):
            return {"type": "shell", **self._commands(step.inline, step.script)}
        if isinstance(step, PowerShell):
            return self._powershell(step)
        if isinstance(step, File):
            return {"type": "file", "source": self._file(step.source), "destination": step.destination}
        if isinstance(step, WindowsRestart):
            check = {"restart_check_command": step.check_command} if step.check_command else {}
            limit = {"restart_timeout": _in_seconds(step.seconds)}
            return {"type": "windows-restart", "restart_command": step.command, **check, **limit}
        if isinstance(step, WindowsUpdate):
            path = self._kept("update.ps1", update_script(step))
            system = {"elevated_user": "SYSTEM", "elevated_password": ""}
            return {"type": "powershell", "script": path, "elevated_execute_command": UPDATE_COMMAND, **system}
        return _deprovision(step.system)

    def _powershell(self, step: PowerShell) -> Mapping[str, Any]:
        user = elevated_user(step)
        password = self.account.password if user == self.account.username else ""
        elevated = {"elevated_user": user, "elevated_password": password} if user else {}
        codes = {"valid_exit_codes": list(step.valid_exit_codes)}
        return {"type": "powershell", **self._commands(step.inline, step.script), **elevated, **codes}

    def _commands(self, inline: tuple[str, ...], script: Source | None) -> Mapping[str, Any]:
        return {"script": self._file(script)} if script else {"inline": list(inline)}

    def _file(self, source: Source) -> str:
        return self._kept(source.uri.rpartition("/")[2].partition("?")[0] or "file", self.fetched.of(source))

    def _kept(self, name: str, content: bytes) -> str:
        path = self.folder / f"{len(list(self.folder.iterdir()))}-{name}"
        path.write_bytes(content)
        return str(path)


def _deprovision(system: System) -> Mapping[str, Any]:
    """The hidden step, in one command that looks first, since Packer's templates cannot."""
    if system == "linux":
        return {"type": "shell", "inline": list(deprovisioning_lines())}
    own, default = f'-file "{SCRIPT}"', f"-encodedCommand {encoded(DEFAULT)}"
    by = "powershell -executionpolicy bypass"
    sysprep = f"if exist {SYSPREP} ({by} {default}) else (echo {NO_SYSPREP})"
    return {"type": "windows-shell", "inline": [f"if exist {SCRIPT} ({by} {own}) else ({sysprep})"]}


def _in_seconds(seconds: float) -> str:
    return f"{max(1, round(seconds))}s"


async def performed(
    steps: Sequence[Step],
    system: System,
    account: Account,
    log: Log,
    fetched: Fetched,
) -> Failure | None:
    """Have Packer perform steps; what failed, or None.

    Raises:
        UnavailableError: Packer is not installed.
    """
    with tempfile.TemporaryDirectory("-aib-emulator-packer") as name:
        template = await asyncio.to_thread(
            Template(Path(name), fetched, account).write, steps, system, log.clock.real
        )
        return await _run(template, steps, system, log)


@dataclass(slots=True)
class _Heard:
    """What Packer has said so far: how many provisioners it began, and its last words."""

    headings: tuple[str, ...]
    begun: int = 0
    last: str = ""
    lines: list[str] = field(default_factory=list)

    def hear(self, line: str) -> None:
        """Take in a line of its output."""
        if line.startswith(self.headings):
            self.begun += 1
            self.lines.clear()
        self.lines.append(line)
        if (errored := ERRORED.match(line)) is not None:
            self.last = errored[1]


async def _run(template: Path, steps: Sequence[Step], system: System, log: Log) -> Failure | None:
    process = await asyncio.create_subprocess_exec(
        program(), "build", "-color=false", str(template),
        cwd=template.parent, env=_environment(template.parent), stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True, limit=LINE_BYTES,
    )  # fmt: skip
    heard = _Heard(tuple(f"==> {BUILDER}: {each}" for each in HEADINGS[system]))
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_output(process.stdout, log, heard))
            group.create_task(_log(process.stderr, log))
        code = await process.wait()
    finally:
        await _ended(process)
    if code == 0:
        return None
    step = steps[heard.begun - 1] if 0 < heard.begun <= len(steps) else None
    place, named = (step.place, step.name) if step else ("", "")
    return Failure(heard.last or f"packer ended with {code}", place, named, tuple(heard.lines[-KEPT_LINES:]))


def _environment(folder: Path) -> dict[str, str]:
    """Packer's own, with nothing of this user's settings; the way to the channel is never by a web proxy."""
    quiet = {"CHECKPOINT_DISABLE": "1", "PACKER_CONFIG_DIR": str(folder), "HOME": str(folder), "no_proxy": "*"}
    return {"PATH": os.environ.get("PATH", ""), **quiet, "PACKER_LOG": "1", "TMPDIR": str(folder)}


async def _output(stream: asyncio.StreamReader | None, log: Log, heard: _Heard) -> None:
    async for line in _lines(stream):
        log.out(line)
        heard.hear(line)


async def _log(stream: asyncio.StreamReader | None, log: Log) -> None:
    async for line in _lines(stream):
        log.err(line.partition(" packer: ")[2] or line)


async def _lines(stream: asyncio.StreamReader | None) -> AsyncIterator[str]:
    assert stream is not None  # noqa: S101 - it was asked for
    while raw := await stream.readline():
        yield raw.decode(errors="replace").rstrip()


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Interrupt Packer where it still runs, so that it cleans up; its plugins are of its session."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    try:
        async with asyncio.timeout(PATIENCE):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
