"""The README says everything that a user can set, run or import, and its examples run."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

import emulator
from emulator.app.config import Config, Credentials, Listen, SwitchSettings, Winrm
from emulator.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
SECTIONS: dict[str, type[BaseModel]] = {
    "switches": SwitchSettings,
    "credentials": Credentials,
    "listen": Listen,
    "winrm": Winrm,
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


def test_the_library_example_runs() -> None:
    """The lines for library users work as they stand, on the export that comes with the tests."""
    (code,) = re.findall(r"```python\n(from emulator import check.*?)```", README, re.DOTALL)

    exec(code.replace("export/", str(ROOT / "tests" / "data" / "export" / "cli")), {})
