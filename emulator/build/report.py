"""How a build ended, as Azure reports it: `lastRunStatus`, run outputs, and what changed on the build VM."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from emulator.build.steps import Output, Plan
from emulator.model.ids import ResourceId

RunState = Literal["Running", "Canceling", "Succeeded", "PartiallySucceeded", "Failed", "Canceled"]
SubState = Literal["Queued", "Building", "Customizing", "Optimizing", "Validating", "Distributing"]


@dataclass(frozen=True, slots=True)
class LastRun:
    """`lastRunStatus` of a template (azure.md 1.5); times in ISO 8601."""

    start: str
    end: str
    state: RunState
    sub_state: SubState | None
    message: str

    def as_json(self) -> dict[str, Any]:
        """In Azure's words."""
        within = {"runSubState": self.sub_state} if self.sub_state else {}
        return {
            "startTime": self.start,
            "endTime": self.end,
            "runState": self.state,
            **within,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class Failure:
    """What ended a build.

    Attributes:
        place: in the template, as `properties.customize[2]`; empty where no step is to blame.
        name: the step's own name.
        said: Packer's or the service's last words.
        output: the last lines of the step's output.
    """

    said: str
    place: str = ""
    name: str = ""
    output: Sequence[str] = ()

    def __str__(self) -> str:
        step = f"{self.place}{f' ({self.name})' if self.name else ''}: " if self.place else ""
        return f"{step}{self.said}"


@dataclass(frozen=True, slots=True)
class Result:
    """A build that has ended.

    Attributes:
        changes: the files of the build VM that the build made or changed; None where nobody could look.
        log: the path of `customization.log`.
        image: the ID of the container image that was made of the build VM; empty for none.
    """

    plan: Plan
    group: ResourceId
    last_run: LastRun
    log: str
    failure: Failure | None = None
    changes: Sequence[str] | None = None
    image: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether there is an image."""
        return self.last_run.state in ("Succeeded", "PartiallySucceeded")

    def outputs(self) -> Sequence[Mapping[str, Any]]:
        """The run outputs, a resource each; none where there is no image."""
        return [_output(self.plan, each) for each in self.plan.outputs] if self.succeeded else []

    def as_json(self) -> dict[str, Any]:
        """As `build --json` prints it."""
        failure = self.failure
        failed = {"place": failure.place, "name": failure.name, "message": failure.said} if failure else None
        return {
            "template": self.plan.template.text,
            "stagingResourceGroup": self.group.text,
            "lastRunStatus": self.last_run.as_json(),
            "runOutputs": self.outputs(),
            "failure": failed,
            "changes": None if self.changes is None else list(self.changes),
            "image": self.image or None,
            "log": self.log,
        }


def _output(plan: Plan, output: Output) -> Mapping[str, Any]:
    key = "artifactUri" if output.kind.lower() == "vhd" else "artifactId"
    return {
        "id": plan.template.child("runOutputs", output.name).text,
        "name": output.name,
        "type": "Microsoft.VirtualMachineImages/imageTemplates/runOutputs",
        "properties": {key: output.target, "provisioningState": "Succeeded"},
    }


def failed_message(why: str, log: str, operation: str) -> str:
    """`lastRunStatus.message` of a customization that failed, in the service's words (azure.md 1.9)."""
    return (
        "Failed while waiting for packerizer: Microservice has failed: Failed while processing request: Error when "
        f"executing packerizer: Packer build command has failed: exit status 1. {why} "
        f"Image Build log location: {log}. OperationId: {operation}. Use this operationId to search packer logs."
    )


TIMED_OUT = (
    "Failed in building/customizing image: Failed while waiting for packerizer: Timeout waiting for microservice to "
    "complete: 'context deadline exceeded'"
)
"""`lastRunStatus.message` of a build that ran out of `buildTimeoutInMinutes` (azure.md 1.9)."""
