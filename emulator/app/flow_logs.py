"""Write flow logs into a folder as Azure writes them into a storage account: a record a minute, a blob an hour."""

import asyncio
import contextlib
import datetime
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from urllib.parse import quote

from emulator.clock import Clock
from emulator.errors import InvalidInputError
from emulator.wire.flow_log import Json, Tuple, nsg_blob, nsg_record, vnet_blob, vnet_record

MINUTE = 60.0
"""Emulated seconds between two records (azure.md 2.7)."""
BEGIN, END = b'{"records":[', b"]}"


class FlowLogs:
    """Gathers tuples, and writes a minute's at once.

    Attributes:
        folder: where a storage account's containers would be.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder = folder
        self._clock = clock
        self._waiting: list[Tuple] = []

    def __call__(self, found: Tuple) -> None:
        self._waiting.append(found)

    async def run(self) -> None:
        """Write each minute, for ever."""
        while True:
            await self._clock.sleep(MINUTE)
            await asyncio.to_thread(self.write)

    def write(self) -> None:
        """Write what has come since the last time."""
        tuples, self._waiting = self._waiting, []
        now = datetime.datetime.now(datetime.UTC)
        for ours in _gathered(tuples, lambda each: (each.group, each.mac)):
            _append(self.folder / _safe(nsg_blob(now, ours[0])), nsg_record(now, ours))
        for ours in _gathered(tuples, lambda each: (each.network, each.mac)):
            _append(self.folder / _safe(vnet_blob(now, ours[0])), vnet_record(now, ours))


def _gathered(tuples: Iterable[Tuple], key: Callable[[Tuple], tuple[str, str]]) -> Iterable[Sequence[Tuple]]:
    found: dict[tuple[str, str], list[Tuple]] = {}
    for each in tuples:
        found.setdefault(key(each), []).append(each)
    return found.values()


def _safe(blob: str) -> Path:
    """The blob as a path below the folder, whatever names its resources have."""
    parts = (quote(each, safe=" ()=_-.@") for each in blob.split("/"))
    return Path(*("%2E" * len(each) if set(each) == {"."} else each for each in parts if each))


def _append(file: Path, record: Json) -> None:
    """Add a record; the file is valid JSON before and after."""
    text = json.dumps(record, separators=(",", ":")).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        file.write_bytes(BEGIN + text + END)
        return
    with file.open("r+b") as opened:
        opened.seek(-len(END), 2)
        opened.write(b"," + text + END)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InvalidInputError(f"flow_logs: {folder}: {error.strerror}") from None


@contextlib.asynccontextmanager
async def flow_logs(folder: Path, clock: Clock) -> AsyncIterator[FlowLogs]:
    """Write flow logs below `folder` until the body ends.

    Raises:
        InvalidInputError: the folder cannot be made or written to.
    """
    await asyncio.to_thread(_make, folder)
    logs = FlowLogs(folder, clock)
    async with asyncio.TaskGroup() as group:
        writing = group.create_task(logs.run())
        try:
            yield logs
        finally:
            writing.cancel()
            logs.write()
