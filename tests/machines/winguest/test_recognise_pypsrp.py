"""pypsrp's `copy` and `fetch`, by the scripts of the release that is installed."""

import base64
import hashlib
from importlib import resources

import pytest

from emulator.machines.winguest import recognise_pypsrp
from emulator.machines.winguest.errors import PowerShellError
from emulator.machines.winguest.recognisers import Given
from emulator.machines.winguest.values import Value
from tests.windows_guest import Guest, guest


def script(name: str) -> str:
    """One of pypsrp's scripts."""
    return resources.files("pypsrp").joinpath("pwsh_scripts", name).read_text("utf-8")


async def played(made: Guest, name: str, arguments: list[Value], inputs: list[str]) -> list[Value]:
    """What a script writes."""
    found = recognise_pypsrp.find(script(name))
    assert found is not None
    written: list[Value] = []

    async def given() -> object:
        for value in inputs:
            yield value

    assert await found.play(Given(made.engine, written.append, arguments, {}, given())) == 0  # type: ignore[arg-type]
    return written


def encoded(*parts: bytes) -> list[str]:
    """Parts as base64, and their hash behind them."""
    digest = hashlib.sha1(b"".join(parts), usedforsecurity=False).hexdigest().encode()
    return [base64.b64encode(part).decode() for part in (*parts, digest)]


async def test_copies_and_fetches() -> None:
    """Parts become a file, and the file comes back with its hash."""
    with guest() as made:
        assert await played(made, "copy.ps1", ["C:\\a.bin", False], encoded(b"one", b"two")) == ["C:\\a.bin"]
        content, digest = await played(made, "fetch.ps1", ["C:\\a.bin", False], [])

    assert base64.b64decode(str(content)) == b"onetwo"
    assert digest == hashlib.sha1(b"onetwo", usedforsecurity=False).hexdigest()


async def test_a_wrong_hash_leaves_no_file() -> None:
    """What does not arrive whole is not put in its place."""
    with guest() as made:
        with pytest.raises(PowerShellError, match="hash mismatch"):
            await played(made, "copy.ps1", ["C:\\a.bin", False], [*encoded(b"one")[:1], encoded(b"other")[1]])
        assert made.computer.drive.find("C:\\a.bin") is None


@pytest.mark.parametrize(("path", "part"), [("C:\\nope", "does not exist"), ("C:\\Windows", "is a directory")])
async def test_what_cannot_be_fetched(path: str, part: str) -> None:
    """A missing file and a folder are errors."""
    with guest() as made, pytest.raises(PowerShellError, match=part):
        await played(made, "fetch.ps1", [path, False], [])


def test_a_changed_script_is_another() -> None:
    """One word more, and it is none of pypsrp's."""
    assert recognise_pypsrp.find(script("copy.ps1") + "\nGet-Foo") is None
