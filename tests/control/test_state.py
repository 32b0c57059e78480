"""The state folder: private, whole, and honest about who runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.control import state
from emulator.errors import InvalidInputError, UnavailableError

# Where the folder is: our own variable, the XDG one if it is absolute, the home folder.
HOMES = [
    ({"AIB_EMULATOR_HOME": "/a", "XDG_STATE_HOME": "/x"}, "/a"),
    ({"XDG_STATE_HOME": "/x"}, "/x/aib-emulator"),
    ({"XDG_STATE_HOME": "relative"}, str(Path.home() / ".local/state/aib-emulator")),
    ({"XDG_STATE_HOME": ""}, str(Path.home() / ".local/state/aib-emulator")),
    ({}, str(Path.home() / ".local/state/aib-emulator")),
    ({"AIB_EMULATOR_HOME": "here"}, str(Path("here").absolute())),
]


@pytest.mark.parametrize(("environ", "expected"), HOMES)
def test_home(environ: dict[str, str], expected: str) -> None:
    """The first of the variables that is set names the folder."""
    assert str(state.home(environ)) == expected


def test_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without a home folder is told which variable to set."""

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(InvalidInputError, match="AIB_EMULATOR_HOME"):
        state.home({})


def test_the_folder_is_private(tmp_path: Path) -> None:
    """The folder is its owner's only, also where it was open before."""
    folder = tmp_path / "deep" / "state"
    folder.mkdir(parents=True)
    folder.chmod(0o755)

    assert state.make(folder) == folder
    assert folder.stat().st_mode & 0o777 == 0o700
    assert state.make(tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_no_folder(tmp_path: Path) -> None:
    """A path that is a file cannot be the folder, and the message names the variable."""
    (tmp_path / "file").write_text("")

    with pytest.raises(InvalidInputError, match="AIB_EMULATOR_HOME names another"):
        state.make(tmp_path / "file")


@pytest.mark.skipif(os.geteuid() != 0, reason="only an administrator can give a folder away")
def test_anothers_folder(tmp_path: Path) -> None:
    """Somebody else's folder is not taken over."""
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o755)
    os.chown(folder, 65534, 65534)

    with pytest.raises(InvalidInputError, match="belongs to user 65534"):
        state.make(folder)
    assert folder.stat().st_mode & 0o777 == 0o755


def test_files_are_private_and_whole(tmp_path: Path) -> None:
    """A file is its owner's only and replaces the former one; no temporary file stays."""
    file = tmp_path / "f"
    file.write_text("before")
    file.chmod(0o644)

    state.write_private(file, "after é")

    assert (file.read_text("utf-8"), file.stat().st_mode & 0o777) == ("after é", 0o600)
    assert list(tmp_path.iterdir()) == [file]


def test_secrets(tmp_path: Path) -> None:
    """A secret is made once and kept; a given one takes its place and is not kept; an empty file is none."""
    file = tmp_path / "token"
    made = state.secret(file)

    assert len(made) >= 32
    assert state.secret(file) == made
    assert state.secret(file, "given") == "given"
    assert state.secret(file) == made
    file.write_text(" \n")
    assert len(state.secret(file)) >= 32


def test_secrets_that_cannot_be_read(tmp_path: Path) -> None:
    """A file that is no text, or a folder, is named."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "folder").mkdir()

    for name in ("binary", "folder"):
        with pytest.raises(InvalidInputError, match="cannot be read"):
            state.secret(tmp_path / name)


def test_nobody_runs(tmp_path: Path) -> None:
    """Without a note nobody runs, and there is nothing to release."""
    assert state.running(tmp_path) is None
    state.release(tmp_path)


def test_claim_and_release(tmp_path: Path) -> None:
    """Who claims a folder is noted with what it says, may claim again, and its note goes with it."""
    state.claim(tmp_path, {"control": ""})
    state.claim(tmp_path, {"control": "http://here"})
    found = state.running(tmp_path)

    assert found
    assert (found["pid"], found["control"]) == (os.getpid(), "http://here")
    state.release(tmp_path)
    assert list(tmp_path.iterdir()) == []


def noted(folder: Path, **note: object) -> Path:
    """A note somebody left."""
    file = folder / state.RUNNING
    file.write_text(json.dumps(note))
    return file


def test_another_runs(tmp_path: Path) -> None:
    """A folder in use is not claimed: the message names the process and what to do; its note stays."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        file = noted(tmp_path, pid=other.pid, control="http://there", born=state.born(other.pid))
        with pytest.raises(UnavailableError, match=rf"process {other.pid}, control http://there.*aib-emulator down"):
            state.claim(tmp_path, {})
        state.release(tmp_path)
        assert file.exists()
        other.kill()
        # Ended, but not yet waited for: a zombie runs nothing.
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
        assert not state.alive(other.pid)
        assert state.running(tmp_path) is None
    assert not file.exists()


def test_a_number_that_came_again(tmp_path: Path) -> None:
    """A note whose process number belongs to a younger process by now is a dead one's."""
    file = noted(tmp_path, pid=os.getppid(), born="1")

    assert state.running(tmp_path) is None
    assert not file.exists()


def test_the_first_process_is_alive() -> None:
    """A process that we may not signal is alive all the same; one that is not there is not."""
    assert state.alive(1)
    assert state.born(os.getpid()).isdigit()
    assert (state.alive(2**22 + 1), state.born(2**22 + 1)) == (False, "")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{}", '{"pid": "x"}', '{"pid": Infinity}', '{"pid": -1}', '{"pid": 1e99}', '{"pid": true}'],
)
def test_damaged_notes(tmp_path: Path, text: str) -> None:
    """A note that says nothing stops nobody, and is removed."""
    (tmp_path / state.RUNNING).write_text(text)

    assert state.running(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_of_many_at_once_one_claims_the_folder(tmp_path: Path) -> None:
    """Processes that claim a folder at the same moment: one has it, the others are told whose it is."""
    code = (
        "import sys, pathlib; from emulator.control import state; from emulator.errors import UnavailableError\n"
        "sys.stdin.readline()\n"
        "try: state.claim(pathlib.Path(sys.argv[1]), {}); print('mine')\n"
        "except UnavailableError as error: print(error)\n"
        "sys.stdout.flush(); sys.stdin.readline()"
    )
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", code, str(tmp_path)]
    many = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(6)]
    for turn in range(2):
        for each in many:
            assert each.stdin is not None
            each.stdin.write("go\n")
            each.stdin.flush()
        if turn == 0:
            answers = [each.stdout.readline().strip() for each in many if each.stdout]
    for each in many:
        each.communicate(timeout=10)
    winner = many[answers.index("mine")]

    assert answers.count("mine") == 1
    assert all(f"process {winner.pid}" in answer for answer in answers if answer != "mine")
