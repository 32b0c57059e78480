"""Programs of this machine as clients."""

import asyncio
import shutil
import socket
import sys
from pathlib import Path

import pytest

from emulator.net import filters
from emulator.scenarios.clients import Target
from emulator.scenarios.programs import lacking, openssh, packer, to_its_end
from emulator.scenarios.step import OpenSshClient, PackerClient, Sees

pytestmark = pytest.mark.network
FAILS = Sees(outcome="fails")


def test_what_lacks_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that is not on the path is named; filters say why they are not there."""
    monkeypatch.setenv("PATH", "/nonexistent")

    assert lacking("openssh") == "there is no ssh on this machine"
    assert lacking("packer") == "there is no packer on this machine"
    assert lacking("filters") == (filters.supported() or "")


VERSIONS = [("1.6.6", ""), ("Packer v1.13.1", ""), ("1.14.0", "Packer here is 1.14.0"), ("?", "of no version")]


@pytest.mark.parametrize(("version", "said"), VERSIONS)
def test_a_packer_that_tells_errors_is_too_new(
    version: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its version decides, however it is written."""
    program = tmp_path / "packer"
    program.write_text(f"#!/bin/sh\necho '{version}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert bool(lacking("packer-until-1.13")) is bool(said)
    assert said in lacking("packer-until-1.13")


def nowhere() -> Target:
    """A port at which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    return Target("127.0.0.1", port, "packer", "secret", "/nonexistent", "", "10.60.0.8:22")


@pytest.mark.skipif(shutil.which("ssh") is None, reason="OpenSSH's client is not installed")
async def test_openssh_fails_with_its_own_words() -> None:
    """Exit code 255, and what it printed; heard while it runs."""
    heard: list[str] = []
    seen = await openssh(nowhere(), OpenSshClient(sees=FAILS), heard.append)

    assert (seen.outcome, seen.exit_code) == ("fails", 255)
    assert "Connection refused" in seen.said
    assert "".join(heard) == seen.said


@pytest.mark.parametrize("system", ["linux", "windows"])
async def test_packer_is_told_where_and_ended_when_nobody_waits(
    system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its template has the target and the lines; a program that goes on is ended with its task."""
    program = tmp_path / "packer"
    program.write_text("#!/bin/sh\n/bin/cat build.json\nexec /bin/sleep 600\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    target, heard = nowhere(), asyncio.Event()
    pieces: list[str] = []

    def hear(piece: str) -> None:
        pieces.append(piece)
        heard.set()

    client = PackerClient.model_validate({"system": system, "inline": ["whoami"], "sees": {"outcome": "works"}})
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        running = group.create_task(packer(target, client, hear))
        await heard.wait()
        running.cancel()

    assert f'_port": {target.port}' in "".join(pieces)
    assert "whoami" in "".join(pieces)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc here")
async def test_a_client_ends_with_all_that_it_started() -> None:
    """One in a session of its own too, as Ansible's workers are, which holds its output open."""
    heard = asyncio.Event()
    worker = "import os, time; os.setsid(); print('at work', flush=True); time.sleep(600)"
    line = [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {worker!r}])"]
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        task = group.create_task(to_its_end(line, lambda _: heard.set(), {}))
        await heard.wait()
        task.cancel()
        await asyncio.wait({task})  # which takes until nobody holds its output open any more

    assert task.cancelled()
