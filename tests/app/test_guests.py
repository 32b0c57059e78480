"""Which guest is started: what is set is what is taken, and `auto` asks no engine that is not there."""

from pathlib import Path

import pytest

from emulator.app import guests
from emulator.machines.settings import GuestChoice


@pytest.mark.parametrize("guest", ["sandbox", "container", "builtin"])
async def test_what_is_set_is_taken(guest: GuestChoice) -> None:
    """A guest that somebody chose is not second-guessed."""
    assert await guests.chosen(guest) == guest


async def test_without_an_engine_the_machine_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where no engine can be spoken to, `auto` stays for the machine: the sandbox, else the built-in one."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(guests, "ENGINE_SOCKET", str(tmp_path / "no.sock"))

    assert await guests.chosen("auto") == "auto"
