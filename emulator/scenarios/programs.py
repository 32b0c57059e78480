"""The clients of a script that are programs of this machine: OpenSSH's `ssh`, and Packer."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from emulator.net import filters
from emulator.scenarios.clients import Hear, Target
from emulator.scenarios.judging import Seen
from emulator.scenarios.scenario import Needed
from emulator.scenarios.step import OpenSshClient, PackerClient

CHUNK_BYTES = 4096
LAST_WITHOUT_ERRORS = (1, 13)
"""The last Packer from before packer-plugin-sdk 0.6.3 (hashicorp/packer-plugin-sdk f6edf981, 2025-07-01)."""
SSH_OPTIONS = (
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "LogLevel=ERROR",
    "BatchMode=yes",
    "IdentitiesOnly=yes",
)


def lacking(needed: Needed) -> str:
    """What of this is not on this machine, in a sentence; empty where nothing lacks."""
    if needed == "filters":
        return filters.supported() or ""
    program = "ssh" if needed == "openssh" else "packer"
    if shutil.which(program) is None:
        return f"there is no {program} on this machine"
    return _too_new() if needed == "packer-until-1.13" else ""


def _too_new() -> str:
    """Whether Packer may have plugin SDK 0.6.3 (July 2025) in it, which tells errors that before were thrown away."""
    done = subprocess.run(["packer", "--version"], capture_output=True, text=True, check=False, env=quiet("/"))  # noqa: S607
    found = re.search(r"(\d+)\.(\d+)\.\d+", done.stdout + done.stderr)
    old = found is not None and (int(found[1]), int(found[2])) <= LAST_WITHOUT_ERRORS
    return (
        "" if old else f"Packer here is {found[0] if found else 'of no version'}, and this is about 1.13 and earlier"
    )


def quiet(folder: str) -> dict[str, str]:
    """The environment of a Packer that asks nobody for updates, and has no settings or plugins but its own."""
    settings = {"CHECKPOINT_DISABLE": "1", "PACKER_CONFIG_DIR": folder, "HOME": folder, "no_proxy": "*"}
    return {"PATH": os.environ.get("PATH", os.defpath), **settings}


async def openssh(target: Target, client: OpenSshClient, hear: Hear) -> Seen:
    """A command by `ssh`; its exit code is the command's, or 255."""
    code, said = await to_its_end(openssh_line(target, client), hear, {"PATH": os.environ.get("PATH", os.defpath)})
    return Seen("fails" if code == 255 else "works", said, code)


def openssh_line(target: Target, client: OpenSshClient) -> list[str]:
    """The command line."""
    options = [*client.options, *SSH_OPTIONS]  # of two values ssh takes the first
    key = ["-i", target.private_key] if client.key else ["-o", "PubkeyAuthentication=no"]
    told = [word for option in options for word in ("-o", option)]
    who = f"{client.username or target.username}@{target.host}"
    return ["ssh", "-F", "/dev/null", *told, *key, "-p", str(target.port), who, client.command]


async def packer(target: Target, client: PackerClient, hear: Hear) -> Seen:
    """`packer build` with the null builder and one provisioner."""
    with tempfile.TemporaryDirectory("-aib-emulator-packer") as folder:
        line = packer_line(target, client, Path(folder))
        code, said = await to_its_end(line, hear, quiet(folder), folder)
    return Seen("works" if code == 0 else "fails", said, code)


def packer_line(target: Target, client: PackerClient, folder: Path) -> list[str]:
    """The command line, to be run in a folder in which its template is written."""
    linux = client.system == "linux"
    lines: dict[str, Any] = {"type": "shell" if linux else "windows-shell", "inline": list(client.inline)}
    restart = {"type": "windows-restart", "restart_timeout": client.restart}
    builder = _ssh_builder(target, client) if linux else _winrm_builder(target, client)
    template = {"builders": [builder], "provisioners": [restart, lines] if client.restart else [lines]}
    (folder / "build.json").write_text(json.dumps(template), "utf-8")
    return ["packer", "build", "-color=false", "build.json"]


def _ssh_builder(target: Target, client: PackerClient) -> dict[str, Any]:
    return {
        "type": "null",
        "communicator": "ssh",
        "ssh_host": target.host,
        "ssh_port": target.port,
        "ssh_username": target.username,
        "ssh_private_key_file": target.private_key,
        "ssh_timeout": client.timeout,
    }


def _winrm_builder(target: Target, client: PackerClient) -> dict[str, Any]:
    return {
        "type": "null",
        "communicator": "winrm",
        "winrm_host": target.host,
        "winrm_port": target.port,
        "winrm_username": target.username,
        "winrm_password": target.password,
        "winrm_use_ssl": True,
        "winrm_insecure": True,
        "winrm_use_ntlm": True,
        "winrm_timeout": client.timeout,
    }


async def to_its_end(
    line: list[str], hear: Hear, environment: Mapping[str, str], folder: str | None = None
) -> tuple[int, str]:
    """A program's exit code and all it said; it is ended where nobody waits for it any more."""
    process = await asyncio.create_subprocess_exec(
        *line,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(environment),
        cwd=folder,
        start_new_session=True,
    )
    try:
        said = await _followed(process, hear)
        return await process.wait(), said
    finally:
        _kill(process.pid)
        await process.communicate()


def _kill(pid: int) -> None:
    """End a program with what it started: Packer's plugins, Ansible's workers, which have sessions of their own."""
    below = list(_below(pid))
    for end, number in ((os.killpg, pid), *((os.kill, each) for each in below)):
        with contextlib.suppress(ProcessLookupError):
            end(number, signal.SIGKILL)


def _below(pid: int) -> Iterator[int]:
    """The processes that a process has started, and those that these have; none where there is no /proc."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            parent = int(stat.read_text("utf-8", "replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    found = [pid]
    while found:
        started = children.get(found.pop(), [])
        yield from started
        found += started


async def _followed(process: asyncio.subprocess.Process, hear: Hear) -> str:
    assert process.stdout  # noqa: S101 - it was asked for
    pieces = []
    while piece := await process.stdout.read(CHUNK_BYTES):
        pieces.append(piece.decode(errors="replace"))
        hear(pieces[-1])
    return "".join(pieces)
