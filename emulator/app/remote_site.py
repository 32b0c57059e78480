"""An emulator of another process as the site of a build, over its control API."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from emulator.app.building import account_at, azure_place
from emulator.app.status import Endpoint, Exact
from emulator.build.staging import Staging
from emulator.channels.ssh_session import Account
from emulator.clock import Clock
from emulator.control import engine
from emulator.control.client import Control
from emulator.errors import UnavailableError
from emulator.machines import container
from emulator.model import arm
from emulator.model.ids import ResourceId
from emulator.model.image import ImageTemplate
from emulator.model.switches import Switches
from emulator.model.world import System, World, build_role
from emulator.rules.deployment import Wanted, assembled

NOT_NEW = (
    "no container engine here has this channel, so its build VM is not made anew for the build: what others left is "
    "there until `docker compose up --force-recreate --wait build-linux build-windows`, where it runs"
)
LOOK_SECONDS = 1.0
"""Real seconds between two looks whether somebody asked for the build to be cancelled."""


@dataclass(frozen=True, slots=True)
class RemoteSite:
    """A running emulator as its control API shows it.

    Attributes:
        status: as it was when the build began.
        world: likewise.
    """

    control: Control
    template: ImageTemplate
    status: Mapping[str, Any]
    world: World

    @property
    def clock(self) -> Clock:
        """A clock of the emulator's scale."""
        return Clock(float(self.status.get("time_scale", 1.0)))

    @property
    def doubts(self) -> Sequence[str]:
        """What is not as in Azure here, a sentence each."""
        in_containers = self.status["runtime"] == "containers"
        return (NOT_NEW,) if in_containers and not engine.has(port_of(self.control)) else ()

    @contextlib.asynccontextmanager
    async def reach(self, system: System) -> AsyncIterator[tuple[Account, str]]:
        """See `Site.reach`.

        Raises:
            UnavailableError: the running world has no such build VM.
        """
        found = self.status["endpoints"].get(system)
        if not found:
            raise UnavailableError(f"the running world has no {system} build VM")
        async with account_at(Endpoint(**{**found, "exact": Exact(**found["exact"])})) as account:
            yield account, azure_place(self.world, system)

    async def deploy(self, staging: Staging) -> None:
        """See `Site.deploy`."""
        body = arm.dump(self.template)
        await asyncio.to_thread(self.control.begin_build, staging.guid, body, staging.system)
        await asyncio.to_thread(_renew, self.control, self.status, build_role(staging.system))

    async def container(self, system: System) -> str | None:
        """See `Site.container`."""
        status = await asyncio.to_thread(self.control.status)
        if status["runtime"] == "containers":
            if system == "windows":
                return None
            return await asyncio.to_thread(engine.build_machine, port_of(self.control))
        details = (hop["detail"] for hop in status["hops"] if hop["name"] == build_role(system))
        return container.named_in(next(details, ""))

    async def cancel_asked(self, staging: Staging) -> None:
        """See `Site.cancel_asked`."""
        while True:
            builds = (await asyncio.to_thread(self.control.status))["builds"]
            if any(each["build"] == staging.guid and each["state"] == "canceling" for each in builds):
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def tear_down(self, staging: Staging, *, keep: bool) -> None:
        """See `Site.tear_down`."""
        await asyncio.to_thread(end_build, self.control, staging.guid, keep=keep)


def end_build(control: Control, guid: str, *, keep: bool = False) -> None:
    """Have what a build deployed deleted, and its build VM made anew; nothing where the emulator knows of none.

    Raises:
        UnavailableError: the emulator or the engine does not do it.
    """
    status = control.status()
    ours = [build for build in status["builds"] if build["build"] == guid]
    if ours:
        control.end_build(guid, keep=keep)
    for hop in () if keep else _machines(ours):
        _renew(control, status, hop)


def delete_template(control: Control, template: str) -> None:
    """Have the staging groups of a template's builds deleted, and a build VM that was kept made anew.

    Raises:
        UnavailableError: a build of it is under way, or the emulator or the engine does not do it.
    """
    status = control.status()
    control.delete_template(template)
    for hop in _machines([build for build in status["builds"] if build["template"].lower() == template.lower()]):
        _renew(control, status, hop)


def _machines(builds: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    """The build VMs among the resources of builds."""
    hops = (resource.get("hop", "") for build in builds for resource in build["resources"])
    return [hop for hop in dict.fromkeys(hops) if hop.startswith("build-")]


def _renew(control: Control, status: Mapping[str, Any], hop: str) -> None:
    """In containers only this machine's engine can make a build VM anew; an embedded emulator does it itself."""
    if status["runtime"] == "containers" and engine.has(port_of(control)):
        engine.renew(port_of(control), hop)


def port_of(control: Control) -> int:
    """Where a composed channel publishes its control API."""
    return urlsplit(control.url).port or 80


def site_of(control: Control, template: ImageTemplate) -> RemoteSite:
    """The site that a running emulator is.

    Raises:
        UnavailableError: it does not answer.
    """
    status = control.status()
    resources = arm.load([("the running world", {"value": control.world()})]).resources
    staged = {ResourceId(each["id"]) for build in status["builds"] for each in build["resources"]}
    ours = [each for each in resources if not isinstance(each, ImageTemplate) and each.id not in staged]
    known = {each.name for each in fields(Switches)}  # an older emulator says nothing of them, a newer one more
    switches = Switches(**{name: value for name, value in status.get("switches", {}).items() if name in known})
    world = assembled(ours, Wanted(topology=status["topology"], optional=True), switches)
    return RemoteSite(control, template, status, world)
