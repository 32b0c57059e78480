"""Values as lines of text: what a console shows of them."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from emulator.machines.winguest.errors import PowerShellError
from emulator.machines.winguest.values import Hashtable, Thing, Value, to_text

WIDTH = 80
"""Characters in a line of powershell.exe without a console; a longer error is broken there."""
TABLE_COLUMNS = 4
"""More properties than this make a list, not a table."""
VIEWS: dict[str, tuple[str, ...] | None] = {
    "System.ServiceProcess.ServiceController": ("Status", "Name", "DisplayName"),
    "System.IO.FileInfo": ("Mode", "LastWriteTime", "Length", "Name"),
    "System.IO.DirectoryInfo": ("Mode", "LastWriteTime", "Length", "Name"),
    "System.Diagnostics.Process": ("Id", "ProcessName"),
    "System.Collections.DictionaryEntry": ("Name", "Value"),
    "TestNetConnectionResult": None,
}
"""The columns that a type is shown with; all of its properties where it has none, or is not here."""


def lines_of(values: Iterable[Value]) -> Iterator[str]:
    """Each value's lines, with their ends; objects of one type that follow one another share a table."""
    for kind, group in groupby(values, _kind):
        if kind:
            rows = [_as_rows(value) for value in group]
            fixed = WIDTHS.get(kind)
            yield from _objects(rows) if fixed is None else _fixed([row for each in rows for row in each], fixed)
        else:
            for value in group:
                yield f"{to_text(value)}\r\n"


def _kind(value: Value) -> str:
    """What must be shown as an object, by its type; nothing for what is a line of its own."""
    if isinstance(value, Hashtable):
        return "System.Collections.Hashtable"
    if isinstance(value, Thing) and (value.text is None or value.type_names[0] in ("System.Version", *VIEWS)):
        return value.type_names[0]
    return ""


def is_object(value: Value) -> bool:
    """Whether a value is shown in a table or a list, together with its neighbours."""
    return bool(_kind(value))


def _as_rows(value: Value) -> list[dict[str, str]]:
    if isinstance(value, Hashtable):
        return [{"Name": to_text(key), "Value": _cell(each)} for key, each in value.items()]
    view = VIEWS.get(value.type_names[0])
    shown = value.properties if view is None else {name: value.get(name) for name in view}
    return [{name: _cell(each) for name, each in shown.items()}]


def _cell(value: Value) -> str:
    if isinstance(value, list):
        return f"{{{', '.join(to_text(item) for item in value)}}}"
    return to_text(value)


WIDTHS = {"System.ServiceProcess.ServiceController": (8, 18, 38)}
"""Columns whose width a type's view fixes; what is longer is cut."""


def _fixed(rows: list[dict[str, str]], widths: tuple[int, ...]) -> Iterator[str]:
    heads = list(rows[0])
    cells = [heads, ["-" * len(head) for head in heads], *(list(row.values()) for row in rows)]
    yield "\r\n"
    for row in cells:
        cut = [
            cell if len(cell) <= width else f"{cell[: width - 3]}..." for cell, width in zip(row, widths, strict=True)
        ]
        padded = " ".join(cell.ljust(width) for cell, width in zip(cut, widths, strict=True))
        yield f"{padded}\r\n"
    yield "\r\n\r\n"


def _objects(grouped: list[list[dict[str, str]]]) -> Iterator[str]:
    rows = [row for group in grouped for row in group]
    if not rows:
        return
    if len(rows[0]) > TABLE_COLUMNS:
        yield from listed(rows)
    else:
        yield from tabled(rows)


def tabled(rows: list[dict[str, str]]) -> Iterator[str]:
    """A table under its heads."""
    heads = list(rows[0])
    cells = [heads, ["-" * len(head) for head in heads], *([row.get(head, "") for head in heads] for row in rows)]
    widths = [max(len(row[number]) for row in cells) for number in range(len(heads))]
    yield "\r\n"
    for row in cells:
        padded = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        yield f"{padded}\r\n"
    yield "\r\n\r\n"


def listed(rows: list[dict[str, str]]) -> Iterator[str]:
    """`Name : value`, one block an object."""
    yield "\r\n"
    for row in rows:
        width = max(map(len, row), default=0)
        yield "\r\n"
        for name, value in row.items():
            yield f"{name.ljust(width)} : {value}\r\n"
    yield "\r\n\r\n\r\n"


def error_lines(error: PowerShellError) -> str:
    """An error as the console shows it."""
    who = f"{error.activity} : " if error.activity else f"{error.target} : " if "NotFound" in error.identity else ""
    category = f"    + CategoryInfo          : {error.category}: ({error.target}:String) [{error.activity}], "
    kind = error.exception.rpartition(".")[2]
    return (
        f"{who}{error.message}\r\nAt line:1 char:1\r\n{category}{kind}\r\n"
        f"    + FullyQualifiedErrorId : {error.identity}\r\n \r\n"
    )
