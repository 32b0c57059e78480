"""`scenario matrix`: a part of it, as a document and as JSON, and what is wrong with what is asked."""

import signal

import pytest

from tests.cli.command import Cli

pytestmark = [pytest.mark.network, pytest.mark.timeout(120)]


def test_a_part_is_a_document(cli: Cli) -> None:
    """On standard output, with what was asked for alone; each cell is told meanwhile."""
    done = cli("scenario", "matrix", "--client", "asyncssh", "--hop", "proxy", "--end", "fin")

    assert done.returncode == 0, done.stderr
    assert "\n| asyncssh | " in done.stdout
    assert "| proxy | `exit_status None` | returns |" in done.stdout
    assert "1/1 asyncssh, fin at proxy: returns after " in done.stderr


def test_json(cli: Cli) -> None:
    """A date, and a cell with its client's version."""
    found = cli.json("scenario", "matrix", "--client", "asyncssh", "--end", "no-exit-status", "--json")
    (cell,) = found["cells"]

    assert found["missing"] == []
    assert (cell["reports"], cell["hop"], cell["still_waiting"]) == ("exit_status None", "build-linux", False)


def test_what_is_wrong_is_exit_code_2(cli: Cli) -> None:
    """A client that there is not."""
    done = cli("scenario", "matrix", "--client", "curl")

    assert done.returncode == 2
    assert "error: --client: found 'curl', expected one of openssh, asyncssh," in done.stderr


def test_an_interrupt_keeps_what_is_done(cli: Cli) -> None:
    """The cells that were played are written, and how many were not; exit code 130."""
    arguments = ["--client", "asyncssh", "--end", "no-exit-status", "--end", "silent-drop", "--patience", "600"]
    with cli.started("scenario", "matrix", *arguments) as process:
        assert process.stderr
        assert "no-exit-status" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=40)

    assert process.returncode == 130
    assert "Not played: 3 cells" in said
    assert "`exit_status None`" in said
