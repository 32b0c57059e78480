"""Other people's clients through the whole channel: OpenSSH's ssh, scp and sftp, and pywinrm."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from emulator.app.channel import Channel
from emulator.app.run import start
from emulator.app.status import Endpoint

pytestmark = [
    pytest.mark.network,
    pytest.mark.filterwarnings("ignore:Unverified HTTPS"),  # pywinrm's library, of the certificate we know
    pytest.mark.skipif(shutil.which("ssh") is None, reason="OpenSSH's client is not installed"),
]
MIB = 1 << 20
OPTIONS = (
    "-F",
    "/dev/null",
    "-o",
    "StrictHostKeyChecking=no",
    "-o",
    "UserKnownHostsFile=/dev/null",
    "-o",
    "LogLevel=ERROR",
    "-o",
    "BatchMode=yes",
    "-o",
    "IdentitiesOnly=yes",
)


@pytest_asyncio.fixture
async def channel() -> AsyncIterator[Channel]:
    """A channel with the best guest of this machine."""
    async with start() as running:
        yield running


async def tool(*command: str, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
    """Run a client; its exit code, output and complaints."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(stdin)
    return process.returncode or 0, out, err


def ssh(endpoint: Endpoint, *command: str) -> tuple[str, ...]:
    """The command line of OpenSSH's ssh."""
    where = f"{endpoint.username}@{endpoint.host}"
    return ("ssh", *OPTIONS, "-i", endpoint.private_key, "-p", str(endpoint.port), where, *command)


def copying(endpoint: Endpoint) -> tuple[str, ...]:
    """The options that scp and sftp share."""
    return (*OPTIONS, "-i", endpoint.private_key, "-P", str(endpoint.port))


def random_file(folder: Path, size: int) -> Path:
    """A file that does not compress."""
    file = folder / "sent"
    block = hashlib.shake_256(b"aib").digest(MIB)
    file.write_bytes((block * (size // MIB + 1))[:size])
    return file


def digest(file: Path) -> str:
    """A file's SHA-256."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def winrm(endpoint: Endpoint, transport: str) -> tuple[int, bytes]:
    """One command by pywinrm's own front door."""
    from winrm import Session

    session = Session(
        endpoint.url or "",
        (endpoint.username, endpoint.password),
        transport=transport,
        server_cert_validation="ignore",
        proxy=None,
    )
    answer = session.run_cmd("echo hello& exit 5")
    return answer.status_code, answer.std_out


async def test_ssh_passes_exit_codes_on(channel: Channel) -> None:
    """OpenSSH logs in with the key that status names, and gets each command's own exit code."""
    endpoint = channel.status.endpoints["linux"]
    for code in (0, 1, 42):
        assert (await tool(*ssh(endpoint, f"echo out; exit {code}")))[:2] == (code, b"out\n")


async def round_trip(channel: Channel, tmp_path: Path, size: int) -> None:
    """Send and fetch a file by scp and by sftp, and compare."""
    endpoint, sent = channel.status.endpoints["linux"], random_file(tmp_path, size)
    where = f"{endpoint.username}@{endpoint.host}"
    by_scp, by_sftp = tmp_path / "scp", tmp_path / "sftp"
    assert (await tool("scp", *copying(endpoint), str(sent), f"{where}:/tmp/a"))[0] == 0
    assert (await tool("scp", *copying(endpoint), f"{where}:/tmp/a", str(by_scp)))[0] == 0
    batch = f"put {sent} /tmp/b\nget /tmp/b {by_sftp}\n".encode()
    code, _, complaint = await tool("sftp", *copying(endpoint), "-b", "-", where, stdin=batch)
    assert code == 0, complaint
    assert digest(sent) == digest(by_scp) == digest(by_sftp)


async def test_files_arrive_whole_both_ways(channel: Channel, tmp_path: Path) -> None:
    """2 MB by scp and sftp, both ways, with equal checksums."""
    await round_trip(channel, tmp_path, 2 * MIB + 17)


@pytest.mark.slow
async def test_200_mb_arrive_whole_both_ways(channel: Channel, tmp_path: Path) -> None:
    """200 MB by scp and sftp, both ways, with equal checksums."""
    await round_trip(channel, tmp_path, 200 * 1000 * 1000)


@pytest.mark.parametrize("transport", ["basic", "ntlm"])
async def test_pywinrm_runs_a_command(channel: Channel, transport: str) -> None:
    """Pywinrm logs in by Basic and by NTLM and gets output and exit code."""
    endpoint = channel.status.endpoints["windows"]
    assert await asyncio.to_thread(winrm, endpoint, transport) == (5, b"hello\r\n")


@pytest.mark.slow
async def test_fifty_of_each_at_once_all_succeed(channel: Channel) -> None:
    """50 ssh, 50 Basic and 50 NTLM logins at once."""
    endpoints = channel.status.endpoints
    async with asyncio.TaskGroup() as group:
        shells = [group.create_task(tool(*ssh(endpoints["linux"], "echo hi; exit 3"))) for _ in range(50)]
        remote = [
            group.create_task(asyncio.to_thread(winrm, endpoints["windows"], transport))
            for transport in ("basic", "ntlm")
            for _ in range(50)
        ]

    assert [task.result()[:2] for task in shells] == [(3, b"hi\n")] * 50
    assert [task.result() for task in remote] == [(5, b"hello\r\n")] * 100
