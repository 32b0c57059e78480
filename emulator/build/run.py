"""Run a plan over a site: deploy, connect, customize, validate, report, and leave nothing behind."""

import asyncio
import contextlib
import datetime
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from emulator.build import changes, packer
from emulator.build.communicator import Communicator, NeverConnectedError, Waiting, by_ssh, by_winrm
from emulator.build.failed import StepFailedError
from emulator.build.log import Log, Told, nobody
from emulator.build.provision import Fetched, perform
from emulator.build.report import TIMED_OUT, Failure, LastRun, Result, RunState, SubState, failed_message
from emulator.build.staging import Staging
from emulator.build.steps import OnError, Plan, Step
from emulator.channels.ssh_session import Account
from emulator.clock import Clock
from emulator.model.world import System

Driver = Literal["own", "packer"]
Save = Callable[[], Awaitable[str]]
CANCELED = Failure("The build was canceled.")
KEPT_LINES = 20
"""Lines of a failed step's output that are told again at the end."""


class Site(Protocol):
    """The emulator that a build runs over."""

    @property
    def clock(self) -> Clock: ...

    def reach(self, system: System) -> AbstractAsyncContextManager[tuple[Account, str]]:
        """Who logs in at a build VM and where, while the body runs; and the machine's address and port in Azure."""
        ...

    async def deploy(self, staging: Staging) -> None:
        """Show the build's resources, and start its build VM afresh."""
        ...

    async def container(self, system: System) -> str | None:
        """The container that a build VM is; None where it is none."""
        ...

    async def cancel_asked(self, staging: Staging) -> None:
        """Wait until somebody asks for the build to be cancelled."""
        ...

    async def tear_down(self, staging: Staging, *, keep: bool) -> None:
        """Delete what leaves after a build, and the build VM's contents with it; `keep` leaves all for a look."""
        ...


@dataclass(slots=True)
class _Running:
    """A build under way.

    Attributes:
        files: holds the logs open.
        lines: the last ones of the step's output.
        changes: the files that customizers changed.
    """

    plan: Plan
    site: Site
    staging: Staging
    fetched: Fetched
    place: Path
    began: tuple[datetime.datetime, float]
    files: contextlib.ExitStack
    told: Told
    driver: Driver
    log: Log = field(init=False)
    path: Path = field(init=False)
    sub_state: SubState = "Building"
    lines: list[str] = field(default_factory=list)
    changes: Sequence[str] | None = None
    image: str = ""

    def write_to(self, name: str) -> None:
        """Go on in a log of that name."""
        self.path = self.place / name
        stream = self.files.enter_context(self.path.open("w", encoding="utf-8"))
        self.log = Log(self.staging.guid, stream, self.site.clock, self.began, self._tell)

    def _tell(self, line: str) -> None:
        self.lines.append(line)
        del self.lines[:-KEPT_LINES]
        self.told(line)


async def build(
    plan: Plan,
    site: Site,
    staging: Staging,
    fetched: Fetched,
    *,
    folder: Path,
    told: Told = nobody,
    driver: Driver = "own",
    save: Save | None = None,
) -> Result:
    """Build; how it ended is a value. A cancelled build is torn down before the cancellation goes on.

    Args:
        plan: what to do.
        site: over what.
        staging: what is deployed for it.
        fetched: what its steps name.
        folder: where logs go, in the folders of the service's storage account.
        told: hears Packer's output while it runs.
        driver: ours, or Packer itself.
        save: makes an image of the build VM once it is customized; its ID is the result's.

    Raises:
        UnavailableError: Packer is to drive it, and is not installed; nothing was deployed.
    """
    if driver == "packer":
        packer.program()
    place = folder / "packerlogs" / staging.guid
    place.mkdir(parents=True, exist_ok=True)
    began = datetime.datetime.now(datetime.UTC), site.clock.now()
    with contextlib.ExitStack() as files:
        running = _Running(plan, site, staging, fetched, place, began, files, told, driver)
        running.write_to("customization.log")
        failure: Failure | None = None
        keep = False
        try:
            await site.deploy(staging)
            failure = await _unless_cancelled(running)
            running.image = await save() if save and failure is None else ""
            keep = failure is not None and failure is not CANCELED and _on_error(running) == "abort"
        finally:
            running.log.err("[INFO] (telemetry) Finalizing.")
            await site.tear_down(staging, keep=keep)
        return _result(running, failure)


def _on_error(running: _Running) -> OnError:
    plan = running.plan
    return plan.on_validation_error if running.sub_state == "Validating" else plan.on_customizer_error


