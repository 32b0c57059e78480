"""The chain of command hosts: what is in it, what it says of itself, and that each command names its host."""

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from pypsrp.client import Client

from emulator.machines.sandbox.host import probe_sandbox
from emulator.machines.winrm import chain
from emulator.observe import Observation
from tests.windows_hosts import hosts, said, stand_in
from tests.windows_vm import Vm, windows_vm

pytestmark = pytest.mark.network


@pytest.fixture
def pwsh() -> Iterator[str]:
    """A stand-in for PowerShell."""
    with stand_in() as program:
        yield program


def run(vm: Vm, *lines: str) -> None:
    """Run lines by a client."""
    login = {"username": vm.settings.username, "password": vm.settings.password, "auth": "ntlm"}
    with Client("127.0.0.1", port=vm.port, cert_validation=False, no_proxy=True, **login) as client:
        for line in lines:
            client.execute_cmd(line)


async def test_each_command_is_logged_with_its_host(pwsh: str) -> None:
    """The observation of a command names the host that took it, in the order in which they were reported."""
    if reason := await probe_sandbox():
        pytest.skip(reason)
    async with windows_vm(hosts=("pwsh",), pwsh=pwsh) as vm:
        assert vm.detail == "exact recognisers, then pwsh in a sandbox, then built-in command host"
        await asyncio.to_thread(run, vm, 'powershell "1 + 1"', "echo hi")
        seen = [event for event in vm.events if isinstance(event, Observation)]
        hosts = [event.data["host"] for event in seen if event.event == "CommandAnswered"]

    assert hosts == ["pwsh in a sandbox", "built-in command host"]


async def test_a_host_that_is_not_here_says_why(tmp_path: Path) -> None:
    """A program that settings name and that cannot be run is not in the chain, and the report says so."""
    (tmp_path / "pwsh").write_text("no program")
    async with hosts("pwsh", pwsh=str(tmp_path / "pwsh")) as (_, made):
        assert made.detail == (
            "exact recognisers, then built-in command host; "
            f"no pwsh: there is no {tmp_path}/pwsh on this machine that can be run"
        )
        assert len(made.hosts) == 2


async def test_without_a_sandbox_no_program_runs(pwsh: str) -> None:
    """Where the sandbox cannot show the program's folder, the program is not offered, and never run outside."""
    if await probe_sandbox():
        pytest.skip("no sandbox starts here at all")
    folder = Path(pwsh).parent / "a:b"  # the kernel's overlay takes no such name
    folder.mkdir()
    (folder / "pwsh").write_text(f"#!/bin/sh\ntouch {folder}/ran\n")
    (folder / "pwsh").chmod(0o755)

    async with hosts("pwsh", pwsh=str(folder / "pwsh")) as (_, made):
        assert "is no folder of programs that a guest may see" in made.detail
        assert (await said(made, "powershell 1"))[0] == "built-in command host"
    assert not (folder / "ran").exists()
    assert await chain.lacking("pwsh", str(folder / "pwsh")) is not None
    assert await chain.lacking("pwsh", pwsh) is None


async def test_exact_recognisers_come_first(pwsh: str) -> None:
    """A client's own script is known by its whole text, and goes to no other host."""
    restore = """
        $tmp_file_path = [System.IO.Path]::GetFullPath("C:\\none.tmp")
        $dest_file_path = [System.IO.Path]::GetFullPath("C:\\made\\file.txt")
        if (Test-Path $dest_file_path) {
            if (Test-Path -Path $dest_file_path -PathType container) {
                Exit 1
            } else {
                rm $dest_file_path
            }
        }
        else {
            $dest_dir = ([System.IO.Path]::GetDirectoryName($dest_file_path))
            New-Item -ItemType directory -Force -ErrorAction SilentlyContinue -Path $dest_dir | Out-Null
        }
        if (Test-Path $tmp_file_path) {
            $reader = [System.IO.File]::OpenText($tmp_file_path)
            $writer = [System.IO.File]::OpenWrite($dest_file_path)
            try {
                for(;;) {
                    $base64_line = $reader.ReadLine()
                    if ($base64_line -eq $null) { break }
                    $bytes = [System.Convert]::FromBase64String($base64_line)
                    $writer.write($bytes, 0, $bytes.Length)
                }
            }
            finally {
                $reader.Close()
                $writer.Close()
            }
        } else {
            echo $null > $dest_file_path
        }
    """
    encoded = base64.b64encode(restore.encode("utf-16-le")).decode()
    async with hosts("pwsh", pwsh=pwsh) as (computer, made):
        assert (await said(made, f"powershell -EncodedCommand {encoded}"))[0] == "exact recognisers"
        assert computer.drive.find(r"C:\made\file.txt") is not None
        other = base64.b64encode(f"{restore}; 1".encode("utf-16-le")).decode()
        assert (await said(made, f"powershell -EncodedCommand {other}"))[0] == "pwsh in a sandbox"
