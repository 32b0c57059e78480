"""`diagnose`: a client's command over the running channel, and what ended its connections."""

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.model import arm
from emulator.model.network import SecurityGroup
from tests.app.test_run import deny
from tests.cli.command import Cli
from tests.worlds import DOCUMENTED, nsg

pytestmark = pytest.mark.network
CLIENT = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), float(sys.argv[2])) as client:
    client.settimeout(float(sys.argv[2]))
    print(client.recv(100) or sys.exit("closed"))
"""


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """An emulator in the background, a minute of whose time is a second."""
    folder = tmp_path_factory.mktemp("diagnose")
    settings = folder / "emulator.yaml"
    settings.write_text("time_scale: 60\nguest: builtin\nswitches: {proxy_connect_timeout: 30}\n")
    command = Cli(folder / "home")
    started = command("up", "--detach", "--config", str(settings))
    assert started.returncode == 0, started.stderr
    yield command
    assert command("down").returncode == 0


@contextlib.contextmanager
def broken(
    cli: Cli, *breaking: str, mending: tuple[str, ...] = ("world", "reset"), stdin: str = ""
) -> Iterator[None]:
    """A channel that is broken by one command and mended by another."""
    done = cli(*breaking, stdin=stdin)
    assert done.returncode == 0, done.stderr
    try:
        yield
    finally:
        assert cli(*mending).returncode == 0


def diagnosed(cli: Cli, seconds: float = 15) -> Any:
    """What `diagnose` says of a plain client that waits so long; it must have failed."""
    port = cli.json("status", "--json")["endpoints"]["linux"]["port"]
    done = cli("diagnose", "--json", "--", sys.executable, "-c", CLIENT, str(port), str(seconds))
    assert done.returncode == 1, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["exit_code"] == 1
    return found["connections"][0]


def group(tmp_path: Path, found: SecurityGroup) -> str:
    """A file with the build subnet's group."""
    file = tmp_path / "group.json"
    file.write_text(json.dumps(arm.dump(found)))
    return str(file)


def test_a_rule_between_proxy_and_build_vm(hurried: Cli, tmp_path: Path) -> None:
    """The client is closed; hop and rule are named, and what to change."""
    with broken(hurried, "world", "apply", group(tmp_path, deny("NoPort", 300, 22))):
        found = diagnosed(hurried)

    assert found["hop"] == "proxy"
    assert "NoPort" in found["why"]
    assert found["change"].startswith("allow it by a rule of a lower number than NoPort's")
    assert found["scenario"]


def test_a_rule_before_the_proxy(hurried: Cli, tmp_path: Path) -> None:
    """The client's SYN is dropped; the leg before the proxy is named."""
    with broken(hurried, "world", "apply", group(tmp_path, nsg(DOCUMENTED, "410 deny in 10.60.0.5 -> *:60001"))):
        found = diagnosed(hurried, seconds=1)

    assert found["hop"] == "load-balancer"
    assert "load-balancer → proxy" in found["why"]
    assert "deny-410" in found["change"]


def test_a_stopped_service(hurried: Cli) -> None:
    """The build VM answers RST: its state is named."""
    with broken(hurried, "machine", "build-linux", "service-stopped", mending=("machine", "build-linux", "running")):
        found = diagnosed(hurried)

    assert found["hop"] == "proxy"
    assert "no service listens on build-linux" in found["why"]
    assert found["change"].startswith("start the service")


def test_a_fault(hurried: Cli) -> None:
    """The fault is named, and how it goes."""
    with broken(hurried, "fault", "add", "close", "--hop", "proxy", "--name", "cut", mending=("fault", "clear")):
        found = diagnosed(hurried)

    assert "fault cut" in found["why"]
    assert found["change"].endswith("`aib-emulator fault remove cut`")


def test_an_idle_timer(hurried: Cli) -> None:
    """A client that is silent for longer than the limit: the timer is named."""
    port = hurried.json("status", "--json")["endpoints"]["linux"]["port"]
    waits = CLIENT + "    client.settimeout(8); client.recv(100)\n"
    done = hurried("diagnose", "--json", "--", sys.executable, "-c", waits, str(port), "15")
    (found,) = json.loads(done.stdout)["connections"]

    assert done.returncode == 1
    assert "idleTimeoutInMinutes" in found["why"]
    assert "keepalives" in found["change"]


def test_a_command_that_works_and_one_that_does_not_dial(hurried: Cli) -> None:
    """Exit code 0, what it printed, and that all is well; a client that never came is told; so is no program."""
    port = hurried.json("status", "--json")["endpoints"]["linux"]["port"]
    well = hurried("diagnose", "--", sys.executable, "-c", CLIENT, str(port), "15")
    nowhere = hurried("diagnose", "--", sys.executable, "-c", "pass")
    nothing = hurried("diagnose", "--", "/nonexistent/program")

    assert well.returncode == 0, well.stderr
    assert "SSH-2.0" in well.stdout
    assert "✗" not in well.stderr
    assert "no connection of it reached the channel" in nowhere.stderr
    assert nothing.returncode == 2
    assert "COMMAND: /nonexistent/program: cannot be run" in nothing.stderr
