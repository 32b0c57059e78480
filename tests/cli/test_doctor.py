"""`doctor`: a finding for each thing, for people and programs."""

import socket
from pathlib import Path

import pytest

from emulator.cli import checks
from emulator.control import state
from emulator.net import filters
from tests.cli.command import Cli

NAMES = ["python", "loop", "addresses", "drops", "attempts", "relay", "port 60001", "port 60000", "port 8060"]


@pytest.mark.network
def test_every_finding_has_a_state(cli: Cli) -> None:
    """All is looked at, says `exact`, `degraded` or `broken`, and nothing was started or made."""
    found = {check["name"]: check for check in cli.json("doctor", "--json")["checks"]}

    assert list(found) == [*NAMES, "local ports", "state", "guest", "outbound", "pwsh", "wine"]
    assert {check["state"] for check in found.values()} <= {"exact", "degraded"}
    assert all(check["detail"] for check in found.values())
    assert found["drops"]["state"] == ("exact" if filters.supported() is None else "degraded")
    assert not cli.home.exists()


@pytest.mark.network
def test_a_taken_port_is_found() -> None:
    """A port that somebody listens on is degraded, with who holds it."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        check = checks.port_check("linux", other.getsockname()[1])

    assert check.state == "degraded"
    assert "process" in check.detail


def test_a_missing_sandbox_degrades_the_guest() -> None:
    """Why no sandbox starts is passed on."""
    assert checks.guest(None).state == "exact"
    assert "no user namespace" in checks.guest("no user namespace").detail


def test_a_missing_network_is_said() -> None:
    """Why a guest has none is passed on."""
    assert checks.network(None).state == "exact"
    assert "no veth" in checks.network("no veth").detail


@pytest.mark.parametrize(
    ("why", "is_wanted", "state", "part"),
    [
        (None, True, "exact", "takes commands"),
        (None, False, "exact", "`windows.hosts` does not name pwsh"),
        ("no user namespace", True, "degraded", "not offered: no user namespace"),
    ],
)
def test_command_hosts_say_whether_they_take_part(why: str | None, state: str, part: str, *, is_wanted: bool) -> None:
    """A host that the machine has is told apart from one that is used, and one that it lacks says why."""
    check = checks.command_host("pwsh", why, is_wanted=is_wanted)

    assert check.state == state
    assert part in check.detail


@pytest.mark.network
def test_a_host_is_looked_for_where_the_settings_say(cli: Cli, tmp_path: Path) -> None:
    """A program that the settings name and that is not there is named by the finding."""
    (tmp_path / "emulator.yaml").write_text(f"windows: {{hosts: [pwsh], pwsh: {tmp_path}/nowhere}}")
    found = {
        check["name"]: check
        for check in cli.json("doctor", "--json", "-c", str(tmp_path / "emulator.yaml"))["checks"]
    }

    assert f"there is no {tmp_path}/nowhere" in found["pwsh"]["detail"]


def test_a_stale_note_is_removed(tmp_path: Path) -> None:
    """The note of an emulator that was killed is found and removed."""
    (tmp_path / state.RUNNING).write_text('{"pid": 4194999}')
    found = {check.name: check for check in checks.all_checks(tmp_path)}

    assert "was removed" in found["state"].detail
    assert not (tmp_path / state.RUNNING).exists()


@pytest.mark.parametrize(
    ("reserved", "covered"),
    [("", False), ("60000-60001", True), ("60000,60001", True), ("60001", False), ("1-65535", True)],
)
def test_reserved_ports_are_understood(reserved: str, *, covered: bool) -> None:
    """Single ports and ranges, as the kernel prints them."""
    assert checks.covers(reserved, 60000, 60001) is covered
