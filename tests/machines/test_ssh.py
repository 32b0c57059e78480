"""OpenSSH's own clients, and ours, judge the build VM's SSH; every claim holds for both guests."""

# Waiting for another process's line needs no event.
# ruff: noqa: ASYNC110

import asyncio
import hashlib
import os
import shutil
import socket
import stat
from collections.abc import AsyncIterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import cast

import pytest

from emulator.errors import PeerError
from emulator.machines.sandbox.host import probe_sandbox
from emulator.machines.settings import GuestChoice
from emulator.net import hop_header
from emulator.observe import Observation
from emulator.wire.hop import HopHeader
from emulator.wire.proxy_v2 import Addresses
from tests.linux_vm import ADDRESS, KEY, LinuxVm, client, linux_vm

pytestmark = pytest.mark.network


@pytest.fixture(params=["sandbox", "builtin"])
async def vm(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[LinuxVm]:
    if request.param == "sandbox" and (reason := await probe_sandbox()):
        pytest.skip(reason)
    async with linux_vm(tmp_path, cast("GuestChoice", request.param)) as running:
        yield running


@pytest.fixture
async def sandboxed(tmp_path: Path) -> AsyncIterator[LinuxVm]:
    if reason := await probe_sandbox():
        pytest.skip(reason)
    async with linux_vm(tmp_path, "sandbox") as running:
        yield running


async def test_a_command_gives_its_outputs_and_exit_code(vm: LinuxVm) -> None:
    """Standard output, standard error and the exit code arrive apart and whole."""
    done = await client(vm.ssh("echo out; echo err >&2; whoami; exit 7"))
    assert (done.exit_code, done.stdout, done.stderr) == (7, b"out\npacker\n", b"err\n")


async def test_input_reaches_the_command(vm: LinuxVm) -> None:
    """A megabyte of input comes back unchanged."""
    data = os.urandom(1 << 20)
    assert (await client(vm.ssh("cat"), data)).stdout == data


async def test_a_script_on_the_input_of_a_shell_runs(vm: LinuxVm) -> None:
    """Without a command and a terminal, the shell reads its input."""
    assert (await client(vm.ssh(), b"echo one\nexit 4\n")).exit_code == 4


async def test_the_session_knows_its_connection(vm: LinuxVm) -> None:
    """SSH_CONNECTION ends with the build VM's Azure address and port 22."""
    words = (await vm.say('echo "$SSH_CONNECTION"')).split()
    assert words[0] == "127.0.0.1"
    assert words[2:] == [ADDRESS, "22"]


async def test_the_clients_environment_is_taken(vm: LinuxVm) -> None:
    """A variable that the client sends is set, the guest's own stay."""
    words = vm.ssh()
    done = await client([*words[:-1], "-o", "SetEnv=FOO=bar HOME=/nowhere", words[-1], 'echo "$FOO $HOME"'])
    assert done.stdout == b"bar /home/packer\n"


async def test_sftp_and_scp_carry_a_megabyte_both_ways(vm: LinuxVm, tmp_path: Path) -> None:
    """What is put is what is got, over sftp, scp and scp's old protocol, and the guest sees it."""
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(os.urandom(1 << 20))
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    assert (await vm.sftp(f"put {source} one", f"get one {back}")).exit_code == 0
    assert back.read_bytes() == source.read_bytes()
    assert (await vm.say("sha256sum one")).split()[0] == digest
    for name, old in (("two", []), ("three", ["-O"])):
        back.unlink()
        assert (await client(vm.scp(*old, str(source), f":{name}"))).exit_code == 0
        assert (await client(vm.scp(*old, f":{name}", str(back)))).exit_code == 0
        assert back.read_bytes() == source.read_bytes()


async def test_sftp_names_lists_and_removes(vm: LinuxVm, tmp_path: Path) -> None:
    """Folders, renaming, permissions and removal work as with OpenSSH's server; what is missing is said so."""
    source = tmp_path / "source"
    source.write_text("x")
    batch = (f"put {source} /tmp/a", "mkdir /tmp/d", "rename /tmp/a /tmp/d/b", "chmod 600 /tmp/d/b", "ls -1 /tmp/d")
    done = await vm.sftp(*batch)
    assert done.exit_code == 0, done
    assert b"/tmp/d/b" in done.stdout.splitlines()[-1]
    assert (await vm.say("ls -l /tmp/d/b")).startswith("-rw-------")
    assert (await vm.sftp("rm /tmp/d/b", "rmdir /tmp/d")).exit_code == 0
    assert (await vm.sftp("get /tmp/d/b /dev/null")).exit_code == 1


async def test_strangers_are_not_admitted(vm: LinuxVm, tmp_path: Path) -> None:
    """A wrong password, a wrong name and an unknown key are refused; the refusal is observed."""
    with pytest.raises(PeerError, match="denied"):
        await wrong(vm, "packer", "wrong")
    with pytest.raises(PeerError, match="denied"):
        await wrong(vm, "root", "right")
    other = tmp_path / "other"
    await client(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)])
    vm.key = other
    assert (await client(vm.ssh("true"))).exit_code == 255
    assert "LoginFailed" in [event.event for event in vm.events if isinstance(event, Observation)]


async def wrong(vm: LinuxVm, username: str, password: str) -> None:
    from emulator.channels import ssh

    await ssh.run("127.0.0.1", vm.port, username, private_key=None, password=password, command="true", timeout=20)


