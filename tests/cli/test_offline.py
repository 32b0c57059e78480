"""Worlds of offline commands: warnings are few, and an image template chooses."""

import subprocess
import sys

import pytest

from emulator.cli.offline import SHOWN, warn


def test_warnings_are_few(capsys: pytest.CaptureFixture[str]) -> None:
    """The first warnings are shown on standard error, then how many there are more."""
    warn(f"number {number}" for number in range(SHOWN + 3))

    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines()[0] == "warning: number 0"
    assert shown.err.splitlines()[-1] == "warning: and 3 more like these"
    assert len(shown.err.splitlines()) == SHOWN + 1


def test_a_question_imports_no_server() -> None:
    """A command that answers a question loads no event loop, no TLS and no settings, which take longer than it."""
    words = ["explain", "--json"]
    program = (
        f"import sys; sys.argv[1:] = {words!r}\n"
        "from emulator.cli import main\n"
        "try: main()\n"
        "finally: print([each for each in ('asyncio', 'ssl', 'pydantic', 'yaml', 'rich') if each in sys.modules], "
        "file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stderr.strip() == "[]"
