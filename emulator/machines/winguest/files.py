"""`[System.IO.File]` and its like, over the guest's drive."""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from emulator.machines.winguest.drive import DriveError, decoded
from emulator.machines.winguest.errors import PowerShellError
from emulator.machines.winguest.values import Value, items, to_integer, to_text

if TYPE_CHECKING:
    from emulator.machines.winguest.engine import Engine


def _guarded(perform: Callable[..., Value]) -> Callable[..., Value]:
    def guarded(*arguments: Any) -> Value:
        try:
            return perform(*arguments)
        except DriveError as error:
            raise PowerShellError(
                f'Exception calling "{perform.__name__.strip("_")}": "{error}"', "IOException", "NotSpecified"
            ) from None

    return guarded


def _path(engine: "Engine", path: Value) -> str:
    return engine.session.computer.drive.resolve(to_text(path), engine.session.directory)


@_guarded
def _read_all_text(engine: "Engine", path: Value, *_: Value) -> str:
    return decoded(engine.session.computer.drive.read(_path(engine, path)))


@_guarded
def _read_all_lines(engine: "Engine", path: Value, *_: Value) -> list[Value]:
    return list(decoded(engine.session.computer.drive.read(_path(engine, path))).splitlines())


@_guarded
def _read_all_bytes(engine: "Engine", path: Value) -> bytes:
    return engine.session.computer.drive.read(_path(engine, path))


@_guarded
def _write_all_text(engine: "Engine", path: Value, text: Value, *_: Value) -> None:
    engine.session.computer.drive.write(_path(engine, path), to_text(text).encode())


@_guarded
def _append_all_text(engine: "Engine", path: Value, text: Value, *_: Value) -> None:
    engine.session.computer.drive.write(_path(engine, path), to_text(text).encode(), is_appended=True)


@_guarded
def _write_all_bytes(engine: "Engine", path: Value, data: Value) -> None:
    content = data if isinstance(data, bytes) else bytes(to_integer(item) & 0xFF for item in items(data))
    engine.session.computer.drive.write(_path(engine, path), content)


@_guarded
def _delete(engine: "Engine", path: Value) -> None:
    if engine.session.computer.drive.find(_path(engine, path)) is not None:
        engine.session.computer.drive.remove(_path(engine, path))


def _is_file(engine: "Engine", path: Value) -> bool:
    found = engine.session.computer.drive.find(_path(engine, path))
    return found is not None and found.is_file()


def _is_folder(engine: "Engine", path: Value) -> bool:
    return engine.session.computer.drive.folder(_path(engine, path)) is not None


@_guarded
def _make_folder(engine: "Engine", path: Value) -> str:
    return engine.session.computer.drive.make_folder(_path(engine, path))


def _get_variable(engine: "Engine", name: Value, place: Value = "") -> str | None:
    if to_text(place).casefold() == "machine":
        return engine.session.computer.environment.get(to_text(name))
    return engine.session.variable(to_text(name))


def _set_variable(engine: "Engine", name: Value, value: Value, place: Value = "") -> None:
    if to_text(place).casefold() == "machine":
        engine.session.computer.machine_variables[to_text(name)] = to_text(value)
    else:
        engine.session.assign(to_text(name), to_text(value))


def _temporary(engine: "Engine") -> str:
    return f"{engine.session.computer.drive.home}\\AppData\\Local\\Temp\\"


def _console(engine: "Engine", text: Value = "", *, ends_line: bool = True) -> None:
    engine.streams.host(to_text(text), ends_line=ends_line)


def _expand(engine: "Engine", text: Value) -> str:
    """A text with its `%NAME%` replaced; unknown names stay."""
    return re.sub(r"%([^%]+)%", lambda match: engine.session.variable(match[1]) or match[0], to_text(text))


STATIC: Mapping[tuple[str, str], Callable[..., Value]] = {
    ("io.file", "exists"): _is_file,
    ("io.file", "delete"): _delete,
    ("io.file", "readalltext"): _read_all_text,
    ("io.file", "readalllines"): _read_all_lines,
    ("io.file", "readallbytes"): _read_all_bytes,
    ("io.file", "writealltext"): _write_all_text,
    ("io.file", "appendalltext"): _append_all_text,
    ("io.file", "writeallbytes"): _write_all_bytes,
    ("io.directory", "exists"): _is_folder,
    ("io.directory", "createdirectory"): _make_folder,
    ("io.path", "gettemppath"): _temporary,
    ("io.path", "getfullpath"): _path,
    ("net.dns", "gethostname"): lambda engine: engine.session.computer.name,
    ("environment", "expandenvironmentvariables"): _expand,
    ("environment", "getenvironmentvariable"): _get_variable,
    ("environment", "setenvironmentvariable"): _set_variable,
    ("console", "writeline"): _console,
    ("console", "write"): lambda engine, text="": _console(engine, text, ends_line=False),
}
