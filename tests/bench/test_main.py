"""What cannot be measured, or kept, is said before anything is measured."""

import subprocess
import sys
from pathlib import Path

import pytest


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
