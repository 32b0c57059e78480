"""How a build ended, in Azure's words."""

from emulator.build.plan import plan_of
from emulator.build.report import Failure, LastRun, Result, RunState, failed_message
from emulator.model.ids import ResourceId
from tests.builds import linux, shell
from tests.templates import IMAGE, loaded

PLAN = plan_of(loaded(linux(shell("a"))))


def result(state: RunState, failure: Failure | None = None) -> Result:
    """A result of that state."""
    last = LastRun("s", "e", state, "Customizing" if failure else None, "")
    return Result(PLAN, ResourceId("/subscriptions/s/resourceGroups/IT_x"), last, "/log", failure, ["/etc/x"])


def test_run_outputs_are_of_a_build_that_succeeded() -> None:
    """Each target is a run output with the image that it names; a failed build has none."""
    (output,) = result("Succeeded").outputs()

    assert output["id"].endswith("/imageTemplates/hello/runOutputs/out")
    assert output["properties"] == {"artifactId": IMAGE, "provisioningState": "Succeeded"}
    assert result("Failed", Failure("no")).outputs() == []


def test_last_run_status_has_azure_s_fields() -> None:
    """`lastRunStatus` has times, states and a message; a run that succeeded has no sub-state."""
    assert result("Succeeded").as_json()["lastRunStatus"] == {
        "startTime": "s",
        "endTime": "e",
        "runState": "Succeeded",
        "message": "",
    }
    assert result("Failed", Failure("no")).as_json()["lastRunStatus"]["runSubState"] == "Customizing"


def test_the_generic_message_is_the_service_s() -> None:
    """People search for these words."""
    said = failed_message("why", "/log", "op")

    assert said.startswith("Failed while waiting for packerizer: Microservice has failed: Failed while processing")
    assert "Image Build log location: /log. OperationId: op." in said


def test_a_failure_says_where() -> None:
    """Place and name of the step come first; a failure of no step has neither."""
    assert str(Failure("no", "properties.customize[1]", "two")) == "properties.customize[1] (two): no"
    assert str(Failure("no")) == "no"
