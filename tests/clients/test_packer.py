"""Packer through the whole channel, by 127.0.0.1 and the Windows port of it."""

import asyncio
import hashlib
import json
import os
import random
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import emulator

pytestmark = [
    pytest.mark.network,
    pytest.mark.timeout(180),
    pytest.mark.skipif(shutil.which("packer") is None, reason="there is no Packer on this machine; CI installs it"),
]
SETTINGS = {"listen": "auto", "winrm": {"restart_silent": 1, "restart_refused": 1}}


def build(folder: Path, endpoint: Any, provisioners: Sequence[dict[str, Any]], *, ntlm: bool) -> tuple[int, str]:
    """The exit code of `packer build`, and what it said."""
    builder = {
        "type": "null",
        "communicator": "winrm",
        "winrm_host": endpoint.host,
        "winrm_port": endpoint.port,
        "winrm_username": endpoint.username,
        "winrm_password": endpoint.password,
        "winrm_use_ssl": True,
        "winrm_insecure": True,
        "winrm_use_ntlm": ntlm,
        "winrm_timeout": "60s",
    }
    (folder / "build.json").write_text(json.dumps({"builders": [builder], "provisioners": list(provisioners)}))
    quiet = {"CHECKPOINT_DISABLE": "1", "PACKER_CONFIG_DIR": str(folder), "HOME": str(folder), "no_proxy": "*"}
    done = subprocess.run(
        ["packer", "build", "-color=false", "build.json"],
        cwd=folder, env={"PATH": os.environ["PATH"], **quiet}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("ntlm", [True, False], ids=["ntlm", "basic"])
async def test_builds(tmp_path: Path, ntlm: bool) -> None:  # noqa: FBT001
    """Uploads, cmd, PowerShell inline and by script, elevated commands and a restart: a build runs to its end."""
    content = random.Random(1).randbytes(20_000)
    (tmp_path / "20k").write_bytes(content)
    (tmp_path / "script.ps1").write_text('Write-Output "in a script: $env:GREETING"\n')
    hashed = "(Get-FileHash C:\\Windows\\Temp\\20k.bin -Algorithm SHA256).Hash"
    provisioners: list[dict[str, Any]] = [
        {"type": "file", "source": "20k", "destination": "C:\\Windows\\Temp\\20k.bin"},
        {"type": "windows-shell", "inline": ["echo hello from cmd", "ver"]},
        {"type": "powershell", "inline": ["$x = 1 + 2", 'Write-Host "x=$x"', hashed]},
        {"type": "powershell", "script": "script.ps1", "environment_vars": ["GREETING=hi"]},
        {"type": "windows-restart", "restart_timeout": "60s"},
    ]
    async with emulator.start(**SETTINGS) as channel:  # type: ignore[arg-type]
        windows = channel.status.endpoints["windows"]
        provisioners.insert(
            4, {"type": "powershell", "inline": ["Write-Output elevated"], "elevated_user": windows.username,
                "elevated_password": windows.password},
        )  # fmt: skip
        code, said = await asyncio.to_thread(build, tmp_path, windows, provisioners, ntlm=ntlm)

    assert code == 0, said
    for line in ("hello from cmd", "x=3", hashlib.sha256(content).hexdigest().upper(), "in a script: hi", "elevated"):
        assert line in said
    assert "BUILD-WINDOWS restarted." in said


async def test_an_unknown_cmdlet_fails_the_build(tmp_path: Path) -> None:
    """A script with a cmdlet that nobody knows fails the build, and nothing of it has run."""
    provisioners = [{"type": "powershell", "inline": ["Set-Content C:\\ran.txt ran", "Get-Frobnication"]}]
    async with emulator.start(**SETTINGS) as channel:  # type: ignore[arg-type]
        windows = channel.status.endpoints["windows"]
        code, said = await asyncio.to_thread(build, tmp_path, windows, provisioners, ntlm=True)
        left = await channel.run("windows", "dir /b C:\\ran.txt")

    assert code == 1
    assert "Get-Frobnication" in said
    assert left.exit_code == 1


@pytest.mark.slow
async def test_uploads_megabytes(tmp_path: Path) -> None:
    """Five megabytes arrive whole."""
    content = random.Random(2).randbytes(5_000_000)
    (tmp_path / "5M").write_bytes(content)
    provisioners: list[dict[str, Any]] = [
        {"type": "file", "source": "5M", "destination": "C:\\5M.bin"},
        {"type": "powershell", "inline": ["(Get-FileHash C:\\5M.bin).Hash"]},
    ]
    async with emulator.start(**SETTINGS) as channel:  # type: ignore[arg-type]
        windows = channel.status.endpoints["windows"]
        code, said = await asyncio.to_thread(build, tmp_path, windows, provisioners, ntlm=True)

    assert code == 0, said
    assert hashlib.sha256(content).hexdigest().upper() in said
