"""Commands with state folders of their own, and an emulator that several tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import Cli


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    """The command; whatever it left running is ended."""
    command = Cli(tmp_path / "home")
    yield command
    if command.note() is not None:
        assert command("down").returncode == 0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """The command, with an emulator that runs in the background; tests must leave its world as it was."""
    command = Cli(tmp_path_factory.mktemp("running") / "home")
    started = command("up", "--detach", "--guest", "builtin")
    assert started.returncode == 0, started.stderr
    yield command
    assert command("down").returncode == 0
