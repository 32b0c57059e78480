"""The clients of the close-reason matrix: other people's programs and libraries, each run as its users run it."""

import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from emulator.model.world import System
from emulator.scenarios import libraries, programs
from emulator.scenarios.clients import Target
from emulator.scenarios.matrix import WITHHELD, End
from emulator.scenarios.step import OpenSshClient, PackerClient, Sees

Shell = Literal["sh", "cmd", "powershell"]
MARKS: Mapping[System, str] = {"linux": "/tmp/begun", "windows": "C:\\begun"}  # noqa: S108 - on the build VM
"""The file that a command leaves when it has begun: not every client tells output as it comes."""
GO = "/tmp/go"  # noqa: S108 - likewise
"""The file for which one waits that is to end."""
NAPS = 600
"""How often it looks for that, ten times a second: the build VM's built-in shell knows no `while`."""
RUNS = 900
"""Seconds that a command would run: longer than anybody waits for its client."""
UNUSED = Sees(outcome="works")
SSH_OPTIONS = ("-F /dev/null", "-o ControlMaster=no", "-o UserKnownHostsFile=/dev/null", "-o LogLevel=ERROR")
"""Of Ansible's ssh; without a shared connection, which would stay behind for a minute."""
ANSIBLE_VARIABLES = {
    "ansible_ssh_args": " ".join(SSH_OPTIONS),
    "ansible_winrm_transport": "ntlm",
    "ansible_winrm_server_cert_validation": "ignore",
    "ansible_psrp_auth": "ntlm",
    "ansible_psrp_cert_validation": "ignore",
}
Line = Callable[[Target, str, Path], list[str]]
"""The command line that runs a command at a target, to be run in a folder that it may write into."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A client.

    Attributes:
        shell: whose language its command is in.
        telling: the line of its output from which on it says how it ended; all of it without.
        only: whether it says it on that line alone.
        is_library: whether it returns or raises, and has no exit code of its own.
    """

    name: str
    system: System
    shell: Shell
    version: Callable[[], str]
    line: Line
    telling: str = ""
    only: bool = False
    is_library: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)

    def lacking(self) -> str:
        """What of it is not on this machine; empty where nothing lacks."""
        return "" if self.version() else f"{self.name} is not on this machine"

    def command(self, end: End) -> str:
        """A command that leaves its mark and then says nothing, for longer than anybody waits or until it may end."""
        mark = MARKS[self.system]
        if end == WITHHELD:
            return f"echo begun > {mark}; for each in {'. ' * NAPS}; do test -e {GO} || sleep 0.1; done"
        return {
            "sh": f"echo begun > {mark}; sleep {RUNS}",
            "cmd": f"echo begun> {mark} & ping -n {RUNS} 127.0.0.1 >nul",
            "powershell": f"Set-Content {mark} begun; Start-Sleep {RUNS}",
        }[self.shell]

    def reported(self, said: str, target: Target) -> str:
        """Of all that it said, what tells how it ended, in the addresses that Azure has."""
        lines = [" ".join(each.split()) for each in said.splitlines() if each.strip()]
        first = next((at for at, each in enumerate(lines) if re.search(self.telling, each)), None)
        last = None if first is None or not self.only else first + 1
        telling = lines[-1:] if first is None else lines[first:last]
        return _in_azure(" ".join(telling) or "nothing", target)

    def ends(self, code: int | None) -> str:
        """How it ended, by its exit code; None where it still waits."""
        if code is None:
            return "still waiting"
        if self.is_library:
            return "raises" if code else "returns"
        return f"exit code {code}"


def _in_azure(text: str, target: Target) -> str:
    """Text without what differs between two runs: this machine's ports, how long it took, where things are."""
    host, _, port = target.azure.rpartition(":")
    ours = [
        (rf"{re.escape(target.host)}:{target.port}\b", target.azure),
        (rf"\bport[= ]*{target.port}\b", f"port {port}"),
        (rf"{re.escape(target.host)}:\d+", "CLIENT:PORT"),
        (re.escape(target.host), host),
        (r"errored after [^:]*:", "errored:"),
        (r"/tmp/packer-shell\d+|/tmp/windows-shell-provisioner\d+", "SCRIPT"),  # noqa: S108 - text
        (r"0x[0-9a-f]{6,}", "0x…"),
    ]
    for pattern, instead in ours:
        text = re.sub(pattern, instead, text)
    return text


