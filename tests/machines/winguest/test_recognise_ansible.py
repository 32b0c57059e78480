"""Ansible's bootstrap, by the scripts of the release that is installed."""

import base64
import hashlib
import json
from importlib import resources

import pytest

from emulator.machines.winguest import recognise_ansible
from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.recognisers import Given
from emulator.machines.winguest.values import Value
from tests.windows_guest import Guest, guest

PACKAGE = resources.files("ansible").joinpath("executor", "powershell")


def script(name: str) -> str:
    """One of Ansible's own scripts."""
    return PACKAGE.joinpath(name).read_text("utf-8")


def manifests(action: str, text: str, parameters: dict[str, object]) -> list[str]:
    """What Ansible sends before the data: its executor, and what that is to do."""
    scripts = {action: {"script": base64.b64encode(text.encode()).decode()}}
    wanted = {"scripts": scripts, "actions": [{"name": action, "params": parameters}]}
    return [json.dumps({"script": script("exec_wrapper.ps1")}), "\0\0\0\0", json.dumps(wanted), "\0\0\0\0"]


async def played(made: Guest, lines: list[str]) -> list[Value]:
    """What the bootstrap writes."""
    found = recognise_ansible.find(script("bootstrap_wrapper.ps1"))
    assert found is not None
    assert found.is_decided_late
    written: list[Value] = []

    async def given() -> object:
        for line in lines:
            yield line

    await found.play(Given(made.engine, written.append, (), {}, given()))  # type: ignore[arg-type]
    return written


async def test_puts_and_fetches() -> None:
    """A file goes there in lines of base64 with their SHA-1, and comes back in parts."""
    content = b"one" * 1000
    lines = [base64.b64encode(content[at : at + 1500]).decode() for at in range(0, len(content), 1500)]
    with guest() as made:
        put = await played(made, [*manifests("put", script("winrm_put_file.ps1"), {"Path": "C:\\a.bin"}), *lines])
        assert made.computer.drive.read("C:\\a.bin") == content
        wanted = {"Path": "C:\\a.bin", "BufferSize": 2000, "Offset": 0}
        (part,) = await played(made, manifests("fetch", script("winrm_fetch_file.ps1"), wanted))

    assert json.loads(str(put[-1])) == {"sha1": hashlib.sha1(content, usedforsecurity=False).hexdigest()}
    assert base64.b64decode(str(part)) == content[:2000]


@pytest.mark.parametrize("text", ["Get-Foo", "Remove-Item C:\\ -Recurse"])
async def test_a_module_is_refused(text: str) -> None:
    """A script that is none of the plugins' own is PowerShell of somebody's, and nothing of it is done."""
    with guest() as made:
        before = made.state()
        with pytest.raises(NotUnderstoodError):
            await played(made, manifests("module", text, {}))
        assert made.state() == before


async def test_another_executor_is_refused() -> None:
    """What the bootstrap is told to run must be Ansible's own."""
    with guest() as made, pytest.raises(NotUnderstoodError, match="executor"):
        await played(made, [json.dumps({"script": "Get-Foo"}), "\0\0\0\0"])


def test_a_changed_bootstrap_is_another() -> None:
    """One line more, and it is not known."""
    assert recognise_ansible.find(script("bootstrap_wrapper.ps1") + "\nGet-Foo") is None
