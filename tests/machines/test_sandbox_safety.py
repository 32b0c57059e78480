"""The guest cannot touch the machine: each claim is checked on the machine, afterwards."""

# The claims are about this machine's files and processes, looked at as plainly as can be.
# ruff: noqa: ASYNC110, ASYNC221, ASYNC240, PTH208

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from emulator.machines.sandbox.host import probe_sandbox
from tests.linux_vm import LinuxVm, client, linux_vm
from tests.mounts import mounts

pytestmark = pytest.mark.network
ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="only root can lay this bait")


@pytest.fixture
async def vm(tmp_path: Path) -> AsyncIterator[LinuxVm]:
    reason = await probe_sandbox()
    if reason:
        pytest.skip(reason)
    async with linux_vm(tmp_path, "sandbox") as running:
        yield running


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A loopback server of this machine's."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def was_reached(server: socket.socket) -> bool:
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return False
    return True


async def test_removing_everything_removes_nothing_here(vm: LinuxVm, tmp_path: Path) -> None:
    """`rm -rf /etc /usr /home` in the guest leaves this machine's as they were, and works in the guest."""
    before = {path: sorted(os.listdir(path)) for path in ("/etc", "/usr", "/usr/bin", "/home")}
    await vm.run("rm -rf --no-preserve-root /etc /usr /home /var /tmp /opt /root 2>/dev/null; true")
    assert {path: sorted(os.listdir(path)) for path in before} == before
    assert (await vm.run("echo still")).exit_code != 0, "the guest has lost its own shell"
    assert Path("/usr/bin/env").stat().st_size > 0
    assert tmp_path.exists()


async def test_files_put_into_etc_stay_in_the_guest(vm: LinuxVm, tmp_path: Path) -> None:
    """`sftp put` to /etc, /usr/bin and / lands in the guest only."""
    bait = tmp_path / "aib-bait"
    bait.write_text("bait")
    done = await vm.sftp(f"put {bait} /etc/aib-bait", f"put {bait} /usr/bin/aib-bait", f"put {bait} /aib-bait")
    assert done.exit_code == 0, done.stderr
    assert await vm.say("cat /etc/aib-bait /usr/bin/aib-bait /aib-bait") == "baitbaitbait"
    assert not any(Path(path).exists() for path in ("/etc/aib-bait", "/usr/bin/aib-bait", "/aib-bait"))


async def test_forwarding_is_off(vm: LinuxVm, listener: socket.socket) -> None:
    """`ssh -W` and `ssh -L` to a loopback server of this machine reach nothing."""
    port = listener.getsockname()[1]
    words = vm.ssh()
    done = await client([*words[:-1], "-W", f"127.0.0.1:{port}", words[-1]])
    assert done.exit_code != 0
    with socket.create_server(("127.0.0.1", 0)) as free:
        local = free.getsockname()[1]
    forward = [*words[:-1], "-o", "ExitOnForwardFailure=yes", "-L", f"127.0.0.1:{local}:127.0.0.1:{port}", words[-1]]
    process = await asyncio.create_subprocess_exec(*forward, "echo up; cat", stdin=-1, stdout=-1, stderr=-1)
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"up\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", local)
        assert await reader.read() == b""
        writer.close()
    finally:
        await process.communicate(b"")
    remote = [*words[:-1], "-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:1", words[-1], "true"]
    assert (await client(remote)).exit_code != 0
    assert not was_reached(listener)


async def test_loopback_of_this_machine_is_unreachable(vm: LinuxVm, listener: socket.socket) -> None:
    """From inside, 127.0.0.1 is the guest's own, and there is no other interface."""
    port = listener.getsockname()[1]
    assert (await vm.run(f"exec 3<>/dev/tcp/127.0.0.1/{port}")).exit_code != 0
    assert not was_reached(listener)
    assert (await vm.say("tail -n +3 /proc/net/dev | cut -d: -f1")).split() == ["lo"]


@as_root
async def test_sockets_below_run_are_invisible(vm: LinuxVm) -> None:
    """A socket like Docker's, below /run, is not in the guest."""
    with tempfile.TemporaryDirectory(prefix="aib-", dir="/run") as folder, socket.socket(socket.AF_UNIX) as bait:
        bait.bind(f"{folder}/docker.sock")
        listing = await vm.say("find /run /var/run/ -type s; ls -A /run")
        assert listing.split() == ["lock"]
        assert (await vm.run(f"test -e {folder}")).exit_code == 1
    assert (await vm.run("test -e /run/docker.sock || test -e /var/run/docker.sock")).exit_code == 1


async def test_secrets_are_not_readable(vm: LinuxVm) -> None:
    """Neither /etc/shadow, nor host keys, nor anybody's home folder is there."""
    assert (await vm.run("cat /etc/shadow || cat /etc/gshadow || cat /etc/sudoers")).exit_code != 0
    assert await vm.say("ls -A /root; ls /home; ls /etc/ssh 2>/dev/null; true") == "packer\n"
    assert "passwd" in await vm.say("ls /etc")
    assert (await vm.say("cut -d: -f1 /etc/passwd")).split()[:2] == ["packer", "root"]


