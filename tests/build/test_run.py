"""Builds over a running channel, from deployment to teardown."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

import emulator
from emulator.observe import Record
from tests.builds import linux, needs_sandbox, shell

pytestmark = [pytest.mark.network, needs_sandbox]


def log_of(result: Any) -> str:
    """The log of a build."""
    return Path(result.log).read_text()


async def test_the_thinnest_build(tmp_path: Path) -> None:
    """A Shell customizer runs on the build VM, through both hops, and the run succeeds with its output named."""
    told: list[str] = []
    async with emulator.start() as channel:
        result = await channel.build(linux(shell("echo hello from $(uname)")), folder=tmp_path, told=told.append)
        records = [each for each in channel.events() if isinstance(each, Record) and "22" in each.to]

    assert result.last_run.state == "Succeeded"
    assert "    azure-arm: hello from Linux" in told
    assert [each["name"] for each in result.outputs()] == ["out"]
    log = log_of(result)
    for line in (
        "PACKER OUT ==> azure-arm: Waiting for SSH to become available...",
        "[INFO] Waiting for SSH, up to timeout: 20m0s",
        "PACKER OUT ==> azure-arm: Connected to SSH!",
        "(telemetry) Starting provisioner shell",
        "PACKER OUT     azure-arm: hello from Linux",
        "(telemetry) ending shell",
        "(telemetry) Finalizing.",
    ):
        assert line in log
    assert {each.hop for each in records} >= {"proxy"}


async def test_the_first_failure_ends_it(tmp_path: Path) -> None:
    """Steps run in order; a failing one ends the build with its place, its output and Azure's message."""
    steps = (shell("echo one"), shell("echo two >&2; exit 7", name="bad"), shell("echo three"))
    async with emulator.start() as channel:
        result = await channel.build(linux(*steps), folder=tmp_path)

    assert result.failure is not None
    assert (result.failure.place, result.failure.name) == ("properties.customize[1]", "bad")
    assert "==> azure-arm: two" in result.failure.output
    assert result.last_run.state == "Failed"
    assert result.last_run.sub_state == "Customizing"
    assert "Script exited with non-zero exit status: 7. Allowed exit codes are: [0]" in result.last_run.message
    assert "three" not in log_of(result)


async def test_nothing_of_a_build_is_left(tmp_path: Path) -> None:
    """The next build meets a fresh machine; of the resources only group and storage account stay."""
    async with emulator.start() as channel:
        first = await channel.build(linux(shell("touch /tmp/left")), folder=tmp_path)
        second = await channel.build(linux(shell("test ! -e /tmp/left")), folder=tmp_path)
        left = [each["type"] for build in channel.status.builds for each in build["resources"]]

    assert first.succeeded
    assert second.succeeded, second.failure
    assert left == ["Microsoft.Resources/resourceGroups", "Microsoft.Storage/storageAccounts"] * 2


async def test_a_cancelled_build_leaves_nothing(tmp_path: Path) -> None:
    """Cancelled in the middle of a customizer it is torn down before the cancellation goes on."""
    said = asyncio.Event()

    def told(line: str) -> None:
        if "sleeping" in line:
            said.set()

    document = linux(shell("echo sleeping; sleep 600"))
    async with emulator.start() as channel, asyncio.TaskGroup() as group:
        building = group.create_task(channel.build(document, folder=tmp_path, told=told))
        async with asyncio.timeout(30):
            await said.wait()
        during = channel.status.builds[0]
        building.cancel()
        with pytest.raises(asyncio.CancelledError):
            await building
        (after,) = channel.status.builds
        outcome = await channel.run("linux", "ls /tmp/*.sh")

    assert {"proxy", "build-linux", "load-balancer"} <= {each.get("hop") for each in during["resources"]}
    assert [each["type"] for each in after["resources"]] == [
        "Microsoft.Resources/resourceGroups",
        "Microsoft.Storage/storageAccounts",
    ]
    assert outcome.exit_code != 0