async def test_garbage_is_closed(vm: LinuxVm) -> None:
    """Bytes that are no SSH are answered with a close; the VM goes on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", vm.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + os.urandom(5000) + b"\n")
    async with asyncio.timeout(10):
        assert b"HTTP" not in await reader.read()
    writer.close()
    assert await vm.say("echo on") == "on\n"


async def test_fifty_logins_at_once(vm: LinuxVm) -> None:
    """Fifty clients at once all get their own answer."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(vm.run(f"echo {number}", 50)) for number in range(50)]
    assert [task.result().stdout for task in tasks] == [f"{number}\n".encode() for number in range(50)]


async def test_a_signal_that_ends_a_command_is_told(sandboxed: LinuxVm) -> None:
    """Our channel gives 128 and the signal's number, as a shell does."""
    assert (await sandboxed.run("kill -TERM $$")).exit_code == 143


async def test_a_terminal_can_interrupt(sandboxed: LinuxVm) -> None:
    """With a terminal, the command has one, and a control character interrupts it."""
    words = sandboxed.ssh()
    # Not `read`: a signal that comes between its last look and the system call is lost, once in some hundred runs.
    line = "trap 'echo caught; exit 5' INT; tty; while sleep 0.2; do :; done"
    process = await asyncio.create_subprocess_exec(
        *words[:-1], "-tt", words[-1], line, stdin=-1, stdout=-1, stderr=-1
    )
    assert process.stdout is not None
    assert (await process.stdout.readline()).startswith(b"/dev/pts/")
    stdout, _ = await process.communicate(b"\x03")
    assert b"caught" in stdout
    assert process.returncode == 5


async def test_a_client_that_leaves_takes_its_command_along(sandboxed: LinuxVm) -> None:
    """A command does not outlive the connection that started it."""
    with pytest.raises(PeerError, match="no answer"):
        await sandboxed.run("sleep 4712", 1.0)
    async with asyncio.timeout(10):
        while "4712" in await sandboxed.say("cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -o '^sleep 4712' ; true"):
            pass


async def test_the_host_key_is_kept(tmp_path: Path) -> None:
    """The next start shows the same host key, readable by its owner only."""
    seen = []
    for _ in range(2):
        async with linux_vm(tmp_path, "builtin") as vm:
            scan = await client(["ssh-keyscan", "-t", "ed25519", "-p", str(vm.port), "127.0.0.1"])
            seen.append(scan.stdout.split()[-1])
    assert seen[0] == seen[1]
    assert stat.S_IMODE((tmp_path / "state" / "ssh_host_ed25519_key").stat().st_mode) == 0o600


async def test_a_hops_header_names_the_source(tmp_path: Path) -> None:
    """Behind a hop's header the session speaks Azure's addresses."""
    header = HopHeader("f" * 16, Addresses(IPv4Address("10.60.0.7"), 50000, IPv4Address(ADDRESS), 22))
    async with linux_vm(tmp_path, "builtin", hops=("127.0.0.1",)) as vm:
        connection = socket.create_connection(("127.0.0.1", vm.port))
        hop_header.send(connection, header, bytes.fromhex(KEY))
        connection.setblocking(False)
        assert (await asyncio.get_running_loop().sock_recv(connection, 8)).startswith(b"SSH-2.0")
        connection.close()


@pytest.mark.parametrize("key", [bytes(32)[:-1] + b"\1", b"no header at all"])
async def test_a_forged_hop_header_is_refused(tmp_path: Path, key: bytes) -> None:
    """A header with a wrong proof, or none, is closed without a byte of SSH, and observed."""
    header = HopHeader("f" * 16, Addresses(IPv4Address("10.60.0.7"), 50000, IPv4Address(ADDRESS), 22))
    async with linux_vm(tmp_path, "builtin", hops=("127.0.0.1",)) as vm:
        connection = socket.create_connection(("127.0.0.1", vm.port))
        if len(key) == 32:
            hop_header.send(connection, header, key)
        else:
            connection.send(b"SSH-2.0-OpenSSH_9\r\n" * 10)
        connection.setblocking(False)
        try:
            async with asyncio.timeout(10):
                assert await asyncio.get_running_loop().sock_recv(connection, 8) == b""
        except ConnectionResetError:
            pass  # closed with our bytes unread
        connection.close()
        async with asyncio.timeout(10):
            while not vm.events:
                await asyncio.sleep(0)
    assert isinstance(vm.events[0], Observation)
    assert vm.events[0].event == "HopHeaderRefused"


@pytest.mark.slow
async def test_two_hundred_megabytes_both_ways(vm: LinuxVm, tmp_path: Path) -> None:
    """Scp and sftp carry 200 MB both ways with equal checksums."""
    source, back = tmp_path / "source", tmp_path / "back"
    with source.open("wb") as file:
        for _ in range(200):
            file.write(os.urandom(1_000_000))
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    assert (await client(vm.scp(str(source), ":big"))).exit_code == 0
    assert (await client(vm.scp(":big", str(back)))).exit_code == 0
    assert hashlib.sha256(back.read_bytes()).hexdigest() == digest
    assert (await vm.sftp("rm big", f"put {source} big", f"get big {back}")).exit_code == 0
    assert hashlib.sha256(back.read_bytes()).hexdigest() == digest
    shutil.rmtree(tmp_path / "back", ignore_errors=True)
