"""`exec`: output and exit code of a command on a build VM."""

import pytest

from emulator.cli.execute import line, local_code
from tests.cli.command import Cli


@pytest.mark.network
@pytest.mark.parametrize(
    ("system", "command", "stdout", "code"),
    [
        ("linux", ("echo hello; exit 3",), "hello\n", 3),
        ("linux", ("echo", "a  b", "$HOME"), "a  b $HOME\n", 0),
        ("windows", ("hostname",), "build-windows\n", 0),
        ("windows", ("exit 7",), "", 7),
    ],
)
def test_output_and_code_are_passed_on(
    running: Cli, system: str, command: tuple[str, ...], stdout: str, code: int
) -> None:
    """Standard output and the exit code are the remote command's."""
    done = running("exec", system, "--", *command)

    assert done.returncode == code, done.stderr
    assert done.stdout.replace("\r\n", "\n") == stdout


@pytest.mark.network
def test_json_has_all_three(running: Cli) -> None:
    """`--json` prints exit code, standard output and standard error, and still passes the code on."""
    done = running("exec", "linux", "--json", "--", "echo out; echo err >&2; exit 4")

    assert done.returncode == 4
    assert '"exit_code": 4' in done.stdout
    assert '"stdout": "out\\n"' in done.stdout
    assert '"stderr": "err\\n"' in done.stdout


@pytest.mark.network
@pytest.mark.parametrize(
    ("system", "command"), [("linux", "echo out; sleep 600"), ("windows", "echo out& ping -n 600 127.0.0.1 >nul")]
)
def test_what_was_said_in_time_is_printed(running: Cli, system: str, command: str) -> None:
    """A command that takes too long is exit code 1 and one message; what it had said is there."""
    done = running("exec", system, "--timeout", "4", "--", command)
    as_json = running("exec", system, "--timeout", "4", "--json", "--", command)

    assert (done.returncode, done.stdout.strip()) == (1, "out")
    assert done.stderr.startswith("error: ")
    assert '"exit_code": null' in as_json.stdout
    assert '"stdout": "out' in as_json.stdout


def test_several_words_arrive_as_typed() -> None:
    """One word is a line for the shell; several are quoted as the remote system quotes."""
    assert line(["a b; c"], windows=False) == "a b; c"
    assert line(["a b", "c"], windows=False) == "'a b' c"
    assert line(["a b", "c"], windows=True) == '"a b" c'


@pytest.mark.parametrize(("remote", "local"), [(0, 0), (1, 1), (255, 255), (256, 255), (3010, 255), (-1, 255)])
def test_no_failure_becomes_success(remote: int, local: int) -> None:
    """A Windows exit code that does not fit is a failure here too."""
    assert local_code(remote) == local
