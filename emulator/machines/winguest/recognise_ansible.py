"""What Ansible's connection plugins themselves send: the bootstrap, and the scripts that move files through it.

A module is PowerShell of its author's, which comes through the same bootstrap and is not played.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from emulator.machines.winguest.drive import DriveError
from emulator.machines.winguest.errors import NotUnderstoodError, PowerShellError
from emulator.machines.winguest.recognisers import Given, Recognised, digest
from emulator.machines.winguest.values import Value, items, to_text

BOOTSTRAP = "3aedd16eb1f5bf9406340baa7961f36f"
"""The digest of ansible/executor/powershell/bootstrap_wrapper.ps1, ansible-core 2.19."""
EXECUTOR = "533abe0826d53dc8dad458f3d3f69f00"
"""The digest of ansible/executor/powershell/exec_wrapper.ps1."""
_STRICT = "Set-StrictMode -Version Latest"
_END_OF_MANIFEST = "\0\0\0\0"
MAX_MANIFEST_CHARACTERS = 4_000_000


def find(script: str) -> Recognised | None:
    """The script that this is, or None."""
    known = digest(script.removeprefix(_STRICT))
    return Recognised("Ansible's bootstrap", _bootstrap, is_decided_late=True) if known == BOOTSTRAP else None


async def _lines(inputs: AsyncIterator[Value]) -> AsyncIterator[str]:
    """Input as lines, whether it comes as bytes of a stream or as objects of a pipeline."""
    rest = b""
    async for value in inputs:
        if isinstance(value, bytes):
            *whole, rest = (rest + value).split(b"\n")
            for line in whole:
                yield line.rstrip(b"\r").decode("utf-8", "replace")
        else:
            for item in items(value):
                yield to_text(item)
    if rest:
        yield rest.decode("utf-8", "replace")


async def _bootstrap(given: Given) -> int:
    """Read the executor and its manifest, and run the action that it names, if that is one of Ansible's own."""
    lines = _lines(given.inputs)
    if digest(str((await _manifest(lines)).get("script", ""))) != EXECUTOR:
        raise NotUnderstoodError("Ansible's executor of another release")
    name, script, parameters = _action(await _manifest(lines))
    play = SCRIPTS.get(digest(script))
    if play is None:
        raise NotUnderstoodError(name[:80])
    session = given.engine.session
    path = session.computer.drive.resolve(str(parameters.get("Path", "")), session.directory)
    try:
        return await play(given, path, parameters, lines)
    except DriveError as error:
        raise PowerShellError(f'Exception calling "Create" with "1" argument(s): "{error}"', is_thrown=True) from None
    except (binascii.Error, ValueError):
        raise PowerShellError("The input is not a valid Base-64 string.", "FormatException", is_thrown=True) from None


def _action(manifest: dict[str, Any]) -> tuple[str, str, Mapping[str, Any]]:
    """The only action's name, script and parameters."""
    try:
        (action,) = manifest["actions"]
        name, parameters = str(action["name"]), dict(action["params"])
        script = base64.b64decode(manifest["scripts"][name]["script"]).decode("utf-8", "replace")
    except (LookupError, TypeError, ValueError):
        raise NotUnderstoodError("Ansible's executor with such a manifest") from None
    return name, script, parameters


async def _manifest(lines: AsyncIterator[str]) -> dict[str, Any]:
    text = ""
    async for line in lines:
        if line == _END_OF_MANIFEST:
            break
        text += line
        if len(text) > MAX_MANIFEST_CHARACTERS:
            raise NotUnderstoodError("a manifest of that length")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise PowerShellError("Invalid JSON primitive.", "System.ArgumentException", is_thrown=True)
    return found


Play = Callable[[Given, str, Mapping[str, Any], AsyncIterator[str]], Awaitable[int]]


async def _put(given: Given, path: str, _: Mapping[str, Any], lines: AsyncIterator[str]) -> int:
    """Write base64 lines into a file, and say their SHA-1."""
    drive, algorithm = given.engine.session.computer.drive, hashlib.sha1(usedforsecurity=False)
    drive.write(path, b"")
    async for line in lines:
        data = base64.b64decode(line, validate=True)
        algorithm.update(data)
        drive.write(path, data, is_appended=True)
    given.emit(json.dumps({"sha1": algorithm.hexdigest()}, separators=(",", ":")))
    return 0


async def _fetch_part(given: Given, path: str, parameters: Mapping[str, Any], _: AsyncIterator[str]) -> int:
    """A part of a file, as base64."""
    drive = given.engine.session.computer.drive
    found = drive.find(path)
    if found is None:
        given.engine.streams.message("stderr", f"{path} does not exist\n")
        return 1
    if found.is_dir():
        given.emit("[DIR]")
        return 0
    with found.open("rb") as file:
        file.seek(max(int(parameters.get("Offset", 0)), 0))
        data = file.read(_size(parameters))
    if data:
        given.emit(base64.b64encode(data).decode())
    return 0


async def _fetch(given: Given, path: str, parameters: Mapping[str, Any], _: AsyncIterator[str]) -> int:
    """A whole file, in parts."""
    drive = given.engine.session.computer.drive
    found = drive.find(path)
    if found is None:
        given.engine.report(
            PowerShellError(f"{path} does not exist", "WriteErrorException", activity="Write-Error", target=path)
        )
        return 0
    if found.is_dir():
        given.emit("[DIR]")
        return 0
    given.emit("[FILE]")
    with found.open("rb") as file:
        while data := file.read(_size(parameters)):
            given.emit(base64.b64encode(data).decode())
            await given.engine.streams.drained()
    return 0


def _size(parameters: Mapping[str, Any]) -> int:
    return min(max(int(parameters.get("BufferSize", 65536)), 1), 1 << 22)


SCRIPTS: Mapping[str, Play] = {
    "c38ba66c26180ebe23604e7ad864398b": _put,
    "1e3bc71dc4b7417065be764469b6a593": _put,
    "5d50c9529bdca5f52e8a06ab02144f7b": _fetch_part,
    "f6d0060891c93a8ecc5fee5a02d6ed28": _fetch,
}
"""By the digest of the script in the manifest: winrm_put_file, psrp_put_file, winrm_fetch_file, psrp_fetch_file."""