def _installed(library: str) -> Callable[[], str]:
    def version() -> str:
        try:
            return importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            return ""

    return version


def _printed(program: str, *arguments: str) -> Callable[[], str]:
    def version() -> str:
        found = _where(program)
        if found is None:
            return ""
        done = subprocess.run(  # noqa: S603 - a program of this machine, to be asked for its version
            [found, *arguments], capture_output=True, text=True, check=False, env=programs.quiet("/")
        )
        number = re.search(r"\d+(\.\d+)+(p\d+)?", done.stdout + done.stderr)
        return number[0] if number else "of no version"

    return version


def _where(program: str) -> str | None:
    """A program on the path, or beside this Python: where `pip` puts those of libraries."""
    return shutil.which(program) or shutil.which(program, path=str(Path(sys.executable).parent))


def _by_library(name: str) -> Line:
    def line(target: Target, command: str, folder: Path) -> list[str]:
        given = {
            "host": target.host,
            "port": str(target.port),
            "url": target.url,
            "username": target.username,
            "password": target.password,
            "private_key": target.private_key,
            "command": command,
        }
        file = folder / "given.json"
        file.write_text(json.dumps(given), "utf-8")
        return [sys.executable, "-P", libraries.__file__, name, str(file)]

    return line


def _by_openssh(target: Target, command: str, _: Path) -> list[str]:
    return programs.openssh_line(target, OpenSshClient(sees=UNUSED, command=command))


def _by_packer(system: System) -> Line:
    def line(target: Target, command: str, folder: Path) -> list[str]:
        client = PackerClient(system=system, sees=UNUSED, inline=(command,))
        return programs.packer_line(target, client, folder)

    return line


def _by_ansible(plugin: str) -> Line:
    def line(target: Target, command: str, folder: Path) -> list[str]:
        account = {
            "ansible_port": target.port,
            "ansible_user": target.username,
            **ANSIBLE_VARIABLES,
            **(
                {"ansible_ssh_private_key_file": target.private_key}
                if plugin == "ssh"
                else {"ansible_password": target.password}
            ),
        }
        (folder / "vars.json").write_text(json.dumps(account), "utf-8")
        where = ["-i", f"{target.host},", "all", "-c", plugin, "-e", "@vars.json"]
        return [_where("ansible") or "ansible", *where, "-m", "raw", "-a", command]

    return line


PACKER = r"^Build .* errored|^==> Builds finished\. The"
ANSIBLE: Mapping[str, str] = {"ANSIBLE_HOST_KEY_CHECKING": "False", "ANSIBLE_NOCOLOR": "1", "LC_ALL": "C.UTF-8"}


def _library(name: str, system: System, shell: Shell) -> Tool:
    return Tool(name, system, shell, _installed(name), _by_library(name), is_library=True)


def _packer(name: str, system: System, shell: Shell) -> Tool:
    return Tool(name, system, shell, _printed("packer", "--version"), _by_packer(system), PACKER, only=True)


def _ansible(plugin: str, system: System, shell: Shell) -> Tool:
    version, line = _installed("ansible-core"), _by_ansible(plugin)
    return Tool(f"ansible-{plugin}", system, shell, version, line, r" \| ", environment=ANSIBLE)


TOOLS: Mapping[str, Tool] = {
    each.name: each
    for each in (
        Tool("openssh", "linux", "sh", _printed("ssh", "-V"), _by_openssh),
        _library("asyncssh", "linux", "sh"),
        _library("paramiko", "linux", "sh"),
        _packer("packer-ssh", "linux", "sh"),
        _ansible("ssh", "linux", "sh"),
        _library("pywinrm", "windows", "cmd"),
        _library("pypsrp", "windows", "powershell"),
        _packer("packer-winrm", "windows", "cmd"),
        _ansible("winrm", "windows", "powershell"),
        _ansible("psrp", "windows", "powershell"),
    )
}
"""Every client, by its name."""


def environment(tool: Tool, folder: str) -> dict[str, str]:
    """What a client finds around it: nothing of this machine's settings, and a home of its own."""
    return {**programs.quiet(folder), "ANSIBLE_HOME": folder, "PYTHONWARNINGS": "ignore", **tool.environment}
