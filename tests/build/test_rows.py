"""What the service's log says of a build whose channel breaks, each row of azure.md 1.9 caused for real.

The emulator's time is scaled, and so are Packer's timers; the log has Azure's figures.
"""

import asyncio
import datetime
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import emulator
from emulator.app.channel import Channel
from emulator.build.report import TIMED_OUT, Result
from emulator.net import filters
from emulator.observe import Observation, Record
from tests.app.test_run import ALLOW, deny, seen
from tests.builds import linux, needs_sandbox, powershell, shell, windows

pytestmark = [pytest.mark.network, needs_sandbox, pytest.mark.timeout(240)]
TIMES = re.compile(r"packer: (\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) ")


def log_of(result: Result) -> str:
    """The log of a build."""
    return Path(result.log).read_text()


def seconds_of(log: str) -> float:
    """How long a build took by the times in its log."""
    times = [datetime.datetime.strptime(each, "%Y/%m/%d %H:%M:%S").astimezone() for each in TIMES.findall(log)]
    return (times[-1] - times[0]).total_seconds()


async def healed(channel: Channel, folder: Path, document: dict[str, Any], port: int) -> Result:
    """A build whose first attempt meets a rule that is taken away after it."""
    await channel.apply(deny("NoMachine", 300, port))
    async with asyncio.TaskGroup() as group:
        building = group.create_task(channel.build(document, folder=folder))
        await seen(channel, lambda each: each.reason.name == "NoMachine" and each.ended_by == "proxy", 90)
        await channel.apply(ALLOW)
    return building.result()


async def test_ssh_wait(tmp_path: Path) -> None:
    """Attempts fail while a rule denies them, in Packer's words; the rule gone, the build connects and succeeds."""
    async with emulator.start(time_scale=20) as channel:
        result = await healed(channel, tmp_path, linux(shell("true")), 22)

    assert result.succeeded, result.failure
    log = log_of(result)
    assert "[DEBUG] SSH handshake err: ssh: handshake failed: " in log
    assert log.index("[INFO] Waiting for SSH, up to timeout: 20m0s") < log.index("==> azure-arm: Connected to SSH!")


async def test_winrm_wait(tmp_path: Path) -> None:
    """The same for WinRM: its ten minutes, its errors with the machine's own address, and the word at the end."""
    async with emulator.start(time_scale=20) as channel:
        result = await healed(channel, tmp_path, windows(powershell("1")), 5986)

    assert result.succeeded, result.failure
    log = log_of(result)
    assert log.index("[INFO] Waiting for WinRM, up to timeout: 10m0s") < log.index("azure-arm: WinRM connected.")
    assert '[ERROR] WinRM connection err: unknown error Post "https://10.60.0.9:5986/wsman"' in log


NEVER: list[tuple[dict[str, Any], int, str, str]] = [
    (linux(shell("true")), 60001, "SSH", "dial tcp 10.60.0.8:22: i/o timeout"),
    (linux(shell("true")), 22, "SSH", "[DEBUG] SSH handshake err: ssh: handshake failed: "),
    (windows(powershell("1")), 5986, "WinRM", "[ERROR] WinRM connection err: unknown error Post"),
]


@pytest.mark.parametrize(("document", "port", "what", "line"), NEVER, ids=["proxy", "ssh", "winrm"])
async def test_never_connects(tmp_path: Path, document: dict[str, Any], port: int, what: str, line: str) -> None:
    """Denied for good: a line an attempt, Packer's last words, and as many emulated minutes as Azure takes."""
    async with emulator.start(time_scale=300) as channel:
        await channel.apply(deny("NoMachine", 300, port))
        result = await channel.build(document, folder=tmp_path)
        ended = [each.reason.name for each in channel.events() if isinstance(each, Record)]

    assert result.failure is not None
    assert result.failure.said == f"Timeout waiting for {what}."
    assert f"Timeout waiting for {what}." in result.last_run.message
    log = log_of(result)
    assert log.count(line) > 2
    assert seconds_of(log) > {"SSH": 1150, "WinRM": 550}[what]
    assert {"NoMachine", "probe-60001"} & set(ended)


