"""The README says everything that a user can set, run or import, and its examples run."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

import emulator
from emulator.app.config import Builds, Config, Credentials, Listen, Outbound, SwitchSettings, Windows, Winrm
from emulator.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
SECTIONS: dict[str, type[BaseModel]] = {
    "switches": SwitchSettings,
    "credentials": Credentials,
    "listen": Listen,
    "builds": Builds,
    "outbound": Outbound,
    "winrm": Winrm,
    "windows": Windows,
}


def commands() -> list[str]:
    """The names of the commands."""
    names = [each.name for each in app.registered_commands] + [each.name for each in app.registered_groups]
    return [name for name in names if isinstance(name, str)]


def settings() -> list[str]:
    """The keys of the settings, those within a key as `key.inner`."""
    inner = [f"{key}.{name}" for key, model in SECTIONS.items() for name in model.model_fields]
    return [*(key for key in Config.model_fields if key not in SECTIONS), *inner]


@pytest.mark.parametrize("name", commands())
def test_every_command_is_in_the_readme(name: str) -> None:
    """A command has its row in the table of commands."""
    assert re.search(rf"^\| `{name}[ `]", README, re.MULTILINE)


@pytest.mark.parametrize("key", settings())
def test_every_setting_is_in_the_readme(key: str) -> None:
    """A setting has its row in the table of settings, alone or beside its neighbours."""
    section, _, name = key.rpartition(".")
    rows = [line for line in README.splitlines() if line.startswith("| `")]
    assert any(f"`{key}`" in row or (section and f"`{section}." in row and f"`.{name}`" in row) for row in rows)


@pytest.mark.parametrize(
    "name", [each for each in emulator.__all__ if each not in ("Channel", "World", "__version__")]
)
def test_every_public_name_is_in_the_readme(name: str) -> None:
    """A public function is used or named where users look first."""
    assert name in README


def test_tests_that_the_readme_names_exist() -> None:
    """What the parity table says is shown by a test is shown by one that exists."""
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", README))

    assert named
    assert {name for name in named if not (ROOT / name).exists()} == set()


def rows_of(heading: str) -> list[list[str]]:
    """The cells of the rows of the table below a heading, its head left out."""
    section = README.split(f"{heading}\n", 1)[1].split("\n#", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [
        [cell.strip() for cell in line.strip("|").split(" |")] for line in lines if not line.startswith("| --- ")
    ][1:]


def test_every_parity_row_is_shown_by_a_test() -> None:
    """A row says what Azure does, what happens here, and which test shows it, unless it is not played."""
    rows = rows_of("## What is exact, and what is not")

    assert len(rows) > 50
    assert [row for row in rows if len(row) != 4] == []
    assert [
        row[0] for row in rows if "not played" not in row[2] and not re.search(r"`tests/[\w/]+\.py`", row[3])
    ] == []


def test_every_switch_is_in_the_parity_table() -> None:
    """A switch stands where Azure's behaviour is open: its row says so."""
    table = " ".join(" ".join(row) for row in rows_of("## What is exact, and what is not"))

    assert [name for name in SwitchSettings.model_fields if f"`{name}`" not in table] == []


def test_each_of_the_twenty_behaviours_has_a_test_of_its_number() -> None:
    """The table has all twenty, and the file that a row names has a test called after its number."""
    rows = rows_of("### What a client sees of each fault, and what bugs hang on")
    shown = {int(row[0]): re.findall(r"`(tests/[\w/]+\.py)`", row[2]) for row in rows}

    assert sorted(shown) == list(range(1, 21))
    for number, files in shown.items():
        assert files
        for file in files:
            assert f"def test_behaviour_{number}_" in (ROOT / file).read_text("utf-8")


def test_each_failure_signature_has_its_row() -> None:
    """Fourteen rows of faults, each with a test that says which it is."""
    text = (ROOT / "tests" / "app" / "test_failure_signatures.py").read_text("utf-8")

    assert {int(number) for number in re.findall(r'"""Row (\d+)[ ,:]', text)} == set(range(1, 15))


def test_the_library_example_runs() -> None:
    """The lines for library users work as they stand, on the export that comes with the tests."""
    (code,) = re.findall(r"```python\n(from emulator import check.*?)```", README, re.DOTALL)

    exec(code.replace("export/", str(ROOT / "tests" / "data" / "export" / "cli")), {})
