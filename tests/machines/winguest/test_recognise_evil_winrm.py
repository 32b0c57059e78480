"""evil-winrm-py's upload and download, by the scripts of the release that is installed."""

import base64
import hashlib
import json
from importlib import resources

from emulator.machines.winguest import recognise_evil_winrm
from emulator.machines.winguest.recognisers import Given
from emulator.machines.winguest.values import Value
from tests.windows_guest import Guest, guest

FIRST, LAST = 0, 1


def script(name: str) -> str:
    """One of its scripts."""
    return resources.files("evil_winrm_py").joinpath("_ps", name).read_text("utf-8")


async def played(made: Guest, name: str, **named: Value) -> list[dict[str, Value]]:
    """The objects that a script writes."""
    found = recognise_evil_winrm.find(script(name))
    assert found is not None
    written: list[Value] = []
    await found.play(Given(made.engine, written.append, (), {key.lower(): value for key, value in named.items()}))
    return [json.loads(str(line)) for line in written]


async def test_uploads_in_chunks_and_downloads() -> None:
    """The first chunk names a file for the others; the last one moves it where it belongs, if its hash is right."""
    digest = hashlib.md5(b"onetwo", usedforsecurity=False).hexdigest()
    with guest() as made:
        chunk = base64.b64encode(b"one").decode()
        (first,) = await played(made, "send.ps1", Base64Chunk=chunk, ChunkType=FIRST)
        (done,) = await played(
            made, "send.ps1", Base64Chunk=base64.b64encode(b"two").decode(), ChunkType=LAST,
            TempFilePath=first["TempFilePath"], FilePath="C:\\up.bin", FileHash=digest,
        )  # fmt: skip
        assert made.computer.drive.read("C:\\up.bin") == b"onetwo"
        head, *chunks = await played(made, "fetch.ps1", FilePath="C:\\up.bin")

    assert (done["FileSize"], head["FileHash"]) == (6, digest.upper())
    assert base64.b64decode("".join(str(each["Base64Data"]) for each in chunks)) == b"onetwo"


async def test_says_what_is_wrong() -> None:
    """A wrong hash, and a file that is not there."""
    with guest() as made:
        chunk = base64.b64encode(b"one").decode()
        *_, wrong = await played(made, "send.ps1", Base64Chunk=chunk, ChunkType=3, FilePath="C:\\x", FileHash="00")
        (missing,) = await played(made, "fetch.ps1", FilePath="C:\\nope")

        assert made.computer.drive.find("C:\\x") is None
    assert "hash mismatch" in str(wrong["Message"])
    assert missing["Type"] == "Error"


def test_a_changed_script_is_another() -> None:
    """One word more, and it is not known."""
    assert recognise_evil_winrm.find(script("send.ps1") + "\nGet-Foo") is None
