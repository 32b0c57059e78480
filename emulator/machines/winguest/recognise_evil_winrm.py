"""What evil-winrm-py itself sends: the scripts behind `upload` and `download`, which speak JSON, a line an object."""

import base64
import binascii
import hashlib
import json
import uuid

from emulator.machines.winguest.drive import DriveError
from emulator.machines.winguest.recognisers import Given, Recognised, digest
from emulator.machines.winguest.values import Value, to_integer, to_text

SEND = "bc36f089e2de6eb9a76bfe47d27df91f"
FETCH = "8b625b2030ad299aac08a52014a5afce"
"""Digests of evil_winrm_py/_ps/send.ps1 and fetch.ps1, release 1.7."""
CHUNK_BYTES = 65536
_FIRST, _LAST, _ONLY = 0, 1, 3
"""Kinds of chunks; 2 is one in between."""


def find(script: str) -> Recognised | None:
    """The script that this is, or None."""
    known = digest(script)
    if known == SEND:
        return Recognised("evil-winrm-py's upload", _send)
    return Recognised("evil-winrm-py's download", _fetch) if known == FETCH else None


def _say(given: Given, kind: str, **fields: Value) -> None:
    given.emit(json.dumps({"Type": kind, **fields}, separators=(",", ":")))


def _argument(given: Given, name: str, position: int) -> Value:
    if name.casefold() in given.named:
        return given.named[name.casefold()]
    return given.arguments[position] if position < len(given.arguments) else None


async def _send(given: Given) -> int:
    """Append a chunk to a file of its own; with the last one, move that to its place."""
    kind = to_integer(_argument(given, "ChunkType", 1))
    try:
        _append(given, kind)
    except (DriveError, binascii.Error) as error:
        _say(given, "Error", Message=f"Error processing chunk or writing to file: {error}")
    return 0


def _append(given: Given, kind: int) -> None:
    drive = given.engine.session.computer.drive
    temporary = to_text(_argument(given, "TempFilePath", 2))
    if kind in (_FIRST, _ONLY):
        temporary = rf"{drive.home}\AppData\Local\Temp\{uuid.uuid4().hex[:8]}.{uuid.uuid4().hex[:3]}"
        _say(given, "Metadata", TempFilePath=temporary)
    data = base64.b64decode(to_text(_argument(given, "Base64Chunk", 0)), validate=True)
    drive.write(drive.resolve(temporary, "C:\\"), data, is_appended=True)
    if kind in (_LAST, _ONLY):
        _finish(given, drive.resolve(temporary, "C:\\"))


def _finish(given: Given, temporary: str) -> None:
    session, drive = given.engine.session, given.engine.session.computer.drive
    data, wanted = drive.read(temporary), to_text(_argument(given, "FileHash", 4))
    found = hashlib.md5(data, usedforsecurity=False).hexdigest().upper()
    if found != wanted.upper():
        _say(given, "Error", Message=f"File hash mismatch. Expected: {wanted}, Calculated: {found}")
        return
    asked = to_text(_argument(given, "FilePath", 3))
    drive.move(temporary, drive.resolve(asked, session.directory))
    name = asked.replace("/", "\\").rpartition("\\")[2]
    _say(given, "Metadata", FilePath=asked, FileSize=len(data), FileHash=found, FileName=name)


async def _fetch(given: Given) -> int:
    """A file's size and hash, and then its chunks."""
    session, asked = given.engine.session, to_text(_argument(given, "FilePath", 0))
    found = session.computer.drive.find(session.computer.drive.resolve(asked, session.directory))
    if found is None or not found.is_file():
        message = f"Error: The specified file path does not exist or is not a file: '{asked}'"
        _say(given, "Error", Message=message)
        return 1
    data = found.read_bytes()
    digested = hashlib.md5(data, usedforsecurity=False).hexdigest().upper()
    chunks = [data[at : at + CHUNK_BYTES] for at in range(0, len(data), CHUNK_BYTES)]
    _say(
        given, "Metadata", FilePath=asked, FileSize=len(data), ChunkSize=CHUNK_BYTES, TotalChunks=len(chunks),
        FileHash=digested, FileName=found.name,
    )  # fmt: skip
    for number, chunk in enumerate(chunks, 1):
        _say(given, "Chunk", ChunkNumber=number, Base64Data=base64.b64encode(chunk).decode())
        await given.engine.streams.drained()
    return 0
