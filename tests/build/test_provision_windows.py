"""Windows' steps as transcripts."""

import re
from collections.abc import Callable

import pytest

from emulator.build.failed import StepFailedError
from emulator.build.provision import Fetched, perform
from emulator.build.steps import Deprovision, PowerShell, Step, WindowsRestart, WindowsUpdate
from emulator.channels.ssh_session import DisconnectedError
from tests.build.communicators import Scripted, log

RESTART = WindowsRestart("p", "n")


async def performed(step: Step, over: Scripted, scale: float = 1000) -> str:
    """Perform a step; the log."""
    found, stream = log(scale)
    await perform(step, over, found, Fetched({}))
    return stream.getvalue()


def generic(heard: list[str]) -> list[str]:
    """Commands without the names that Packer makes up."""
    return [re.sub(r"-[0-9a-f]{16}", "-N", each) for each in heard]


class Machine(Scripted):
    """A machine whose shutdown answers by turns, and which is away for some turns; its echo says it has restarted."""

    def __init__(self, *codes: int) -> None:
        super().__init__()
        self.codes = list(codes)

    async def run(self, command: str, say: Callable[[bytes, bool], None]) -> int:
        self.heard.append(command)
        if "packer restart" not in command and "encodedCommand" not in command:
            return 0
        code = self.codes.pop(0) if self.codes else 0
        if code < 0:
            raise DisconnectedError("gone")
        if "encodedCommand" in command:
            say(b"BUILD restarted.\r\n", False)
        return code


async def test_powershell() -> None:
    """Script and variables are uploaded, and run together; the codes that count as success are the step's."""
    over = Scripted({"powershell": 3010})
    await performed(PowerShell("p", "n", ("a", "b"), valid_exit_codes=(0, 3010)), over)
    script, variables, command = generic(over.heard)

    assert (script, variables) == (
        "upload c:/Windows/Temp/script-N.ps1",
        "upload c:/Windows/Temp/packer-ps-env-vars-N.ps1",
    )
    assert command.startswith(
        'powershell -executionpolicy bypass "& { if (Test-Path variable:global:ProgressPreference)'
    )
    assert command.endswith(
        ". c:/Windows/Temp/packer-ps-env-vars-N.ps1; &'c:/Windows/Temp/script-N.ps1'; exit $LastExitCode }\""
    )
    assert next(iter(over.files.values())) == b"a\r\nb"


async def test_a_code_that_is_not_allowed() -> None:
    """Packer's words name the code and those that are allowed."""
    with pytest.raises(StepFailedError, match=r"non-zero exit status: 1. Allowed exit codes are: \[0 5\]"):
        await performed(PowerShell("p", "n", ("a",), valid_exit_codes=(0, 5)), Scripted({"powershell": 1}))


@pytest.mark.parametrize(("as_system", "user"), [(False, "packer"), (True, "SYSTEM")])
async def test_elevated(as_system: bool, user: str) -> None:  # noqa: FBT001
    """An elevated step is a scheduled task of its user."""
    over = Scripted()
    await performed(PowerShell("p", "n", ("a",), elevated=True, as_system=as_system), over)
    (task,) = [text.decode() for path, text in over.files.items() if "elevated" in path]

    assert f"<UserId>{user}</UserId>" in task
    assert generic(over.heard)[-1].startswith(
        'powershell -executionpolicy bypass -file "c:/Windows/Temp/packer-elevated-shell-packer-N.ps1"'
    )


async def test_a_restart() -> None:
    """Asked for; tested until the machine is away; then asked every five seconds until it says that it is back."""
    over = Machine(0, 1115, 1190, 1717, -1, -1, 0)
    said = await performed(RESTART, over)

    assert [each for each in over.heard if "shutdown" in each] == [RESTART.command] + [
        'shutdown /r /f /t 60 /c "packer restart test"'
    ] * 4
    assert said.count("==> azure-arm: Reboot already in progress, waiting...") == 3
    assert "Waiting for machine to reboot with timeout: 15m0s" in said
    assert "    azure-arm: BUILD restarted." in said
    assert "==> azure-arm: Machine successfully restarted, moving on" in said


async def test_a_restart_that_was_over_before_it_was_seen() -> None:
    """Where the test itself would restart, it is taken back."""
    over = Machine(0, 0, 0)
    await performed(RESTART, over)

    assert "shutdown /a" in over.heard


async def test_the_user_s_check_comes_first() -> None:
    """`restartCheckCommand` is run once the machine answers, whatever it ends with."""
    over = Machine(0, 1, 0)
    await performed(WindowsRestart("p", "n", check_command="echo checked"), over)

    assert over.heard.index("echo checked") < len(over.heard) - 1


async def test_a_restart_command_that_fails() -> None:
    """Any code but 0, 1115 and 1190 fails the step."""
    with pytest.raises(StepFailedError, match="non-zero exit status: 5"):
        await performed(RESTART, Machine(5))


async def test_a_restart_that_never_ends() -> None:
    """A machine that goes on saying that it restarts is given up at the step's limit."""
    with pytest.raises(StepFailedError, match=r"^Timeout waiting for machine to restart\.$"):
        await performed(WindowsRestart("p", "n", seconds=60), Machine(*[0] + [1190] * 1000))


async def test_updates() -> None:
    """Run by the system's task, and again after each restart that they need."""
    over = Scripted()
    said = await performed(WindowsUpdate("p", "n"), over)

    assert "==> azure-arm: Running Windows update..." in said
    assert sum("elevated" in each for each in over.files) == 1
    with pytest.raises(StepFailedError, match="exited with code 7"):
        await performed(WindowsUpdate("p", "n"), Scripted({"elevated": 7}))


async def test_the_hidden_step() -> None:
    """The user's script goes first; without it sysprep; without that the log says so."""
    own = Scripted()
    await performed(Deprovision("windows"), own)
    assert own.heard[-1] == 'powershell -executionpolicy bypass -file "c:\\DeprovisioningScript.ps1"'

    sysprep = Scripted({"DeprovisioningScript.ps1": 1})
    await performed(Deprovision("windows"), sysprep)
    assert b"IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE" in next(iter(sysprep.files.values()))

    neither = Scripted({"if exist": 1})
    assert "no Sysprep.exe in this build VM" in await performed(Deprovision("windows"), neither)
    with pytest.raises(StepFailedError, match="Deprovisioning script"):
        await performed(Deprovision("windows"), Scripted({"-file": 4}))