async def test_guest_root_is_not_root_here(vm: LinuxVm) -> None:
    """The guest's uid 0 is another account of this machine, never 0."""
    inside, outside, _ = (await vm.say("head -1 /proc/self/uid_map")).split()
    assert (int(inside), int(outside)) == (0, 0x70000000 if ROOT else os.geteuid())
    capabilities = int((await vm.say("grep CapEff /proc/self/status")).split()[1], 16)
    assert not capabilities & (1 << 21), "CAP_SYS_ADMIN is gone"
    assert (await vm.run("mount -t tmpfs x /mnt || unshare -U true")).exit_code != 0


async def test_shared_memory_of_this_machine_is_invisible(vm: LinuxVm) -> None:
    """`ipcs` does not list, and `ipcrm` does not remove, a System V segment made here."""
    libc = ctypes.CDLL(None)
    segment = libc.shmget(0, 4096, 0o1666)
    assert segment >= 0
    try:
        assert (await vm.run(f"ipcrm -m {segment}")).exit_code != 0
        assert len((await vm.say("cat /proc/sysvipc/shm")).splitlines()) == 1
        rows = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
        assert segment in [int(row.split()[1]) for row in rows]
    finally:
        libc.shmctl(segment, 0, None)


@as_root
async def test_a_mount_below_var_is_untouched(tmp_path: Path) -> None:
    """A folder mounted below /var before the guest starts is neither seen nor changed."""
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("kept")
    with tempfile.TemporaryDirectory(prefix="aib-", dir="/var/tmp") as target:
        subprocess.run(["mount", "--bind", str(kept), target], check=True)
        try:
            async with linux_vm(tmp_path, "sandbox") as vm:
                assert await vm.say("ls -A /var/tmp") == ""
                await vm.run(f"rm -rf /var; mkdir -p {target}; echo changed > {target}/file")
            assert (kept / "file").read_text() == "kept"
        finally:
            subprocess.run(["umount", target], check=True)


@as_root
async def test_a_mount_below_usr_means_no_sandbox(tmp_path: Path) -> None:
    """Where something is mounted below a program folder, the sandbox refuses to start: it must not come along.

    The mount is made in a mount namespace of its own, so that tests beside this one do not meet it.
    """
    probe = "import asyncio, emulator.machines.sandbox.host as host; print(asyncio.run(host.probe_sandbox()))"
    line = f'mount --bind {tmp_path} /usr/local && exec "{sys.executable}" -c "{probe}"'
    done = await client(["unshare", "-m", "sh", "-c", line])
    assert b"overlay" in done.stdout, done


async def test_processes_of_this_machine_are_invisible(vm: LinuxVm) -> None:
    """The guest counts its own processes from 1, and cannot signal ours."""
    numbers = {int(word) for word in (await vm.say("ls /proc")).split() if word.isdigit()}
    assert 1 in numbers
    assert max(numbers) < 100
    assert (await vm.run(f"kill -9 {os.getpid()} {vm.pid}")).exit_code != 0
    assert (await vm.run("cat /proc/1/environ || ls /proc/1/fd")).exit_code != 0
    os.kill(vm.pid, 0)


@pytest.mark.parametrize("bomb", [":(){ :|:& };:", "b(){ b|b& setsid bash -c b >/dev/null 2>&1 & }; export -f b; b"])
async def test_a_fork_bomb_ends_with_its_session(vm: LinuxVm, bomb: str) -> None:
    """A fork bomb leaves this machine able to fork, and the guest usable once its session is closed."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(2):
            await vm.run(f"{bomb}; sleep 100", 1.5)
    subprocess.run(["true"], check=True)
    assert (await vm.run("echo usable")).stdout == b"usable\n"


async def test_filling_tmp_hits_the_limit(vm: LinuxVm) -> None:
    """The guest's files end at their limit, wherever they are, and none of this machine's space is taken."""
    free = shutil.disk_usage("/tmp").free
    done = await vm.run("head -c 1200M /dev/zero > /tmp/full", 60)
    assert b"No space left" in done.stderr
    assert int(await vm.say("stat -c %s /tmp/full")) <= 1 << 30
    assert shutil.disk_usage("/tmp").free > free - (1 << 28)
    assert await vm.say("rm /tmp/full; echo x > /tmp/y; cat /tmp/y") == "x\n"


async def test_killing_the_machine_leaves_nothing(tmp_path: Path) -> None:
    """SIGKILL of the build VM's process ends the agent, the guest and all that ran in it."""
    if reason := await probe_sandbox():
        pytest.skip(reason)
    before = mounts("/proc/self/mountinfo")
    async with linux_vm(tmp_path, "sandbox") as vm:
        await vm.say("sleep 4711 >/dev/null 2>&1 & setsid sleep 4711 >/dev/null 2>&1 &")
        family = descendants(vm.pid)
        assert len(family) >= 4
        os.kill(vm.pid, signal.SIGKILL)
        async with asyncio.timeout(10):
            while any(is_alive(pid) for pid in family):
                await asyncio.sleep(0)
    assert mounts("/proc/self/mountinfo") == before


def descendants(pid: int) -> set[int]:
    """All processes below one, by the kernel's own lists."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found |= {int(child)} | descendants(int(child))
    return found


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False
