"""Cmdlets over files, folders, registry keys, variables and functions: whatever has a path."""

import datetime
import hashlib
import ntpath
from pathlib import Path

from emulator.machines.winguest import registry
from emulator.machines.winguest.cmdlet import Invocation, Run, cmdlet
from emulator.machines.winguest.drive import Drive, DriveError, decoded
from emulator.machines.winguest.engine import Engine
from emulator.machines.winguest.operators import wildcard
from emulator.machines.winguest.text import lines_of
from emulator.machines.winguest.values import Thing, Value, collected, items, to_integer, to_text

_ENCODINGS = {"unicode": "utf-16", "ascii": "ascii", "oem": "cp437", "default": "cp1252", "utf7": "utf-8"}
HRESULT = -2147024896
"""0x80070000, to which Windows adds an error's number for .NET: 0x80070070 where the disk is full."""
NOT_FOUND = "PathNotFound"


def item_thing(drive: Drive, found: Path) -> Thing:
    """A file or a folder as `Get-Item` gives it."""
    stat, path = found.stat(), drive.path_of(found)
    changed = datetime.datetime.fromtimestamp(stat.st_mtime, datetime.UTC)
    properties: dict[str, Value] = {
        "Mode": "d-----" if found.is_dir() else "-a----",
        "LastWriteTime": changed,
        "Name": ntpath.basename(path) or path,
        "FullName": path,
        "Exists": True,
        "PSIsContainer": found.is_dir(),
        "PSPath": f"Microsoft.PowerShell.Core\\FileSystem::{path}",
        "Extension": ntpath.splitext(path)[1],
        "BaseName": ntpath.splitext(ntpath.basename(path))[0],
    }
    if found.is_dir():
        return Thing(("System.IO.DirectoryInfo", "System.IO.FileSystemInfo"), properties, path)
    properties |= {"Length": stat.st_size, "DirectoryName": ntpath.dirname(path)}
    return Thing(("System.IO.FileInfo", "System.IO.FileSystemInfo"), properties, path)


def _paths(call: Invocation) -> list[str]:
    """What a cmdlet is about: its Path or LiteralPath, or what came through the pipeline."""
    given = call.get("literalpath") if "literalpath" in call.arguments else None
    found = items(given) if given is not None else call.inputs("path")
    return [
        to_text(item.get("FullName") or item.text) if isinstance(item, Thing) else to_text(item) for item in found
    ]


def _resolve(engine: Engine, path: str) -> str:
    return engine.session.computer.drive.resolve(path, engine.session.directory)


def _found(call: Invocation, path: str) -> list[Path]:
    """The files and folders that a path means, wildcards included."""
    drive = call.engine.session.computer.drive
    at = _resolve(call.engine, path)
    if "literalpath" in call.arguments or not any(char in at for char in "*?["):
        found = drive.find(at)
        return [found] if found is not None else []
    folder, pattern = ntpath.split(at)
    inside = drive.entries(folder) if drive.folder(folder) else []
    return [each for each in inside if wildcard(pattern).fullmatch(each.name)]


def _missing(call: Invocation, path: str) -> None:
    at = _resolve(call.engine, path)
    call.error(f"Cannot find path '{at}' because it does not exist.", NOT_FOUND, target=at)


async def _test_path(call: Invocation) -> None:
    for path in _paths(call):
        call.emit(_exists(call, path))


def _exists(call: Invocation, path: str) -> bool:
    kind = call.text("pathtype", "any").casefold()
    place, _, rest = path.partition(":")
    match place.casefold():
        case "variable":
            return call.engine.scope.holder(rest.rpartition(":")[2].casefold()) is not None
        case "env":
            return call.engine.session.variable(rest.lstrip("\\/")) is not None
        case "function":
            return call.engine.scope.function(rest.lstrip("\\/")) is not None
    if registry.is_key(call.engine, path):
        return registry.find(call.engine, path) is not None
    found = _found(call, path)
    wanted = {"leaf": Path.is_file, "container": Path.is_dir}.get(kind, Path.exists)
    return any(wanted(each) for each in found)


