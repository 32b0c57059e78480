"""`scenario`: listed, searched, shown, run and held."""

import json
import signal
from pathlib import Path

import pytest

from tests.cli.command import Cli, first_line
from tests.scenarios.files import written

pytestmark = pytest.mark.network
GONE = "gone  (proxy, refused)\n    The proxy VM is gone\n"


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """A folder with a scenario of the user's."""
    mine = tmp_path / "mine"
    mine.mkdir()
    written(mine)
    return str(mine)


def test_the_catalogue_is_listed_by_hop_and_symptom(cli: Cli) -> None:
    """Filters leave only theirs; a wrong one names the right ones."""
    found = cli.json("scenario", "list", "--hop", "proxy", "--json")

    assert found
    assert {each["hop"] for each in found} == {"proxy"}
    assert {each["symptom"] for each in cli.json("scenario", "list", "--symptom", "silent", "--json")} == {"silent"}
    wrong = cli("scenario", "list", "--hop", "gateway")
    assert wrong.returncode == 2
    assert "error: --hop: found 'gateway', expected one of client, private-endpoint, load-balancer," in wrong.stderr


def test_an_error_text_finds_candidates_in_their_order(cli: Cli) -> None:
    """Pasted whole, with somebody else's addresses; what it is like is shown, and the best comes first."""
    text = 'Post "https://10.0.0.9:5986/wsman": context deadline exceeded'
    found = cli.json("scenario", "list", "--search", text, "--json")
    scores = [each["score"] for each in found]

    assert "nsg-denies-build-vm" in [each["name"] for each in found[:3]]
    assert scores == sorted(scores, reverse=True)
    assert cli("scenario", "list", "--search", "xyzzy").stdout == "no scenario is like that\n"
    words = cli("scenario", "list", *text.split())
    assert words.stdout == cli("scenario", "list", "--search", text).stdout


def test_a_folder_of_ones_own(cli: Cli, folder: str) -> None:
    """Listed, shown, as text and as JSON; an empty folder is an error."""
    shown = cli("scenario", "show", "gone", "--from", folder).stdout

    assert cli("scenario", "list", "--from", folder).stdout == GONE
    assert "Why\n  Nobody listens.\n" in shown
    assert "https://example.org/1" in shown
    assert cli.json("scenario", "show", "gone", "--from", folder, "--json")["machines"] == {
        "proxy": "service-stopped"
    }
    assert cli("scenario", "list", "--from", str(cli.home)).returncode == 2
    assert (
        "found no *.yaml in it, expected a folder" in cli("scenario", "run", "gone", "--from", str(cli.home)).stderr
    )


def test_a_run_tells_both_sides(cli: Cli, folder: str) -> None:
    """Exit code 0, what the client saw, what the hops recorded; the same as JSON."""
    done = cli("scenario", "run", "gone", "--from", folder)
    found = cli.json("scenario", "run", "gone", "--from", folder, "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "✓ refused" in done.stdout
    assert "✓ as the scenario says" in done.stdout
    assert found["as_expected"] is True
    assert found["steps"][0]["client"]["outcome"] == "refused"


def test_another_symptom_is_exit_code_1(cli: Cli, folder: str) -> None:
    """What was found and what was expected are told."""
    written(Path(folder), "other", machines={})
    done = cli("scenario", "run", "other", "--from", folder)

    assert done.returncode == 1
    assert "✗ step 1, tcp at linux: found works, expected refused" in done.stdout


def test_what_is_wrong_with_a_file_is_exit_code_2(cli: Cli, folder: str) -> None:
    """File, line and field."""
    written(Path(folder), "wrong", hop="x")
    done = cli("scenario", "run", "wrong", "--from", folder)

    assert done.returncode == 2
    assert "wrong.yaml:2: hop: found 'x'" in done.stderr


def test_the_schema_is_printed(cli: Cli) -> None:
    """JSON, with the keys of a file."""
    assert "script" in json.loads(cli("scenario", "schema").stdout)["properties"]


@pytest.mark.parametrize("ending", ["signal", "command"])
def test_a_held_scenario_is_there_for_other_clients(cli: Cli, folder: str, ending: str, tmp_path: Path) -> None:
    """It is broken as it says, the other commands reach it by its state folder, and its end leaves nothing."""
    with cli.started("scenario", "run", "gone", "--from", folder, "--hold", "--json") as process:
        told = json.loads(first_line(process))
        other = Cli(Path(told["home"]))
        assert other.json("machine", "--json")["proxy"] == "service-stopped"
        assert other.json("status", "--json")["hops"][1]["state"] == "stopped"
        if ending == "signal":
            process.send_signal(signal.SIGINT)
        else:
            assert other("down").returncode == 0
        process.communicate(timeout=30)

    assert process.returncode == 0
    assert not Path(told["home"]).exists()
