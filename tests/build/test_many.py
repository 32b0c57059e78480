"""Fifty builds in a row, half of them broken on purpose: nothing of any is left."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

import emulator
from emulator.app.channel import Channel
from emulator.errors import InvalidInputError
from tests.app.test_run import ALLOW, deny
from tests.builds import linux, needs_sandbox, powershell, shell, windows

pytestmark = [pytest.mark.network, needs_sandbox, pytest.mark.slow, pytest.mark.timeout(1500)]
BUILDS = 50
Build = Callable[[Channel, Path], Awaitable[str]]


async def good_linux(channel: Channel, folder: Path) -> str:
    """One that succeeds, and finds nothing of the one before."""
    document = linux(shell("test ! -e /opt/left", "sudo touch /opt/left"))
    return (await channel.build(document, folder=folder)).last_run.state


async def good_windows(channel: Channel, folder: Path) -> str:
    """The same for Windows, with a restart."""
    steps = (powershell("if (Test-Path C:\\left) { exit 9 }", "mkdir C:\\left"), {"type": "WindowsRestart"})
    return (await channel.build(windows(*steps), folder=folder)).last_run.state


async def failing(channel: Channel, folder: Path) -> str:
    """A customizer that fails, sometimes with the machine kept."""
    handling = {"onCustomizerError": random.Random(folder.name).choice(["cleanup", "abort"])}
    document = linux(shell("sudo touch /opt/left", "exit 3"), errorHandling=handling)
    return (await channel.build(document, folder=folder)).last_run.state


async def refused(channel: Channel, folder: Path) -> str:
    """A template that is not built."""
    with pytest.raises(InvalidInputError):
        await channel.build(linux({"type": "Shell"}), folder=folder)
    return "Failed"


async def denied(channel: Channel, folder: Path) -> str:
    """A network that does not let it."""
    await channel.apply(deny("NoMachine", 300, 22))
    state = (await channel.build(linux(shell("true"), buildTimeoutInMinutes=6), folder=folder)).last_run.state
    await channel.apply(ALLOW)
    return state


async def lost(channel: Channel, folder: Path) -> str:
    """A machine that goes in the middle."""
    document = linux(shell("echo working; sleep 600"))
    return await _disturbed(channel, document, folder, lambda _: channel.stop("build-linux"))


async def cancelled(channel: Channel, folder: Path) -> str:
    """One that is cancelled in the middle."""

    async def cancel(task: "asyncio.Task[Any]") -> None:
        task.cancel()

    return await _disturbed(channel, linux(shell("echo working; sleep 600")), folder, cancel)


async def _disturbed(
    channel: Channel, document: Mapping[str, Any], folder: Path, act: Callable[["asyncio.Task[Any]"], Awaitable[None]]
) -> str:
    working = asyncio.Event()

    def told(line: str) -> None:
        if "working" in line:
            working.set()

    async with asyncio.TaskGroup() as group:
        building = group.create_task(channel.build(document, folder=folder, told=told))
        async with asyncio.timeout(60):
            await working.wait()
        await act(building)
        try:
            return (await building).last_run.state
        except asyncio.CancelledError:
            return "Canceled"


KINDS: tuple[tuple[Build, str], ...] = (
    (good_linux, "Succeeded"),
    (failing, "Failed"),
    (good_windows, "Succeeded"),
    (refused, "Failed"),
    (good_linux, "Succeeded"),
    (denied, "Failed"),
    (good_windows, "Succeeded"),
    (lost, "Failed"),
    (good_linux, "Succeeded"),
    (cancelled, "Canceled"),
)


def held() -> tuple[int, int, set[int]]:
    """Descriptors and threads of this process, and its children."""
    me = psutil.Process()
    return me.num_fds(), me.num_threads(), {each.pid for each in me.children(recursive=True)}


async def test_fifty_builds(tmp_path: Path) -> None:
    """Each ends as it must; afterwards no descriptor, no process, no resource and no file of any is there."""
    async with emulator.start(time_scale=60) as channel:
        for build, expected in KINDS[:2]:  # imports and pools settle
            assert await build(channel, tmp_path / "first") == expected
        descriptors, _, children = held()
        for number in range(BUILDS):
            build, expected = KINDS[number % len(KINDS)]
            assert await build(channel, tmp_path / str(number)) == expected, f"{number}: {build.__name__}"
        await channel.build(linux(shell("true")), folder=tmp_path / "last")
        types = {each["type"] for found in channel.status.builds for each in found["resources"]}
        after = held()

    assert types == {"Microsoft.Resources/resourceGroups", "Microsoft.Storage/storageAccounts"}
    assert abs(after[0] - descriptors) <= 4
    assert len(after[2]) == len(children)
    assert held()[2] == set()
