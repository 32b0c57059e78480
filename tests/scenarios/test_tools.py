"""Other people's clients: where they are, what they run, and what of their output tells how they ended."""

from pathlib import Path

import pytest

from emulator.scenarios.clients import Target
from emulator.scenarios.matrix import End
from emulator.scenarios.tools import TOOLS, environment

TARGET = Target("127.0.0.1", 40001, "packer", "secret", "/key", "https://127.0.0.1:40001/wsman", "10.60.0.8:22")
LIBRARIES = ("asyncssh", "paramiko", "pywinrm", "pypsrp")
SAID: list[tuple[str, str, str]] = [
    # client, what it printed, what tells
    ("openssh", "a\n\nclient_loop: send disconnect: Broken pipe\r\n", "a client_loop: send disconnect: Broken pipe"),
    ("openssh", "", "nothing"),
    ("paramiko", "Connection to 127.0.0.1:40001 lost", "Connection to 10.60.0.8:22 lost"),
    ("paramiko", "read tcp 127.0.0.1:50123->127.0.0.1:40001: reset", "read tcp CLIENT:PORT->10.60.0.8:22: reset"),
    ("pypsrp", "HTTPSConnectionPool(host='127.0.0.1', port=40001)", "HTTPSConnectionPool(host='10.60.0.8', port 22)"),
    ("packer-ssh", "==> null: x\nBuild 'null' errored after 3 ms: Gone\n\n--> y\n", "Build 'null' errored: Gone"),
    ("packer-winrm", "==> null: a\n==> null: script: /tmp/windows-shell-provisioner12\n", "==> null: script: SCRIPT"),
    (
        "ansible-ssh",
        '[WARNING]: x\n127.0.0.1 | UNREACHABLE! => {\n    "msg": "y"\n}\n',
        '10.60.0.8 | UNREACHABLE! => { "msg": "y" }',
    ),
]


@pytest.mark.parametrize(("name", "said", "telling"), SAID)
def test_what_tells_how_it_ended(name: str, said: str, telling: str) -> None:
    """In Azure's addresses, without what differs between two runs."""
    assert TOOLS[name].reported(said, TARGET) == telling


def test_a_library_returns_or_raises() -> None:
    """A program has an exit code; each may still wait."""
    assert [TOOLS["asyncssh"].ends(code) for code in (0, 1, None)] == ["returns", "raises", "still waiting"]
    assert [TOOLS["openssh"].ends(code) for code in (0, 255, None)] == [
        "exit code 0",
        "exit code 255",
        "still waiting",
    ]


@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.parametrize("end", ["fin", "no-exit-status"])
def test_a_command_leaves_a_mark(name: str, end: End) -> None:
    """So that it is known to have begun, whatever the client tells of it meanwhile."""
    if end == "fin" or TOOLS[name].system == "linux":
        assert "begun" in TOOLS[name].command(end)


@pytest.mark.parametrize("name", TOOLS)
def test_its_files_are_in_its_folder(name: str, tmp_path: Path) -> None:
    """The command line names what it has to run, and a secret is on none."""
    line = TOOLS[name].line(TARGET, "echo it", tmp_path)

    assert "echo it" in " ".join([*line, *(each.read_text() for each in tmp_path.iterdir())])
    assert "secret" not in " ".join(line)
    assert environment(TOOLS[name], str(tmp_path))["HOME"] == str(tmp_path)


def test_what_is_not_here_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs by the path; libraries that this Python has are there whatever the path."""
    monkeypatch.setenv("PATH", "/nonexistent")

    assert TOOLS["packer-ssh"].lacking() == "packer-ssh is not on this machine"
    assert [TOOLS[each].lacking() for each in LIBRARIES] == [""] * 4
