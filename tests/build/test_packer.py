"""Real Packer as the driver: it takes the path that ours takes, and every customizer ends the same."""

import asyncio
import datetime
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import emulator
from emulator.app.channel import Channel
from emulator.build.packer import HEADINGS, Template
from emulator.build.plan import plan_of
from emulator.build.provision import Fetched
from emulator.build.report import Result
from emulator.build.steps import Source
from emulator.channels.ssh_session import Account
from emulator.errors import UnavailableError
from emulator.observe import Record
from tests.builds import linux, needs_sandbox, powershell, shell, windows
from tests.templates import loaded

needs_packer = pytest.mark.skipif(
    shutil.which("packer") is None, reason="there is no Packer on this machine; CI installs it"
)
HOPS = ("load-balancer", "proxy", "build-linux", "build-windows")
ACCOUNT = Account("127.0.0.1", 7, "packer", "/key", "secret")


def provisioners(folder: Path, document: dict[str, Any]) -> list[Any]:
    """Packer's provisioners of a template."""
    plan = plan_of(loaded(document))
    template = Template(folder, Fetched({Source("https://x/y.ps1?z"): b"content"}), ACCOUNT)
    return [template.provisioner(step) for step in plan.steps]


def test_linux_steps_are_provisioners(tmp_path: Path) -> None:
    """Shell and File are Packer's, and so is the hidden step."""
    file = {"type": "File", "sourceUri": "https://x/y.ps1?z", "destination": "/tmp/y"}
    first, second, hidden = provisioners(tmp_path, linux(shell("a", "b"), file))

    assert first == {"type": "shell", "inline": ["a", "b"]}
    assert second == {"type": "file", "source": str(tmp_path / "0-y.ps1"), "destination": "/tmp/y"}
    assert (tmp_path / "0-y.ps1").read_bytes() == b"content"
    assert hidden["type"] == "shell"


def test_windows_steps_are_provisioners(tmp_path: Path) -> None:
    """PowerShell with its user and codes, restarts with their limit, updates by a script of the system's."""
    steps = (
        powershell("x", runElevated=True, validExitCodes=[0, 1]),
        powershell("x", runElevated=True, runAsSystem=True),
        {"type": "PowerShell", "scriptUri": "https://x/y.ps1?z"},
        {"type": "WindowsRestart", "restartTimeout": "10m", "restartCheckCommand": "c"},
        {"type": "WindowsUpdate"},
    )
    found = provisioners(tmp_path, windows(*steps))

    assert (found[0]["elevated_user"], found[0]["elevated_password"]) == ("packer", "secret")
    assert found[0]["valid_exit_codes"] == [0, 1]
    assert (found[1]["elevated_user"], found[1]["elevated_password"]) == ("SYSTEM", "")
    assert Path(found[2]["script"]).read_bytes() == b"content"
    assert (found[3]["restart_timeout"], found[3]["restart_check_command"]) == ("600s", "c")
    assert b"Microsoft.Update.Session" in Path(found[4]["script"]).read_bytes()
    assert found[5]["type"] == "windows-shell"
    assert found[5]["inline"][0].startswith("if exist c:\\DeprovisioningScript.ps1 (powershell ")


def test_the_builder_is_the_null_one(tmp_path: Path) -> None:
    """Host, port, account and limit are those of the channel; a key goes before a password."""
    template = Template(tmp_path, Fetched({}), ACCOUNT)
    text = template.write([], "linux", lambda seconds: seconds / 60).read_text()
    windows_text = template.write([], "windows", lambda seconds: seconds).read_text()

    assert '"type": "null"' in text
    assert '"ssh_timeout": "20s"' in text
    assert "ssh_password" not in text
    assert '"winrm_timeout": "600s"' in windows_text


async def after_the_trial(channel: Channel) -> int:
    """How many events there are once the start's own connections have ended: two records for each system."""
    records = 0
    async with asyncio.timeout(60):
        async for event in channel.follow():
            records += isinstance(event, Record)
            if records == 4:
                return len(channel.events())
    raise AssertionError("the emulator stopped first")


def by_customizer(records: Sequence[Record], begins: Sequence[datetime.datetime], scale: float) -> list[list[Any]]:
    """The different walks, hop by hop, of connections that began before the first customizer, in it, and so on."""
    flows: dict[str, list[Record]] = {}
    for each in records:
        flows.setdefault(each.flow, []).append(each)
    found: list[dict[Any, None]] = [{} for _ in range(len(begins) + 1)]
    for hops in sorted(flows.values(), key=lambda each: began(each[0], scale)):
        walk = tuple(sorted(((each.hop, each.to) for each in hops), key=lambda each: HOPS.index(each[0])))
        found[sum(begin <= began(hops[0], scale) for begin in begins)][walk] = None
    return [list(each) for each in found]


