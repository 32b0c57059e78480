"""An emulator that is run in the foreground: it says how to connect, then what happens, and ends on signals."""

import json
import signal

import pytest

from tests.cli.command import PATIENCE, Cli, first_line

pytestmark = pytest.mark.network


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_the_foreground_ends_on_a_signal(cli: Cli, number: signal.Signals) -> None:
    """`up` prints status and events as JSON lines, and a signal ends it with code 0 and no trace."""
    with cli.started("up", "--json", "--guest", "builtin") as process:
        status = json.loads(first_line(process))
        event = json.loads(first_line(process))
        process.send_signal(number)
        _, stderr = process.communicate(timeout=PATIENCE)

    assert status["ready"]
    assert event["sentence"]
    assert process.returncode == 0, stderr
    assert "Traceback" not in stderr
    assert cli.note() is None


def test_the_foreground_speaks_to_people(cli: Cli) -> None:
    """Without --json, `up` shows the hops, lines to paste, and what is approximated."""
    lines: list[str] = []
    with cli.started("up", "--guest", "builtin") as process:
        while not any("build-linux: built-in guest" in line for line in lines):
            lines.append(first_line(process))

    text = "".join(lines)
    assert "existing-vnet  ready" in text
    assert "10.60.0.7" in text
    assert f"ssh -i {cli.home}/id_ed25519" in text
    assert "Approximated on this machine" in text


def test_status_shows_the_hops(running: Cli) -> None:
    """`status` is for people, `status --json` for programs; both name the hops with Azure's addresses."""
    shown, found = running("status"), running.json("status", "--json")

    assert shown.returncode == 0
    assert "load-balancer" in shown.stdout
    assert {hop["name"]: hop["address"] for hop in found["hops"]} == {
        "load-balancer": "10.61.0.5",
        "proxy": "10.60.0.7",
        "build-linux": "10.60.0.8",
        "build-windows": "10.60.0.9",
        "control": "",
    }
    assert set(found["endpoints"]["linux"]) == {"host", "port", "username", "password", "private_key", "exact"}
    assert found["endpoints"]["windows"]["url"].startswith("https://127.0.0.1:")


def test_an_emulator_is_found_by_its_url(running: Cli, cli: Cli) -> None:
    """`--control` names an emulator of another state folder; without its token the answer says so."""
    url = running.json("status", "--json")["control"]

    done = cli("status", "--control", url)

    assert done.returncode == 2
    assert "token" in done.stderr
    assert running.json("status", "--json", "--control", url)["ready"]
