"""What pypsrp itself sends: the scripts behind `Client.copy` and `Client.fetch`."""

import base64
import binascii
import hashlib
import re
import tempfile
from typing import IO, Any

from emulator.machines.winguest.drive import DriveError
from emulator.machines.winguest.errors import PowerShellError
from emulator.machines.winguest.recognisers import Given, Recognised, digest
from emulator.machines.winguest.values import is_true, to_text

COPY = (
    "3c882b445a28347be063d8d369b1792d",
    "b327c4f6417ec5f84df8a79d5e1963fa",
    "a6c04c684b1633a727e475849d331844",
)
FETCH = (
    "284a8f526a1860e2578ea4bfe098cf87",
    "f409d0154cdd72dd0861d3127a2b3b5e",
)
"""Digests of pypsrp/pwsh_scripts/copy.ps1 and fetch.ps1, releases 0.4 to 0.9."""


def find(script: str) -> Recognised | None:
    """The script that this is, or None."""
    known = digest(script)
    if known in COPY:
        return Recognised("pypsrp's copy", _copy)
    return Recognised("pypsrp's fetch", _fetch) if known in FETCH else None


def _path(given: Given) -> str:
    """The path in the first argument; with its variables expanded where the second says so."""
    text = to_text(given.arguments[0]) if given.arguments else ""
    session = given.engine.session
    if len(given.arguments) > 1 and is_true(given.arguments[1]):
        text = re.sub(r"%([^%]+)%", lambda match: session.variable(match[1]) or match[0], text)
    return session.computer.drive.resolve(text, session.directory)


async def _copy(given: Given) -> int:
    """Each input is base64; the last is the SHA-1 of all before it."""
    drive, path = given.engine.session.computer.drive, _path(given)
    algorithm = hashlib.sha1(usedforsecurity=False)
    with tempfile.TemporaryFile(dir=drive.root.parent) as file:
        expected = await _received(given, algorithm, file)
        if algorithm.hexdigest() != expected:
            raise _thrown(
                f"Transport failure, hash mismatch\r\nActual: {algorithm.hexdigest()}\r\nExpected: {expected}"
            )
        file.seek(0)
        try:
            drive.write_from(path, file)
        except DriveError as error:
            raise _thrown(f'Exception calling "Move" with "2" argument(s): "{error}"') from None
    given.emit(drive.written(path))
    return 0


async def _received(given: Given, algorithm: Any, file: IO[bytes]) -> str:
    """Write all inputs but the last, which is what their hash should be."""
    before = b""
    async for value in given.inputs:
        algorithm.update(before)
        file.write(before)
        before = _decoded(to_text(value))
    return before.decode("utf-8", "replace")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise _thrown('Exception calling "FromBase64String" with "1" argument(s)') from None


def _thrown(message: str) -> PowerShellError:
    return PowerShellError(message, message, "OperationStopped", message, is_thrown=True)


async def _fetch(given: Given) -> int:
    """The file as base64, and its SHA-1."""
    drive, path = given.engine.session.computer.drive, _path(given)
    found = drive.find(path)
    if found is None:
        raise _thrown(f"The path at '{path}' does not exist")
    if found.is_dir():
        raise _thrown(f"The path at '{path}' is a directory, src must be a file")
    with found.open("rb") as file:
        algorithm = hashlib.file_digest(file, lambda: hashlib.sha1(usedforsecurity=False))
    # For an empty file Windows emits the hash alone, which pypsrp takes for the content; here it gets its empty file.
    given.emit(base64.b64encode(found.read_bytes()).decode())
    given.emit(algorithm.hexdigest())
    return 0
