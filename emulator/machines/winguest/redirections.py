"""`>`, `>>` and `2>&1`: where a command's streams go."""

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emulator.machines.winguest.drive import DriveError
from emulator.machines.winguest.errors import PowerShellError
from emulator.machines.winguest.text import lines_of
from emulator.machines.winguest.tree import Redirection
from emulator.machines.winguest.values import Thing, Value, to_text

if TYPE_CHECKING:
    from emulator.machines.winguest.engine import Emit, Engine

_KINDS = {"2": "error", "3": "warning", "4": "verbose", "5": "debug", "6": "information"}


class _Diverted:
    """An engine's streams, some of which go elsewhere."""

    def __init__(self, streams: Any, targets: dict[str, "Emit"]) -> None:
        self._streams = streams
        self._targets = targets

    def __getattr__(self, name: str) -> Any:
        return getattr(self._streams, name)

    def error(self, error: PowerShellError) -> None:
        """An error, as a record where it goes elsewhere."""
        from emulator.machines.winguest.engine import error_record

        target = self._targets.get("error")
        if target is None:
            self._streams.error(error)
        else:
            target(error_record(error))

    def message(self, kind: str, text: str) -> None:
        """A line of another stream."""
        if kind == "stderr" and "error" in self._targets:
            for line in text.splitlines():
                self.error(PowerShellError(line, "NativeCommandError", target=line))
        elif kind in self._targets:
            self._targets[kind](record(kind, text.rstrip("\r\n")))
        else:
            self._streams.message(kind, text)

    def host(self, text: str, *, ends_line: bool) -> None:
        """`Write-Host` is the information stream."""
        target = self._targets.get("information")
        if target is None:
            self._streams.host(text, ends_line=ends_line)
        else:
            target(record("information", text))


def record(kind: str, text: str) -> Thing:
    """What a stream's line is where it stands in another: a record of its own type, which is shown as its text."""
    name = f"System.Management.Automation.{kind.title()}Record"
    if kind == "information":
        return Thing((name,), {"MessageData": text, "Source": "Write-Information", "Tags": []}, text)
    return Thing((name, "System.Management.Automation.InformationalRecord"), {"Message": text}, text)


@contextlib.contextmanager
def diverted(engine: "Engine", targets: Mapping[str, "Emit"]) -> Iterator[None]:
    """Within the block, the streams of these names go to their targets."""
    streams = engine.streams
    engine.streams = _Diverted(streams, dict(targets)) if targets else streams
    try:
        yield
    finally:
        engine.streams = streams


@contextlib.asynccontextmanager
async def within(engine: "Engine", redirections: Sequence[Redirection], emit: "Emit") -> AsyncIterator["Emit"]:
    """The streams of one command go where its redirections say; yields what takes its output."""
    if not redirections:
        yield emit
        return
    output, targets, files = emit, dict[str, "Emit"](), list[tuple[str, bool, list[Value]]]()
    # Where output goes comes first: what is merged into it goes there, too, in whatever order the two are written.
    for redirection in sorted(redirections, key=lambda each: each.stream not in ("1", "*")):
        target, kept = await _target(engine, redirection, output)
        files += kept
        if redirection.stream in ("1", "*"):
            output = target
        for number, kind in _KINDS.items():
            if redirection.stream in (number, "*"):
                targets[kind] = target
    try:
        with diverted(engine, targets):
            yield output
    finally:
        for path, is_appended, values in files:
            _write(engine, path, values, is_appended=is_appended)


async def _target(
    engine: "Engine", redirection: Redirection, output: "Emit"
) -> tuple["Emit", list[tuple[str, bool, list[Value]]]]:
    """What takes a stream, and the file that it becomes."""
    if redirection.target == "&1":
        return output, []
    value = await engine.evaluator.evaluate(redirection.target)
    if value is None or to_text(value).casefold() == "nul":
        return lambda _: None, []
    kept: list[Value] = []
    return kept.append, [(to_text(value), redirection.is_appended, kept)]


def _write(engine: "Engine", path: str, values: list[Value], *, is_appended: bool) -> None:
    drive = engine.session.computer.drive
    at = drive.resolve(path, engine.session.directory)
    data = "".join(lines_of(values)).encode("utf-16-le")
    is_fresh = not is_appended or drive.find(at) is None
    try:
        drive.write(at, (b"\xff\xfe" if is_fresh else b"") + data, is_appended=is_appended)
    except DriveError as error:
        raise PowerShellError(str(error), "FileOpenFailure", "OpenError", path) from None