async def _get_item(call: Invocation) -> None:
    for path in _paths(call):
        if registry.is_key(call.engine, path):
            registry.emit_key(call, path)
            continue
        found = _found(call, path)
        if not found and not any(char in path for char in "*?"):
            _missing(call, path)
        for each in found:
            call.emit(item_thing(call.engine.session.computer.drive, each))


async def _get_children(call: Invocation) -> None:
    for path in _paths(call) or ["."]:
        if registry.is_key(call.engine, path):
            registry.emit_children(call, path)
            continue
        found = _found(call, path)
        if not found and not any(char in path for char in "*?"):
            _missing(call, path)
        for each in found:
            for entry in _below(call, each) if each.is_dir() else [each]:
                if _is_wanted(call, entry):
                    call.emit(
                        entry.name if call.has("name") else item_thing(call.engine.session.computer.drive, entry)
                    )


def _below(call: Invocation, folder: Path) -> list[Path]:
    drive = call.engine.session.computer.drive
    entries = drive.entries(drive.path_of(folder))
    deeper = (
        [each for entry in entries if entry.is_dir() for each in _below(call, entry)] if call.has("recurse") else []
    )
    return [*entries, *deeper]


def _is_wanted(call: Invocation, entry: Path) -> bool:
    if (call.has("file") and entry.is_dir()) or (call.has("directory") and entry.is_file()):
        return False
    patterns = [*call.texts("filter"), *call.texts("include")]
    if patterns and not any(wildcard(each).fullmatch(entry.name) for each in patterns):
        return False
    return not any(wildcard(each).fullmatch(entry.name) for each in call.texts("exclude"))


def _joined(path: str, name: str) -> str:
    return f"{path}{name}" if path.endswith(":") else ntpath.join(path, name)


async def _new_item(call: Invocation) -> None:
    kind = call.text("itemtype", "directory" if call.name == "mkdir" else "file").casefold()
    for path in call.texts("path") or ["."]:
        full = _joined(path, call.text("name")) if call.text("name") else path
        place, colon, rest = full.partition(":")
        if place.casefold() == "env" and colon:
            call.engine.session.assign(rest.lstrip("\\/"), call.text("value"))
            call.emit(Thing(("System.Collections.DictionaryEntry",), {"Name": rest, "Value": call.text("value")}))
            continue
        if registry.is_key(call.engine, full):
            registry.make(call, full)
            continue
        drive, at = call.engine.session.computer.drive, _resolve(call.engine, full)
        if drive.find(at) is not None and not call.has("force"):
            call.error(f"The file '{at}' already exists.", "NewItemIOError", "WriteError", at)
            continue
        if kind in ("directory", "d"):
            drive.make_folder(at)
        else:
            if call.has("force"):
                drive.make_folder(ntpath.dirname(at))
            drive.write(at, to_text(call.get("value")).encode())
        made = drive.find(at)
        if made is not None:
            call.emit(item_thing(drive, made))


async def _remove_item(call: Invocation) -> None:
    drive = call.engine.session.computer.drive
    for path in _paths(call):
        place, _, rest = path.partition(":")
        if place.casefold() == "env":
            call.engine.session.assign(rest.lstrip("\\/"), "")
            continue
        if place.casefold() in ("variable", "function"):
            call.engine.scope.variables.pop(rest.casefold(), None)
            continue
        if registry.is_key(call.engine, path):
            registry.remove(call, path)
            continue
        found = _found(call, path)
        if not found and not any(char in path for char in "*?"):
            _missing(call, path)
        for each in found:
            if each.is_dir() and any(each.iterdir()) and not call.has("recurse"):
                at = drive.path_of(each)
                call.error(
                    f"The item at {at} has children and the Recurse parameter was not specified.",
                    "DirectoryNotEmpty", "WriteError", at,
                )  # fmt: skip
            else:
                drive.remove(drive.path_of(each))


