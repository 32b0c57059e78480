"""The builds that a running emulator knows of: what each has deployed, shown as it comes and goes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from emulator.app.machines import State
from emulator.build.staged_world import as_deployed
from emulator.build.staging import Staged, Staging
from emulator.clock import wall_time
from emulator.errors import InvalidInputError, UnavailableError
from emulator.model import arm
from emulator.model.ids import ResourceId
from emulator.model.resources import Resource
from emulator.model.world import World
from emulator.observe import Observation, Observer

SetMachine = Callable[[str, State], Awaitable[None]]


async def left_as_it_is(hop: str, state: State) -> None:
    """A build's machine stays what it is: a container, which whoever drives the build has the engine make anew."""


@dataclass(slots=True)
class Stagings:
    """Builds by GUID; one at a time uses a build VM, for there is one of a kind.

    Attributes:
        set_machine: brings a hop into a state; stopped and started again it is a fresh machine.
    """

    set_machine: SetMachine
    observer: Observer
    builds: dict[str, Staging] = field(default_factory=dict)
    cancelled: dict[str, asyncio.Event] = field(default_factory=dict)

    async def begin(self, staging: Staging) -> None:
        """Deploy what a build needs, and a fresh build VM.

        Raises:
            UnavailableError: another build is under way.
            InvalidInputError: the template's own staging group is not empty.
        """
        for other in list(self.builds.values()):
            self._allow(other, staging)
        for other in [each for each in self.builds.values() if each.state == "kept"]:
            await self.end(other.guid, keep=False)
        self.builds[staging.guid] = replace(staging, resources=())
        for each in staging.resources:
            self._lay(staging.guid, each)
        await self._renew(staging)

    def _allow(self, other: Staging, staging: Staging) -> None:
        if other.state in ("running", "canceling"):
            raise UnavailableError(
                f"a build of {other.template.name} is under way in {other.group.name}, and there is one build VM"
            )
        if other.group == staging.group and other.template != staging.template:
            raise InvalidInputError(
                f"properties.stagingResourceGroup: found {other.group.name}, which belongs to template "
                f"{other.template.name}, expected an empty group [BadStagingResourceGroup]"
            )

    def cancel(self, guid: str) -> None:
        """Ask for a build to be cancelled; whoever drives it hears of it, and this returns before it has.

        Raises:
            InvalidInputError: there is no such build, or it is not under way.
        """
        staging = self._known(guid)
        if staging.state not in ("running", "canceling"):
            raise InvalidInputError(f"build: found {guid}, which is {staging.state}, expected one that is running")
        self.builds[guid] = replace(staging, state="canceling")
        self.cancelled.setdefault(guid, asyncio.Event()).set()

    async def cancel_asked(self, guid: str) -> None:
        """Wait until somebody asks for a build to be cancelled."""
        await self.cancelled.setdefault(guid, asyncio.Event()).wait()

    async def end(self, guid: str, *, keep: bool) -> None:
        """Delete what leaves after a build, in the documented order; with `keep` all of it stays to be looked at.

        Raises:
            InvalidInputError: there is no such build.
        """
        staging = self._known(guid)
        self.cancelled.pop(guid, None)
        if keep:
            self.builds[guid] = replace(staging, state="kept")
            return
        for identity in staging.leaving():
            self.delete(guid, identity)
        self.builds[guid] = replace(self.builds[guid], state="done")
        await self._renew(staging)

    def delete(self, guid: str, identity: ResourceId) -> None:
        """Delete one resource of a build.

        Raises:
            InvalidInputError: there is none, or another one needs it (`InUseError`).
        """
        self.builds[guid] = self._known(guid).without(identity)
        self._say("ResourceDeleted", guid, identity, "deleted")

    async def forget(self, template: ResourceId) -> None:
        """A template is deleted, and with it the staging groups of its builds.

        Raises:
            UnavailableError: one is under way.
        """
        ours = [each for each in self.builds.values() if each.template == template]
        if any(each.state in ("running", "canceling") for each in ours):
            raise UnavailableError(f"a build of {template.name} is under way; it can be cancelled")
        for kept in [each for each in ours if each.state == "kept"]:
            await self.end(kept.guid, keep=False)
        for guid in [each.guid for each in ours]:
            for each in self.builds.pop(guid).resources:
                self._say("ResourceDeleted", guid, each.id, "deleted with its template")

    def resources(self, world: World) -> list[dict[str, Any]]:
        """Every resource of every build, as Azure prints it; the channel of `world` is what they are."""
        return [each for staging in self.builds.values() for each in as_deployed(staging, world)]

    def beside(self, world: World) -> list[dict[str, Any]]:
        """The resources of a world, and those of builds."""
        own = {each.id: arm.dump(each) for each in world.resources}
        return [*(own | self._in_groups(world)).values()]

    def parsed(self, world: World) -> Mapping[ResourceId, Resource]:
        """The resources of builds as values, by ID."""
        shown = [*self._in_groups(world).values()]
        return {each.id: each for each in (arm.load([("a build", {"value": shown})]).resources if shown else ())}

    def _in_groups(self, world: World) -> dict[ResourceId, dict[str, Any]]:
        """The resources of builds without their groups, which are no resources to Azure, but where those are."""
        found = {ResourceId(each["id"]): each for each in self.resources(world)}
        return {identity: each for identity, each in found.items() if identity.type}

    def as_json(self) -> list[dict[str, Any]]:
        """Every build, as status prints it."""
        return [each.as_json() for each in self.builds.values()]

    def _known(self, guid: str) -> Staging:
        if guid not in self.builds:
            raise InvalidInputError(f"build: found {guid}, expected one of {', '.join(self.builds) or '(none)'}")
        return self.builds[guid]

    def _lay(self, guid: str, staged: Staged) -> None:
        here = self.builds[guid]
        self.builds[guid] = replace(here, resources=(*here.resources, staged))
        self._say("ResourceDeployed", guid, staged.id, "deployed")

    def _say(self, event: str, guid: str, identity: ResourceId, what: str) -> None:
        kind = identity.type or "microsoft.resources/resourcegroups"
        sentence = f"build {guid[:8]}: {what} {kind.rpartition('/')[2]} {identity.name}"
        self.observer(Observation(wall_time(), event, "", sentence, {"build": guid, "id": identity.text}))

    async def _renew(self, staging: Staging) -> None:
        """The build VM is new: nothing of another build is on it."""
        hop = f"build-{staging.system}"
        await self.set_machine(hop, "service-stopped")
        await self.set_machine(hop, "running")
