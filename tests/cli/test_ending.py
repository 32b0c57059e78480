"""Bad input: exit code 2, one clear message, no traceback, and nothing started."""

import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from emulator.cli.ending import code_of
from emulator.errors import EmulatorError, InvalidInputError, PeerError, UnavailableError
from tests.cli.command import Cli

FILES = {
    "unknown.yaml": "topologie: public-ip\n",
    "type.yaml": "time_scale: fast\n",
    "broken.yaml": "topology: [\n",
    "list.yaml": "- topology\n",
    "two.yaml": "time_scale: -1\nguest: dos\n",
    "resources.yaml": "resources: [missing.json]\n",
    "broken.json": "{",
    "rule.json": '{"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/n",'
    ' "properties": {"securityRules": [{"name": "r", "properties": {"priority": 1}}]}}',
}
CASES: tuple[tuple[Sequence[str], Sequence[str]], ...] = (
    (("up", "--config", "unknown.yaml"), ("unknown.yaml", "topologie", "topology")),
    (("up", "--config", "type.yaml"), ("type.yaml", "time_scale", "'fast'")),
    (("up", "--config", "broken.yaml"), ("broken.yaml", "not YAML")),
    (("up", "--config", "list.yaml"), ("list.yaml", "found list")),
    (("up", "--config", "two.yaml"), ("time_scale", "guest")),
    (("up", "--config", "nowhere.yaml"), ("nowhere.yaml", "cannot be read")),
    (("up", "--config", "resources.yaml"), ("missing.json", "cannot be read")),
    (("up", "--detach", "--config", "resources.yaml"), ("missing.json", "cannot be read")),
    (("up", "--topology", "mesh"), ("topology", "'mesh'", "existing-vnet")),
    (("up", "--detach", "--topology", "mesh"), ("topology", "'mesh'", "existing-vnet")),
    (("up", "--listen", "everywhere"), ("listen",)),
    (("up", "--time-scale", "soon"), ("--time-scale",)),
    (("up", "--no-such-flag"), ("--no-such-flag",)),
    (("launch",), ("launch",)),
    (("status",), ("no emulator is running", "up --detach")),
    (("events",), ("no emulator is running",)),
    (("exec", "linux", "--", "true"), ("no emulator is running",)),
    (("exec", "plan9", "--", "true"), ("plan9", "linux, windows")),
    (("exec", "linux"), ("COMMAND",)),
    (("world", "show"), ("no emulator is running",)),
    (("world", "reset"), ("no emulator is running",)),
    (("world", "apply", "nowhere.json"), ("nowhere.json", "cannot be read")),
    (("world", "apply", "broken.json"), ("broken.json", "not JSON")),
    (("world", "apply", "rule.json"), ("rule.json", "priority", "from 100 to 4096")),
    (("status", "--control", "ftp://x"), ("--control", "ftp://x")),
    (("status", "--control", "http://127.0.0.1:1"), ("no emulator answers", "127.0.0.1:1")),
    (("serve", "router"), ("router", "build-linux, build-windows")),
    (("serve", "build-windows", "--listen", "0.0.0.0:0"), ("not loopback", "--allow-remote")),
    (("serve", "build-windows", "--listen", "5986"), ("--listen", "HOST:PORT")),
    (("serve", "build-windows", "--listen", "127.0.0.1:http"), ("port", "'http'")),
    (("demo", "--svg", "nowhere/demo.svg"), ("nowhere/demo.svg",)),
)


@pytest.mark.parametrize(("arguments", "words"), CASES, ids=lambda given: " ".join(given[:4]))
def test_bad_input_is_said(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str], words: Sequence[str]
) -> None:
    """A wrong file, field or flag ends with code 2 and a message that names it; nothing was started."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)

    done = cli(*arguments)

    assert done.returncode == 2, done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stdout == ""
    assert cli.note() is None


@pytest.mark.network
@pytest.mark.parametrize("how", [(), ("--detach",)], ids=["foreground", "detached"])
def test_a_taken_port_is_named(cli: Cli, tmp_path: Path, how: Sequence[str]) -> None:
    """A taken port ends with code 2; the message names the port and the process that holds it."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        config = tmp_path / "taken.yaml"
        config.write_text(f"listen: {{linux: {port}, windows: auto, control: auto}}\n")

        done = cli("up", *how, "--config", str(config), without=("AIB_EMULATOR_LISTEN",))

    assert done.returncode == 2, done.stderr
    assert f"port {port}" in done.stderr
    assert "process" in done.stderr
    assert "Traceback" not in done.stderr
    assert cli.note() is None


@pytest.mark.parametrize(
    ("error", "code"), [(InvalidInputError, 2), (UnavailableError, 2), (PeerError, 1), (EmulatorError, 1)]
)
def test_each_error_has_its_code(error: type[EmulatorError], code: int) -> None:
    """What must be changed first is 2; what was tried and failed is 1."""
    assert code_of(error("why")) == code
