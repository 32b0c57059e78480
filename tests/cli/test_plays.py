"""`scenario run` of several, and of several rounds."""

from pathlib import Path

import pytest

from tests.cli.command import Cli
from tests.scenarios.files import written

pytestmark = pytest.mark.network


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """Two scenarios of the user's."""
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in ("one", "two"):
        written(mine, name, in_azure="4 minutes")
    return str(mine)


def test_all_of_them_twice(cli: Cli, folder: str) -> None:
    """A line each, with both times, and a sum."""
    done = cli("scenario", "run", "--all", "--repeat", "2", "--from", folder)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" s; in Azure 4 minutes\n") == 4
    assert "4/4 ✓ " in done.stdout
    assert "\n4 as they say, 0 not, 0 not played, in " in done.stdout


def test_one_that_is_not_as_it_says_fails_all(cli: Cli, folder: str) -> None:
    """Exit code 1; what is wrong stands below it; the same as JSON."""
    written(Path(folder), "two", machines={})
    done = cli("scenario", "run", "one", "two", "--from", folder)
    as_json = cli("scenario", "run", "one", "two", "--from", folder, "--json")

    assert (done.returncode, as_json.returncode) == (1, 1)
    assert "  step 1, tcp at linux: found works, expected refused" in done.stdout
    assert '"as_expected": false' in as_json.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "error: NAME: found neither of names and --all"),
        (["one", "--all"], "error: NAME: found both of names and --all"),
        (["--all", "--hold"], "error: --hold: found several plays"),
        (["three"], "error: "),
    ],
)
def test_what_is_wrong_is_exit_code_2(cli: Cli, folder: str, arguments: list[str], said: str) -> None:
    """Names and --all exclude each other, and one can be held alone."""
    done = cli("scenario", "run", *arguments, "--from", folder)

    assert done.returncode == 2
    assert done.stderr.startswith(said)
