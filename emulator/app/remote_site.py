"""An emulator of another process as the site of a build, over its control API."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
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
from emulator.model.image import ImageTemplate
from emulator.model.world import System, World, build_role
from emulator.rules.deployment import Wanted, assembled

NOT_NEW = (
    "in containers the build VM is not made anew for a build: what others left is there until "
    "`docker compose up --force-recreate --wait build-linux build-windows`"
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
        return (NOT_NEW,) if self.status["runtime"] == "containers" else ()

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

    async def container(self, system: System) -> str | None:
        """See `Site.container`."""
        status = await asyncio.to_thread(self.control.status)
        if status["runtime"] == "containers":
            port = urlsplit(self.control.url).port or 80
            return await asyncio.to_thread(engine.build_machine, port) if system == "linux" else None
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
        known = {each["build"] for each in (await asyncio.to_thread(self.control.status))["builds"]}
        if staging.guid in known:
            await asyncio.to_thread(lambda: self.control.end_build(staging.guid, keep=keep))


def site_of(control: Control, template: ImageTemplate) -> RemoteSite:
    """The site that a running emulator is.

    Raises:
        UnavailableError: it does not answer.
    """
    status = control.status()
    resources = arm.load([("the running world", {"value": control.world()})]).resources
    ours = [each for each in resources if not isinstance(each, ImageTemplate)]
    world = assembled(ours, Wanted(topology=status["topology"], optional=True))
    return RemoteSite(control, template, status, world)