async def _unless_cancelled(running: _Running) -> Failure | None:
    """The build, ended where somebody asks for it by the API; what failed, or None."""
    try:
        async with asyncio.TaskGroup() as group:
            body = group.create_task(_within_its_time(running))
            watching = group.create_task(_cancelled_when_asked(running, body))
            body.add_done_callback(lambda _: watching.cancel())
    except BaseExceptionGroup as group_error:
        if len(group_error.exceptions) == 1:
            raise group_error.exceptions[0] from None
        raise
    return CANCELED if body.cancelled() else body.result()


async def _cancelled_when_asked(running: _Running, body: "asyncio.Task[Failure | None]") -> None:
    await running.site.cancel_asked(running.staging)
    running.log.out("Cancelling build after receiving terminated")
    body.cancel()


async def _within_its_time(running: _Running) -> Failure | None:
    """Customize and validate within `buildTimeoutInMinutes`; what failed, or None."""
    try:
        async with running.site.clock.timeout(running.plan.minutes * 60.0):
            return await _customize_and_validate(running)
    except TimeoutError:
        running.log.err("[ERROR] context deadline exceeded")
        running.log.out("Cancelling build after receiving terminated")
        return Failure(TIMED_OUT)


async def _customize_and_validate(running: _Running) -> Failure | None:
    """Customizers, then validators on a connection and in a log of their own."""
    running.sub_state = "Customizing"
    failure = await _all(running, running.plan.steps)
    if failure is None and running.plan.validators:
        running.sub_state = "Validating"
        running.log.err("[INFO] (telemetry) Finalizing.")
        running.write_to("validation.log")
        failure = await _all(running, running.plan.validators)
    return failure


async def _all(running: _Running, steps: Sequence[Step]) -> Failure | None:
    """Connect, and perform steps in order; the first that fails ends it."""
    if running.driver == "packer":
        system = running.plan.system
        async with running.site.reach(system) as (account, _):
            running.log.hidden = (account.password,) if account.password else ()
            return await packer.performed(steps, system, account, running.log, running.fetched)
    try:
        async with _connected(running) as over:
            return await _in_order(running, over, steps)
    except NeverConnectedError as never:
        running.log.step(str(never))
        running.log.out(f"Build 'azure-arm' errored: {never}")
        return Failure(str(never), output=tuple(running.lines))


async def _in_order(running: _Running, over: Communicator, steps: Sequence[Step]) -> Failure | None:
    looking = None if running.sub_state == "Validating" else await changes.before(over, running.plan.system)
    for step in steps:
        failure = await _one(running, over, step)
        if failure is not None:
            return failure
    if looking is not None:
        running.changes = await changes.since(over, looking)
    return None


@contextlib.asynccontextmanager
async def _connected(running: _Running) -> AsyncIterator[Communicator]:
    system = running.plan.system
    async with running.site.reach(system) as (account, azure):
        if account.password:
            running.log.hidden = (account.password,)
        waiting = Waiting(account, azure, running.site.clock, running.log)
        if system == "windows":
            async with by_winrm(waiting, f"https://{account.host}:{account.port}/wsman") as windows:
                yield windows
        else:
            async with by_ssh(waiting) as linux:
                yield linux


async def _one(running: _Running, over: Communicator, step: Step) -> Failure | None:
    running.lines.clear()
    try:
        await perform(step, over, running.log, running.fetched)
    except StepFailedError as failed:
        log = running.log
        log.step("Provisioning step had errors: Running the cleanup provisioner, if present...")
        log.out(f"Build 'azure-arm' errored: {failed}")
        return Failure(str(failed), step.place, step.name, tuple(running.lines))
    return None


def _result(running: _Running, failure: Failure | None) -> Result:
    plan, began = running.plan, running.began
    state: RunState = "Succeeded" if failure is None else "Canceled" if failure is CANCELED else "Failed"
    if state == "Failed" and running.sub_state == "Validating" and plan.distribute_on_failure:
        state = "PartiallySucceeded"
    end = began[0] + datetime.timedelta(seconds=running.site.clock.now() - began[1])
    message = "" if failure is None else failure.said
    if failure is not None and failure is not CANCELED and failure.said != TIMED_OUT:
        message = failed_message(str(failure), str(running.path), running.staging.guid)
    sub_state = None if failure is None else running.sub_state
    last = LastRun(_iso(began[0]), _iso(end), state, sub_state, message)
    return Result(plan, running.staging.group, last, str(running.path), failure, running.changes, running.image)


def _iso(moment: datetime.datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
