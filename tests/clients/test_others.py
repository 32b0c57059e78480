"""The other clients that people point at a build VM: the Go library, Ansible's connection plugins, evil-winrm-py."""

import asyncio
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.windows_vm import windows_vm

pytestmark = [pytest.mark.network, pytest.mark.timeout(180)]

GO_SOURCES = Path("/usr/share/gocode")
"""Where Debian's golang-github-masterzen-winrm-dev has its library and what that needs."""
HAS_GO = shutil.which("go") is not None and (GO_SOURCES / "src/github.com/masterzen/winrm").is_dir()
HERE = Path(__file__).parent


def ran(command: Sequence[str | Path], **environment: str) -> str:
    """What a command says on both streams; it must succeed."""
    # Only what is listed is set: certificate bundles and proxies of this machine have no say.
    kept = {"PATH": os.environ["PATH"], "HOME": "/tmp", "LC_ALL": "C.UTF-8", **environment}
    done = subprocess.run(command, env=kept, capture_output=True, text=True, check=False, input="")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def go_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small program on the Go library, built once."""
    folder = tmp_path_factory.mktemp("go")
    shutil.copy(HERE / "winrm_command.go", folder / "main.go")
    ran(
        ["go", "build", "-o", folder / "client", folder / "main.go"],
        GOPATH=str(GO_SOURCES), GO111MODULE="off", GOCACHE=str(folder / "cache"),
    )  # fmt: skip
    return folder / "client"


@pytest.mark.skipif(not HAS_GO, reason="there is no Go with Debian's WinRM library here; CI installs it")
@pytest.mark.parametrize("login", ["basic", "ntlm"])
async def test_go(go_client: Path, login: str) -> None:
    """The library that Packer stands on runs commands: output, errors, exit code, and input to its end."""
    async with windows_vm(password="Passw0rd") as vm:
        arguments: list[str | Path] = [go_client, str(vm.port), login, "packer", "Passw0rd"]
        said = await asyncio.to_thread(ran, [*arguments, "echo out& echo err>&2& exit 7"])
        fed = await asyncio.to_thread(ran, [*arguments, "more", "some input"])

    assert said == '"out\\r\\n" "err\\r\\n" 7\n'
    assert fed == '"some input" "" 0\n'


@pytest.mark.parametrize("plugin", ["winrm", "psrp"])
async def test_ansible_moves_files(plugin: str, tmp_path: Path) -> None:
    """A megabyte goes there by `put_file` and comes back equal by `fetch_file`; a command's exit code arrives."""
    content = random.Random(3).randbytes(1_000_000)
    (tmp_path / "source").write_bytes(content)
    async with windows_vm() as vm:
        script: list[str | Path] = [
            sys.executable,
            HERE / "ansible_files.py",
            plugin,
            str(vm.port),
            "packer",
            vm.settings.password,
        ]
        files: list[str | Path] = [str(tmp_path / "source"), str(tmp_path / "target")]
        said = await asyncio.to_thread(ran, [*script, *files], ANSIBLE_HOME=str(tmp_path))

    assert said.splitlines()[-1] == "3 hi"
    assert (tmp_path / "target").read_bytes() == content


@pytest.mark.parametrize("plugin", ["winrm", "psrp"])
async def test_ansible_raw(plugin: str, tmp_path: Path) -> None:
    """`ansible -m raw` brings a command's output."""
    async with windows_vm() as vm:
        extra = (
            f"ansible_port={vm.port} ansible_user=packer ansible_password={vm.settings.password} "
            "ansible_winrm_server_cert_validation=ignore ansible_psrp_cert_validation=ignore "
            "ansible_winrm_transport=ntlm ansible_psrp_auth=ntlm"
        )
        command = [str(Path(sys.executable).parent / "ansible"), "-i", "127.0.0.1,", "all", "-c", plugin, "-m", "raw"]
        said = await asyncio.to_thread(ran, [*command, "-e", extra, "-a", "echo hi"], ANSIBLE_HOME=str(tmp_path))

    assert "rc=0" in said
    assert "hi" in said


async def test_evil_winrm_moves_files(tmp_path: Path) -> None:
    """A megabyte goes there by `upload` and comes back equal by `download`; output and exit codes arrive."""
    content = random.Random(4).randbytes(1_000_000)
    (tmp_path / "s").write_bytes(content)
    files = f"upload {tmp_path}/s C:\\e.bin\ndownload C:\\e.bin {tmp_path}/t"
    lines = f"hostname\ncmd /c exit 37\n$LASTEXITCODE\n{files}\nexit\n"
    async with windows_vm() as vm:
        program = str(Path(sys.executable).parent / "evil-winrm-py")
        login = ["-i", "127.0.0.1", "--port", str(vm.port), "--ssl", "-u", "packer", "-p", vm.settings.password]
        done = await asyncio.to_thread(
            subprocess.run, [program, *login, "--no-colors"], input=lines, capture_output=True, text=True,
            check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "TERM": "dumb"},
            cwd=tmp_path,
        )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert "build-windows" in done.stdout, done.stderr
    assert "37" in [line.split("> ")[-1].strip() for line in done.stdout.splitlines()]
    assert (tmp_path / "t").read_bytes() == content
