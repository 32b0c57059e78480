"""What cannot be measured, or kept, is said before anything is measured."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.__main__ import measured
from bench.figures import Figure


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "found nonsense, expected one of decisions, start"),
        (["--json", "no-such-folder/results.json", "start"], "--json: found no-such-folder/results.json"),
        (["--compare", "no-such-file", "start"], "no-such-file: found no results"),
    ],
)
def test_wrong_input_is_one_sentence(tmp_path: Path, arguments: list[str], said: str) -> None:
    """Exit code 2, and nothing on standard output."""
    command = [sys.executable, "-m", "bench", *arguments]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": ""}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert (done.returncode, done.stdout) == (2, "")


def test_what_breaks_off_keeps_what_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    """A program that fails, or a machine that cannot, is a sentence; what was found before it counts."""
    figure = Figure("a", "s", (1.0,))
    broken: list[str] = []

    def measure() -> Iterator[Figure]:
        yield figure
        raise subprocess.CalledProcessError(255, ["scp"])

    assert list(measured("builds", measure, broken)) == [figure]
    assert broken == ["builds"]
    assert "builds: broke off: Command '['scp']' returned non-zero exit status 255" in capsys.readouterr().err
