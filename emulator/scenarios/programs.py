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
from collections.abc import Mapping
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
    done = subprocess.run(["packer", "--version"], capture_output=True, text=True, check=False, env=_quiet("/"))  # noqa: S607
    found = re.search(r"(\d+)\.(\d+)\.\d+", done.stdout + done.stderr)
    old = found is not None and (int(found[1]), int(found[2])) <= LAST_WITHOUT_ERRORS
    return (
        "" if old else f"Packer here is {found[0] if found else 'of no version'}, and this is about 1.13 and earlier"
    )


def _quiet(folder: str) -> dict[str, str]:
    """The environment of a Packer that asks nobody for updates, and has no settings or plugins but its own."""
    quiet = {"CHECKPOINT_DISABLE": "1", "PACKER_CONFIG_DIR": folder, "HOME": folder, "no_proxy": "*"}
    return {"PATH": os.environ.get("PATH", os.defpath), **quiet}


async def openssh(target: Target, client: OpenSshClient, hear: Hear) -> Seen:
    """A command by `ssh`; its exit code is the command's, or 255."""
    options = [*SSH_OPTIONS, *client.options]
    key = ["-i", target.private_key] if client.key else ["-o", "PubkeyAuthentication=no"]
    told = [word for option in options for word in ("-o", option)]
    who = f"{client.username or target.username}@{target.host}"
    line = ["ssh", "-F", "/dev/null", *told, *key, "-p", str(target.port), who, client.command]
    code, said = await _to_its_end(line, hear, {"PATH": os.environ.get("PATH", os.defpath)})
    return Seen("fails" if code == 255 else "works", said, code)


async def packer(target: Target, client: PackerClient, hear: Hear) -> Seen:
    """`packer build` with the null builder and one provisioner."""
    linux = client.system == "linux"
    provisioner = {"type": "shell" if linux else "windows-shell", "inline": list(client.inline)}
    builder = _ssh_builder(target, client) if linux else _winrm_builder(target, client)
    with tempfile.TemporaryDirectory("-aib-emulator-packer") as folder:
        _write(Path(folder, "build.json"), {"builders": [builder], "provisioners": [provisioner]})
        line = ["packer", "build", "-color=false", "build.json"]
        code, said = await _to_its_end(line, hear, _quiet(folder), folder)
    return Seen("works" if code == 0 else "fails", said, code)


def _write(file: Path, template: object) -> None:
    file.write_text(json.dumps(template), "utf-8")


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


async def _to_its_end(
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
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # with what it started: Packer's plugins are processes, too
        await process.communicate()


async def _followed(process: asyncio.subprocess.Process, hear: Hear) -> str:
    assert process.stdout  # noqa: S101 - it was asked for
    pieces = []
    while piece := await process.stdout.read(CHUNK_BYTES):
        pieces.append(piece.decode(errors="replace"))
        hear(pieces[-1])
    return "".join(pieces)
