"""`serve`: a build VM alone, on loopback, with the state folder's credentials."""

import asyncio
import contextlib
import http.client
import json
import signal
import ssl
from pathlib import Path

import pytest

from emulator.channels import ssh, winrm
from emulator.channels.base import Outcome
from emulator.cli.serve import address
from tests.cli.command import PATIENCE, Cli, first_line
from tests.windows_vm import free_port


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


@pytest.mark.network
def test_winrm_is_set_by_options(cli: Cli, tmp_path: Path) -> None:
    """A file, a variable and an option each set what they name: only Basic is offered, and HTTP listens too."""
    port = free_port()
    (tmp_path / "emulator.yaml").write_text("winrm: {schemes: [credssp], shells_per_user: 3}\n", "utf-8")
    given = (
        "--winrm",
        "schemes=basic",
        "--winrm",
        f"http=127.0.0.1:{port}",
        "--config",
        str(tmp_path / "emulator.yaml"),
    )
    with cli.started("serve", "build-windows", "--listen", "127.0.0.1:0", "--json", *given) as process:
        where = json.loads(first_line(process))
        offered = [challenges(where["port"], is_tls=True), challenges(port, is_tls=False)]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)

    # Basic shows the password, and so is offered within TLS alone.
    assert offered == [['Basic realm="WSMAN"'], []]


@pytest.mark.network
def test_the_hosts_of_commands_are_reported(cli: Cli, tmp_path: Path) -> None:
    """What takes commands is said at the start, in its order, and which program that settings name is not there."""
    (tmp_path / "emulator.yaml").write_text(f"windows: {{hosts: [pwsh], pwsh: {tmp_path}/pwsh}}\n", "utf-8")
    given = ("--listen", "127.0.0.1:0", "--json", "--config", str(tmp_path / "emulator.yaml"))
    with cli.started("serve", "build-windows", *given) as process:
        where = json.loads(first_line(process))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)

    assert where["detail"] == (
        "exact recognisers, then built-in command host; "
        f"no pwsh: there is no {tmp_path}/pwsh on this machine that can be run"
    )


def challenges(port: int, *, is_tls: bool) -> list[str]:
    """What a stranger is offered."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    made: http.client.HTTPConnection = (
        http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=PATIENCE)
        if is_tls
        else http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    )
    with contextlib.closing(made):
        made.request("POST", "/wsman")
        answer = made.getresponse()
        assert answer.status == 401
        return answer.headers.get_all("WWW-Authenticate") or []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["build-windows", "--winrm", "schemes"], "--winrm: found 'schemes', expected KEY=VALUE"),
        (["build-windows", "--winrm", "schemes=kerberos"], "--winrm: winrm.schemes.0: found 'kerberos'"),
        (["build-windows", "--winrm", "http=0.0.0.0:5985"], "winrm.http: 0.0.0.0 is not loopback; --allow-remote"),
        (["build-windows", "--winrm", "certificate=/nowhere.pem", "--listen", "127.0.0.1:0"], "/nowhere.pem"),
        (["build-linux", "--winrm", "schemes=basic"], "--winrm: build-linux has no WinRM"),
        (["proxy", "--config", "x.yaml"], "--config: proxy takes none"),
    ],
)
def test_wrong_options(cli: Cli, given: list[str], said: str) -> None:
    """A wrong setting is named, and nothing is served; the exit code is that of bad input."""
    done = cli("serve", *given)

    assert done.returncode == 2
    assert said in done.stderr


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