def began(record: Record, scale: float) -> datetime.datetime:
    """When a connection began."""
    return datetime.datetime.fromisoformat(record.time) - datetime.timedelta(seconds=record.age / scale)


def log_of(result: Result) -> str:
    """The log of a build."""
    return Path(result.log).read_text()


@needs_packer
@pytest.mark.network
@needs_sandbox
@pytest.mark.timeout(240)
class TestBothDrivers:
    """The same template by both drivers."""

    async def both(self, folder: Path, document: dict[str, Any]) -> tuple[Sequence[Any], Sequence[Any], list[Result]]:
        """The walks of each by customizer, in their order, and the results; verdicts at the entry are compared."""
        walks, results, verdicts = [], [], []
        for driver in ("own", "packer"):
            scale = 10 if driver == "own" else 1
            slow = {"restart_silent": scale, "restart_refused": scale}
            begins: list[datetime.datetime] = []

            def told(line: str, begins: list[datetime.datetime] = begins) -> None:
                if any(heading in line for heading in (*HEADINGS["linux"], *HEADINGS["windows"])):
                    begins.append(datetime.datetime.now(datetime.UTC))

            async with emulator.start(time_scale=scale, winrm=slow) as channel:
                begun = await after_the_trial(channel)
                results.append(await channel.build(document, folder=folder / driver, driver=driver, told=told))
            records = [each for each in channel.events()[begun:] if isinstance(each, Record)]
            port = 60000 if document["properties"]["source"]["publisher"].startswith("Microsoft") else 60001
            mine = [each for each in records if each.to.endswith((f":{port}", ":22", ":5986"))]
            walks.append(by_customizer(mine, begins, scale))
            verdicts.append({each.reason.kind for each in mine if each.hop == "load-balancer"})
        assert verdicts[0] == verdicts[1]
        return walks[0], walks[1], results

    async def test_linux(self, tmp_path: Path) -> None:
        """The same hops with the same verdicts per customizer, and the same customizer fails in the same way."""
        steps = (shell("echo one"), shell("echo two; exit 3", name="bad"), shell("echo three"))
        own, theirs, results = await self.both(tmp_path, linux(*steps))

        walk = (("load-balancer", "10.61.0.5:60001"), ("proxy", "10.60.0.8:22"))
        assert own == theirs == [[walk], [], []]
        assert [each.failure.place for each in results if each.failure] == ["properties.customize[1]"] * 2
        assert all("Script exited with non-zero exit status: 3" in str(each.failure) for each in results)
        for result in results:
            log = log_of(result)
            assert "PACKER OUT ==> azure-arm: Connected to SSH!" in log
            assert "PACKER OUT     azure-arm: two" in log
            assert "three" not in log

    async def test_linux_connections(self, tmp_path: Path) -> None:
        """Both dial and close first, then one connection carries every customizer."""
        counts = []
        for driver in ("own", "packer"):
            async with emulator.start() as channel:
                begun = await after_the_trial(channel)
                document = linux(shell("a=1"), shell("b=2"))
                result = await channel.build(document, folder=tmp_path / driver, driver=driver)
                assert result.succeeded, result.failure
                records = [each for each in channel.events()[begun:] if isinstance(each, Record)]
            sent = [each.bytes_from_client > 0 for each in records if each.hop == "proxy" and each.to.endswith(":22")]
            counts.append(sent)

        assert counts == [[False, True], [False, True]]

    async def test_windows(self, tmp_path: Path) -> None:
        """PowerShell, elevated and not, and a restart: the same hops, and success by both."""
        steps = (
            powershell('Write-Host "x=$(1 + 2)"'),
            powershell("Write-Output elevated", runElevated=True),
            {"type": "WindowsRestart"},
            {"type": "WindowsUpdate"},
            powershell("'Write-Host deprovisioned by my own' > C:\\DeprovisioningScript.ps1"),
        )
        own, theirs, results = await self.both(tmp_path, windows(*steps))

        walk = (("load-balancer", "10.61.0.5:60000"), ("proxy", "10.60.0.9:5986"))
        count = len(steps) + 1  # before the first, and each of the template's own
        assert own[:count] == theirs[:count] == [[walk]] * count
        assert [each.last_run.state for each in results] == ["Succeeded"] * 2, [each.failure for each in results]
        for result in results:
            log = log_of(result)
            for line in (
                "x=3",
                "elevated",
                "BUILD-WINDOWS restarted.",
                "No Windows updates found",
                "deprovisioned by my own",
            ):
                assert f"PACKER OUT     azure-arm: {line}" in log


@pytest.mark.network
async def test_without_packer_nothing_is_deployed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where it is not installed the message says so, and nothing of a build is there."""
    async with emulator.start(guest="builtin") as channel:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(UnavailableError, match="--driver packer: found no program packer"):
            await channel.build(linux(shell("a")), driver="packer")
        assert channel.status.builds == ()