async def _copy_item(call: Invocation) -> None:
    drive = call.engine.session.computer.drive
    for path in _paths(call):
        found = _found(call, path)
        if not found:
            _missing(call, path)
        for each in found:
            target = _resolve(call.engine, call.text("destination", "."))
            if call.name == "Move-Item":
                drive.move(drive.path_of(each), target)
            elif each.is_dir() and not call.has("recurse"):
                drive.make_folder(ntpath.join(target, each.name) if drive.folder(target) else target)
            else:
                drive.copy(drive.path_of(each), target)


async def _rename_item(call: Invocation) -> None:
    drive = call.engine.session.computer.drive
    for path in _paths(call):
        at = _resolve(call.engine, path)
        if drive.find(at) is None:
            _missing(call, path)
        else:
            drive.move(at, ntpath.join(ntpath.dirname(at), call.text("newname")))


async def _get_content(call: Invocation) -> None:
    for path in _paths(call):
        found = [each for each in _found(call, path) if each.is_file()]
        if not found:
            _missing(call, path)
        for each in found:
            data = each.read_bytes()
            if call.text("encoding").casefold() == "byte" or call.has("asbytestream"):
                call.emit(data)
                continue
            text = decoded(data)
            lines: list[Value] = [text] if call.has("raw") else list(text.splitlines())
            if "totalcount" in call.arguments:
                lines = lines[: to_integer(call.get("totalcount"))]
            if "tail" in call.arguments:
                lines = lines[-to_integer(call.get("tail")) :]
            for line in lines:
                call.emit(line)


def _content(call: Invocation, values: list[Value], default: str) -> bytes:
    if call.text("encoding").casefold() == "byte" or any(isinstance(value, bytes) for value in values):
        return b"".join(value if isinstance(value, bytes) else bytes([to_integer(value) & 0xFF]) for value in values)
    texts = [to_text(value) for value in values]
    text = "".join(texts) if call.has("nonewline") else "".join(f"{line}\r\n" for line in texts)
    named = call.text("encoding", default).casefold()
    encoding = _ENCODINGS.get(named, "utf-8")
    return (b"\xef\xbb\xbf" if named == "utf8" else b"") + text.encode(encoding, "replace")


async def _set_content(call: Invocation) -> None:
    given = call.get("value") if "value" in call.arguments else call.given
    values = [given] if isinstance(given, bytes) else items(given)
    for path in call.texts("literalpath") or call.texts("path"):
        at = _resolve(call.engine, path)
        is_appended = call.name == "Add-Content"
        call.engine.session.computer.drive.write(at, _content(call, values, "default"), is_appended=is_appended)


async def _out_file(call: Invocation) -> None:
    lines = [line.removesuffix("\r\n") for line in lines_of(call.inputs("inputobject"))]
    at = _resolve(call.engine, call.text("filepath") or call.text("literalpath"))
    is_appended = call.has("append")
    data = _content(call, list(lines), "unicode")
    call.engine.session.computer.drive.write(at, data, is_appended=is_appended)


async def _join_path(call: Invocation) -> None:
    for path in call.texts("path"):
        call.emit(ntpath.join(path.rstrip("\\/") + "\\", call.text("childpath").lstrip("\\/")).replace("/", "\\"))


async def _split_path(call: Invocation) -> None:
    for path in _paths(call):
        head, tail = ntpath.split(path.rstrip("\\/"))
        call.emit(tail if call.has("leaf") else ntpath.splitdrive(path)[0] if call.has("qualifier") else head)


async def _resolve_path(call: Invocation) -> None:
    for path in _paths(call):
        found = _found(call, path)
        if not found:
            _missing(call, path)
        for each in found:
            at = call.engine.session.computer.drive.path_of(each)
            call.emit(Thing(("System.Management.Automation.PathInfo",), {"Path": at, "ProviderPath": at}, at))


