"""A template's words as frozen steps, with every default."""

import pytest

from emulator.build.plan import RefusedError, plan_of
from emulator.build.steps import (
    Deprovision,
    File,
    Output,
    PowerShell,
    Shell,
    Source,
    WindowsRestart,
    WindowsUpdate,
    provisioner,
    source_of,
)
from tests.builds import linux, powershell, shell, windows
from tests.templates import IMAGE, loaded

URI = "https://example.com/x"
SUM = "AB" * 32


def test_a_linux_plan() -> None:
    """Shell and File in order, the hidden step last, 240 minutes for 0, cleanup where nothing is said."""
    steps = (
        shell("a", "b", name="one"),
        {"type": "Shell", "scriptUri": URI, "sha256Checksum": SUM},
        {"type": "File", "sourceUri": URI, "destination": "/tmp/x"},
    )
    plan = plan_of(loaded(linux(*steps)))

    assert plan.steps == (
        Shell("properties.customize[0]", "one", ("a", "b")),
        Shell("properties.customize[1]", "", (), Source(URI, SUM.lower())),
        File("properties.customize[2]", "", Source(URI), "/tmp/x"),
        Deprovision("linux"),
    )
    assert (plan.system, plan.minutes, plan.customizers) == ("linux", 240, 3)
    assert (plan.on_customizer_error, plan.on_validation_error, plan.distribute_on_failure) == (
        "cleanup",
        "cleanup",
        False,
    )
    assert plan.outputs == (Output("out", "ManagedImage", IMAGE),)


def test_a_windows_plan() -> None:
    """Windows' steps have Azure's defaults, and what the template says over them."""
    steps = (
        powershell("x", runElevated=True, runAsSystem=True, validExitCodes=[0, 3010]),
        {"type": "WindowsRestart"},
        {"type": "WindowsRestart", "restartTimeout": "10m", "restartCommand": "r", "restartCheckCommand": "c"},
        {"type": "WindowsUpdate"},
        {"type": "WindowsUpdate", "searchCriteria": "IsInstalled=0", "filters": ["include:$true"], "updateLimit": 20},
    )
    plan = plan_of(loaded(windows(*steps, errorHandling={"onCustomizerError": "abort"})))
    at = [f"properties.customize[{number}]" for number in range(5)]

    assert plan.steps == (
        PowerShell(at[0], "", ("x",), None, True, True, (0, 3010)),
        WindowsRestart(at[1], "", 'shutdown /r /f /t 0 /c "packer restart"', "", 300.0),
        WindowsRestart(at[2], "", "r", "c", 600.0),
        WindowsUpdate(at[3], "", "BrowseOnly=0 and IsInstalled=0", (), 1000),
        WindowsUpdate(at[4], "", "IsInstalled=0", ("include:$true",), 20),
        Deprovision("windows"),
    )
    assert plan.on_customizer_error == "abort"


def test_validators_and_what_their_failure_does() -> None:
    """Validators are steps of their own list."""
    validate = {"inVMValidations": [shell("test -e /x")], "continueDistributeOnFailure": True}
    plan = plan_of(loaded(linux(shell("a"), validate=validate, errorHandling={"onValidationError": "abort"})))

    assert plan.validators == (Shell("properties.validate.inVMValidations[0]", "", ("test -e /x",)),)
    assert (plan.on_validation_error, plan.distribute_on_failure) == ("abort", True)


def test_packer_s_names_of_steps() -> None:
    """Each kind of step is one of Packer's provisioners; the hidden one is the system's shell."""
    plan = plan_of(loaded(windows(powershell("x"), {"type": "WindowsRestart"}, {"type": "WindowsUpdate"})))

    assert [provisioner(each) for each in plan.steps] == [
        "powershell",
        "windows-restart",
        "windows-update",
        "powershell",
    ]
    assert [source_of(each) for each in plan.steps] == [None] * 4


def test_what_is_refused_has_no_plan() -> None:
    """Every refusal is in the error, as a value and as a line."""
    with pytest.raises(RefusedError) as refused:
        plan_of(loaded(linux({"type": "Shell"}, {"type": "x"})))

    assert [each.code for each in refused.value.refusals] == ["UnsupportedCustomizerType", "NoCustomizerScript"]
    assert len(str(refused.value).splitlines()) == 2


def test_a_refusal_names_its_document() -> None:
    """Each line says in which file it is, where there is one."""
    template = loaded({**linux(shell("a")), "location": "{Region-Name}"})
    with pytest.raises(RefusedError) as of_a_file:
        plan_of(template, "t.json")
    with pytest.raises(RefusedError) as of_a_value:
        plan_of(template)

    assert str(of_a_file.value) == f"t.json: {of_a_value.value}"
    assert "location: found {Region-Name}, expected a value" in str(of_a_value.value)
    assert "`-p Region-Name=VALUE` fills it" in str(of_a_value.value)
