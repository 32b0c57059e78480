"""`serve`: a build VM alone, on loopback, with the state folder's credentials."""

import asyncio
import json
import signal

import pytest

from emulator.channels import ssh, winrm
from emulator.channels.base import Outcome
from emulator.cli.serve import address
from tests.cli.command import PATIENCE, Cli, first_line


@pytest.mark.network
@pytest.mark.parametrize("role", ["build-linux", "build-windows"])
def test_a_build_vm_serves_alone(cli: Cli, role: str) -> None:
    """It says where and with which credentials, runs a command, and SIGTERM ends it with code 0."""
    with cli.started("serve", role, "--listen", "127.0.0.1:0", "--guest", "builtin", "--json") as process:
        where = json.loads(first_line(process))
        outcome = asyncio.run(_hostname(role, where))
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=PATIENCE)

    assert outcome.stdout.split() == [role.encode()]
    assert process.returncode == 0, stderr
    assert stderr == ""


async def _hostname(role: str, where: dict[str, str]) -> Outcome:
    """`hostname` on a build VM, by its own protocol."""
    if role == "build-windows":
        url = f"https://{where['host']}:{where['port']}/wsman"
        return await winrm.run(url, where["username"], where["password"], "hostname", timeout=PATIENCE)
    return await ssh.run(
        where["host"],
        int(where["port"]),
        where["username"],
        private_key=where["private_key"],
        password=None,
        command="hostname",
        timeout=PATIENCE,
    )


def test_remote_machines_are_let_in_only_when_asked() -> None:
    """An address that is not loopback needs the word."""
    assert address("0.0.0.0:22", allow_remote=True) == ("0.0.0.0", 22)
    assert address("localhost:0", allow_remote=False) == ("127.0.0.1", 0)
    assert address("[::1]:22", allow_remote=False) == ("::1", 22)