async def _get_location(call: Invocation) -> None:
    at = call.engine.session.directory
    call.emit(Thing(("System.Management.Automation.PathInfo",), {"Path": at, "ProviderPath": at}, at))


async def _set_location(call: Invocation) -> None:
    for path in _paths(call):
        folder = call.engine.session.computer.drive.folder(_resolve(call.engine, path))
        if folder is None:
            _missing(call, path)
        else:
            call.engine.session.directory = folder


async def _get_hash(call: Invocation) -> None:
    algorithm = call.text("algorithm", "SHA256").casefold()
    if algorithm not in ("md5", "sha1", "sha256", "sha384", "sha512"):
        raise call.failure(f"The algorithm {algorithm} is none of the set.", "Validation", "InvalidData")
    for path in _paths(call):
        found = [each for each in _found(call, path) if each.is_file()]
        if not found:
            _missing(call, path)
        for each in found:
            digest = hashlib.new(algorithm, each.read_bytes(), usedforsecurity=False).hexdigest().upper()
            at = call.engine.session.computer.drive.path_of(each)
            properties: dict[str, Value] = {"Algorithm": algorithm.upper(), "Hash": digest, "Path": at}
            call.emit(Thing(("Microsoft.Powershell.Utility.FileHash",), properties))


def _guarded(run: Run) -> Run:
    async def guarded(call: Invocation) -> None:
        try:
            await run(call)
        except DriveError as error:
            failure = call.failure(str(error), "IOError", "WriteError", to_text(collected(call.texts("path"))))
            failure.exception, failure.hresult = "System.IO.IOException", HRESULT + error.code
            raise failure from None

    return guarded


_PATHS = "Path LiteralPath"
_FILTERS = "Filter Include Exclude"
_TABLE = (
    ("Test-Path", _test_path, f"{_PATHS} PathType", "Path"),
    ("Get-Item", _get_item, f"{_PATHS} -Force", "Path"),
    (
        "Get-ChildItem",
        _get_children,
        f"{_PATHS} {_FILTERS} -Recurse -File -Directory -Name -Force",
        "Path Filter",
    ),
    ("New-Item", _new_item, "Path Name ItemType Value -Force Type=ItemType", "Path"),
    ("mkdir", _new_item, "Path Name -Force", "Path"),
    ("Remove-Item", _remove_item, f"{_PATHS} -Recurse -Force", "Path"),
    ("Copy-Item", _copy_item, f"{_PATHS} Destination -Recurse -Force -Container", "Path Destination"),
    ("Move-Item", _copy_item, f"{_PATHS} Destination -Force", "Path Destination"),
    ("Rename-Item", _rename_item, f"{_PATHS} NewName -Force", "Path NewName"),
    ("Get-Content", _get_content, f"{_PATHS} -Raw Encoding TotalCount Tail -AsByteStream -Force", "Path"),
    ("Set-Content", _set_content, f"{_PATHS} Value Encoding -NoNewline -Force", "Path Value"),
    ("Add-Content", _set_content, f"{_PATHS} Value Encoding -NoNewline -Force", "Path Value"),
    (
        "Out-File",
        _out_file,
        "FilePath LiteralPath Encoding -Append -NoNewline -Force Width InputObject",
        "FilePath Encoding",
    ),
    ("Join-Path", _join_path, "Path ChildPath", "Path ChildPath"),
    ("Split-Path", _split_path, f"{_PATHS} -Leaf -Parent -Qualifier", "Path"),
    ("Resolve-Path", _resolve_path, _PATHS, "Path"),
    ("Get-Location", _get_location, "", ""),
    ("Set-Location", _set_location, f"{_PATHS} -PassThru", "Path"),
    ("Push-Location", _set_location, _PATHS, "Path"),
    ("Get-FileHash", _get_hash, f"{_PATHS} Algorithm", "Path Algorithm"),
)
CMDLETS = tuple(
    cmdlet(name, _guarded(run), parameters, positional=positional) for name, run, parameters, positional in _TABLE
)
