"""Our SSH channel gives an outcome, or one sentence that says what went wrong."""

import socket
from pathlib import Path

import pytest

from emulator.channels import ssh
from emulator.channels.base import Channel, Outcome, UnfinishedError
from emulator.errors import PeerError
from tests.linux_vm import linux_vm

pytestmark = pytest.mark.network


async def test_a_command_is_run_with_key_or_password(tmp_path: Path) -> None:
    """Exit code and both outputs come back, whichever way one logs in."""
    async with linux_vm(tmp_path, "builtin") as vm:
        command = "echo out; echo err >&2; exit 3"
        for key, password in ((str(vm.key), None), (None, "right")):
            channel: Channel = ssh.SshChannel("127.0.0.1", vm.port, "packer", key, password)
            assert await channel.run(command) == Outcome(3, b"out\n", b"err\n")


async def test_a_port_that_refuses_is_a_sentence() -> None:
    """Where nothing listens, the message has the address and the reason on one line."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(PeerError, match=rf"^ssh packer@127\.0\.0\.1:{port}: .+$"):
        await attempt(port)


async def test_a_server_that_says_nothing_is_a_timeout() -> None:
    """A connection without a banner ends at the time limit, and says so."""
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(PeerError, match=r"no answer within 0\.3 s"):
        await attempt(silent.getsockname()[1], 0.3)


async def test_a_missing_key_is_a_sentence(tmp_path: Path) -> None:
    """A key file that is not there is told by our own error too."""
    with pytest.raises(PeerError, match="No such file"):
        await ssh.run(
            "127.0.0.1", 9, "packer", private_key=str(tmp_path / "no"), password=None, command="true", timeout=5
        )


async def attempt(port: int, seconds: float = 5.0) -> Outcome:
    return await ssh.run("127.0.0.1", port, "packer", private_key=None, password="x", command="true", timeout=seconds)


async def test_what_a_command_said_before_its_time_was_over_is_kept(tmp_path: Path) -> None:
    """It comes with the error."""
    async with linux_vm(tmp_path, "builtin") as vm:
        with pytest.raises(UnfinishedError, match="no answer within 3 s") as caught:
            await ssh.run(
                "127.0.0.1", vm.port, "packer", private_key=str(vm.key), password=None,
                command="echo out; echo err >&2; sleep 600", timeout=3,
            )  # fmt: skip

    assert (caught.value.stdout, caught.value.stderr) == (b"out\n", b"err\n")
