"""Builds over a running channel, from deployment to teardown."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

import emulator
from emulator.errors import InvalidInputError
from emulator.observe import Observation, Record
from tests.builds import linux, needs_sandbox, powershell, shell, windows

pytestmark = [pytest.mark.network, needs_sandbox, pytest.mark.timeout(240)]


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
        async with asyncio.timeout(90):
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


@pytest.mark.parametrize("topology", ["public-ip", "container-instance"])
async def test_behaviour_20_other_topologies(tmp_path: Path, topology: str) -> None:
    """A build goes the way of its topology: without a network of one's own, and from a container, by no proxy."""
    async with emulator.start(topology=topology) as channel:
        result = await channel.build(linux(shell("echo hello"), topology=topology), folder=tmp_path)
        hops = {each.hop for each in channel.events() if isinstance(each, Record)}
        deployed = [each.sentence for each in channel.events() if isinstance(each, Observation)]

    assert result.succeeded, result.failure
    assert "proxy" not in hops
    assert not [each for each in deployed if "privateendpoints" in each or "loadbalancers" in each]


async def test_changed_files_are_the_artifact(tmp_path: Path) -> None:
    """What customizers made and changed is listed, on Linux by name; what they left alone is not."""
    step = shell("echo x | sudo tee /etc/made /usr/share/made >/dev/null", "cp /etc/hostname /opt/copied")
    deep = shell("sudo mkdir -p /usr/lib/a/b/c/d/e", "sudo touch /usr/lib/a/b/c/d/e/deep")
    async with emulator.start() as channel:
        result = await channel.build(linux(step, deep), folder=tmp_path)

    assert result.changes is not None
    assert {"/etc/made", "/usr/share/made", "/opt/copied", "/usr/lib/a/b/c/d/e/deep"} <= set(result.changes)
    assert not {"/etc/hostname", "/etc/passwd"} & set(result.changes)


async def test_validators_have_a_log_of_their_own(tmp_path: Path) -> None:
    """Validators run after the customizers; one that fails ends the run as Validating, and its log is told."""
    validate = {"inVMValidations": [shell("test -e /opt/made"), shell("echo checked; exit 9", name="no")]}
    async with emulator.start() as channel:
        result = await channel.build(linux(shell("touch /opt/made"), validate=validate), folder=tmp_path)

    assert result.last_run.sub_state == "Validating"
    assert result.failure is not None
    assert result.failure.place == "properties.validate.inVMValidations[1]"
    assert Path(result.log).name == "validation.log"
    assert "azure-arm: checked" in log_of(result)
    assert result.changes == ["/opt/made"]


async def test_a_failed_validation_may_be_distributed(tmp_path: Path) -> None:
    """With `continueDistributeOnFailure` the image is there all the same."""
    validate = {"inVMValidations": [shell("exit 9")], "continueDistributeOnFailure": True}
    async with emulator.start() as channel:
        result = await channel.build(linux(shell("true"), validate=validate), folder=tmp_path)

    assert result.last_run.state == "PartiallySucceeded"
    assert len(result.outputs()) == 1


async def test_abort_keeps_the_machine(tmp_path: Path) -> None:
    """`onCustomizerError: abort` leaves the build VM with what was done to it, until the next build."""
    document = linux(shell("touch /opt/look", "exit 1"), errorHandling={"onCustomizerError": "abort"})
    async with emulator.start() as channel:
        result = await channel.build(document, folder=tmp_path)
        (kept,) = channel.status.builds
        look = await channel.run("linux", "ls /opt")
        following = await channel.build(linux(shell("test ! -e /opt/look")), folder=tmp_path)
        states = [each["state"] for each in channel.status.builds]

    assert result.last_run.state == "Failed"
    assert kept["state"] == "kept"
    assert look.stdout == b"look\n"
    assert following.succeeded, following.failure
    assert states == ["done", "done"]


async def test_a_windows_build(tmp_path: Path) -> None:
    """PowerShell, elevated and not, a file, a restart and updates, over WinRM to its end."""
    (tmp_path / "x.txt").write_text("from the service\n")
    file = {"type": "File", "sourceUri": f"file://{tmp_path}/x.txt", "destination": "c:\\made\\x.txt"}
    steps = (
        powershell('Write-Host "x=$(1 + 2)"'),
        powershell("Write-Output elevated", runElevated=True),
        powershell("Write-Output system", runElevated=True, runAsSystem=True),
        file,
        powershell("Get-Content c:\\made\\x.txt"),
        {"type": "WindowsRestart", "restartCheckCommand": "echo checked"},
        {"type": "WindowsUpdate", "searchCriteria": "IsInstalled=0"},
    )
    told: list[str] = []
    async with emulator.start(time_scale=10) as channel:
        result = await channel.build(windows(*steps), folder=tmp_path, told=told.append)

    assert result.succeeded, result.failure
    said = [each.removeprefix("    azure-arm: ") for each in told]
    for line in ("x=3", "elevated", "system", "from the service", "BUILD-WINDOWS restarted.", "WinRM connected."):
        assert line in said
    assert "==> azure-arm: Machine successfully restarted, moving on" in told
    assert "C:\\made\\x.txt" in (result.changes or ())
    assert "[INFO] Waiting for WinRM, up to timeout: 10m0s" in log_of(result)


async def test_cancelled_by_the_api(tmp_path: Path) -> None:
    """Asked for by its GUID it ends as Canceled, torn down; a build that is over cannot be cancelled."""
    async with emulator.start() as channel, asyncio.TaskGroup() as group:
        working = asyncio.Event()

        def told(line: str) -> None:
            if "working" in line:
                working.set()

        document = linux(shell("echo working; sleep 600"), errorHandling={"onCustomizerError": "abort"})
        building = group.create_task(channel.build(document, folder=tmp_path, told=told))
        async with asyncio.timeout(90):
            await working.wait()
        (guid,) = channel.stagings.builds
        channel.stagings.cancel(guid)
        result = await building
        (after,) = channel.status.builds
        with pytest.raises(InvalidInputError, match="which is done, expected one that is running"):
            channel.stagings.cancel(guid)

    assert (result.last_run.state, result.last_run.sub_state) == ("Canceled", "Customizing")
    assert (after["state"], len(after["resources"])) == ("done", 2)
    assert "Cancelling build after receiving terminated" in log_of(result)


async def test_a_machine_that_is_no_container_has_no_image(tmp_path: Path) -> None:
    """`output` needs a build VM that is a container, and says so before anything is deployed."""
    async with emulator.start() as channel:
        with pytest.raises(InvalidInputError, match="--output: found a build VM that is no container"):
            await channel.build(linux(shell("true")), folder=tmp_path, output="image")
        assert channel.status.builds == ()