def when(line: str, act: Callable[[], None]) -> Callable[[str], None]:
    """Does something once a line is told."""

    def told(text: str) -> None:
        if line in text:
            act()

    return told


DISCONNECTS: list[tuple[dict[str, Any], str]] = [
    (linux(shell("echo working; sleep 600")), "build-linux"),
    (windows(powershell("Write-Host working", "Start-Sleep -Seconds 600")), "build-windows"),
]


@pytest.mark.parametrize(("document", "hop"), DISCONNECTS, ids=["ssh", "winrm"])
async def test_mid_build_disconnect(tmp_path: Path, document: dict[str, Any], hop: str) -> None:
    """A machine whose service goes in the middle of a customizer: the five lines of the page, and code 2300218."""
    working = asyncio.Event()
    async with emulator.start(time_scale=20) as channel, asyncio.TaskGroup() as group:
        told = when("working", working.set)
        building = group.create_task(channel.build(document, folder=tmp_path, told=told))
        async with asyncio.timeout(90):
            await working.wait()
        await channel.stop(hop)
        result = await building

    assert result.failure is not None
    assert result.failure.place == "properties.customize[0]"
    assert "Script disconnected unexpectedly." in result.failure.said
    log = log_of(result)
    for line in (
        "[ERROR] Remote command exited without exit status or exit signal.",
        "[INFO] RPC endpoint: Communicator ended with: 2300218",
        "Cancelling hook after context cancellation context canceled",
        "Cancelling builder after context cancellation context canceled",
        "Cancelling build after receiving terminated",
    ):
        assert line in log


async def test_build_timeout(tmp_path: Path) -> None:
    """`buildTimeoutInMinutes` covers all of it: the service's message, after six emulated minutes."""
    document = linux(shell("sleep 600"), buildTimeoutInMinutes=6)
    async with emulator.start(time_scale=180) as channel:
        result = await channel.build(document, folder=tmp_path)
        left = [each["type"] for build in channel.status.builds for each in build["resources"]]

    assert result.last_run.message == TIMED_OUT
    assert seconds_of(log_of(result)) > 350
    assert left == ["Microsoft.Resources/resourceGroups", "Microsoft.Storage/storageAccounts"]


async def test_restart_loops(tmp_path: Path) -> None:
    """A restart that is put off for an hour is scheduled already, each time, until five minutes are over."""
    steps = ({"type": "WindowsRestart", "restartCommand": "shutdown /r /f /t 3600"},)
    async with emulator.start(time_scale=60) as channel:
        result = await channel.build(windows(*steps), folder=tmp_path)

    assert result.failure is not None
    assert result.failure.said == "Timeout waiting for machine to restart."
    log = log_of(result)
    assert log.count("A system shutdown has already been scheduled.(1190)") > 1
    assert log.count("Reboot already in progress, waiting...") > 1
    assert "Waiting for machine to reboot with timeout: 15m0s" in log


async def test_behaviour_12_reboot_shape(tmp_path: Path) -> None:
    """WindowsRestart: the machine is silent, then refuses, then answers; the balancer never marks the proxy down."""
    slow = {"restart_silent": 90, "restart_refused": 60}
    async with emulator.start(time_scale=30, winrm=slow) as channel:
        result = await channel.build(windows({"type": "WindowsRestart", "restartTimeout": "20m"}), folder=tmp_path)
        events = channel.events()

    assert result.succeeded, result.failure
    assert "A system shutdown is in progress.(1115)" in log_of(result)
    proxy = [each.sentence for each in events if isinstance(each, Record) and each.hop == "proxy"]
    silent = [number for number, each in enumerate(proxy) if "did not answer" in each]
    refused = next(number for number, each in enumerate(proxy) if "refused" in each)
    if filters.supported() is None:  # without filters its attempts are accepted and held meanwhile
        assert silent
        assert silent[0] < refused
    assert refused < len(proxy) - 1
    assert not [each for each in events if isinstance(each, Observation) and each.event == "BackendDown"]
