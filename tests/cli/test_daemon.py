"""An emulator in the background: ready when the command returns, one a folder, gone when told or killed."""

import os
import select
import signal
import stat
from pathlib import Path

import pytest

from emulator.cli import daemon
from emulator.control import state
from tests.cli.command import Cli

pytestmark = pytest.mark.network
EXPORT = Path(__file__).parents[1] / "data" / "export" / "cli"
LIGHT = ("up", "--detach", "--json", "--guest", "builtin")


def kill(pid: int) -> None:
    """End a process at once, and wait until it is gone."""
    watched = os.pidfd_open(pid)
    try:
        os.kill(pid, signal.SIGKILL)
        assert select.select([watched], [], [], 10.0)[0]
    finally:
        os.close(watched)


def test_up_is_ready_and_down_ends_it(cli: Cli) -> None:
    """`up --detach` returns when the channel is ready; `down` when the process is gone, with its note."""
    status = cli.json(*LIGHT)
    note = cli.note()
    ended = cli.json("down", "--json")

    assert status["ready"]
    assert note is not None
    assert note["control"] == status["control"]
    assert ended == {"stopped": True, "pid": note["pid"]}
    assert not state.alive(note["pid"])
    assert cli.note() is None


def test_what_was_not_loaded_is_wrong_input(cli: Cli, tmp_path: Path) -> None:
    """A start that needs a group nobody loaded ends with code 2 in the background, as it does in the foreground."""
    for name in ("vnets", "route-tables", "image-templates"):
        (tmp_path / f"{name}.json").write_text((EXPORT / f"{name}.json").read_text())
    (tmp_path / "emulator.yaml").write_text(f"resources: [{tmp_path}]")

    done = cli(*LIGHT, "--listen", "auto", "--config", str(tmp_path / "emulator.yaml"))

    assert done.returncode == 2
    assert "network security group" in done.stderr
    assert "was not loaded" in done.stderr


def test_the_log_is_private(cli: Cli) -> None:
    """The log and the folder are their owner's, and the log holds no password."""
    status = cli.json(*LIGHT)
    log = cli.home / daemon.LOG

    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(cli.home.stat().st_mode) == 0o700
    assert status["endpoints"]["linux"]["password"] not in log.read_text()


def test_a_folder_has_one_emulator(cli: Cli) -> None:
    """A second `up` of a folder ends with code 2, names the first one's process, and leaves it alone."""
    cli.json(*LIGHT)
    note = cli.note()
    again = cli(*LIGHT)

    assert note is not None
    assert again.returncode == 2
    assert f"process {note['pid']}" in again.stderr
    assert cli.note() == note
    assert cli.json("status", "--json")["ready"]


def test_a_killed_emulator_is_no_obstacle(cli: Cli) -> None:
    """After SIGKILL nothing is left that stops the next `up`."""
    cli.json(*LIGHT)
    note = cli.note()
    assert note is not None
    kill(note["pid"])

    assert cli("status").returncode == 2
    assert cli.json(*LIGHT)["ready"]


def test_down_without_an_emulator_is_well(cli: Cli) -> None:
    """`down` where nothing runs says so, with code 0, and makes no folder."""
    done = cli("down")

    assert (done.returncode, done.stderr) == (0, "nothing is running\n")
    assert cli.json("down", "--json") == {"stopped": False, "pid": None}
    assert not cli.home.exists()


def test_a_stranger_with_the_number_is_left_alone(tmp_path: Path) -> None:
    """A note whose process number was given to another program since ends nobody."""
    read, write = os.pipe()
    child = os.posix_spawn("/bin/cat", ["cat"], {}, file_actions=[(os.POSIX_SPAWN_DUP2, read, 0)])
    try:
        state.write_private(tmp_path / state.RUNNING, f'{{"pid": {child}}}')

        assert daemon.end(tmp_path, 1.0) is None
        assert state.alive(child)
    finally:
        kill_child(child, read, write)


def kill_child(child: int, *descriptors: int) -> None:
    """End our own child and close what it was given."""
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    for descriptor in descriptors:
        os.close(descriptor)
