"""Image builds over a running channel: from a template's document to a result."""

import asyncio
import contextlib
import tempfile
import uuid
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.app.status import Endpoint
from emulator.app.way import way
from emulator.build.expressions import worked_out
from emulator.build.log import Told, nobody
from emulator.build.plan import plan_of
from emulator.build.preconditions import unmet
from emulator.build.report import Result
from emulator.build.run import Driver, Save, Site
from emulator.build.run import build as run_build
from emulator.build.sources import Fetcher, Mirror
from emulator.build.staging import Staging, staging
from emulator.build.steps import Plan
from emulator.channels.ssh_session import Account
from emulator.clock import Clock
from emulator.errors import InvalidInputError
from emulator.machines import container
from emulator.model import arm
from emulator.model.image import ImageTemplate
from emulator.model.world import BUILD_PORTS, System, World, build_role
from emulator.rules import topology as topologies

if TYPE_CHECKING:
    from emulator.app.channel import Channel

Document = Path | str | Mapping[str, Any] | ImageTemplate
"""An image template: a file, its JSON, or the value."""


def template_of(
    document: Document, parameters: Mapping[str, str] | None = None, spare: Collection[str] = frozenset()
) -> ImageTemplate:
    """The image template of a document; a deployment template's expressions are worked out.

    Parameters that fit nowhere are refused, but for those that are `spare`.

    Raises:
        InvalidInputError: it has findings, or holds no image template, or several.
    """
    if isinstance(document, ImageTemplate):
        return document
    name, value = _read(document)
    found = arm.load([(name, worked_out(name, value, parameters or {}, spare))]).resources
    templates = [each for each in found if isinstance(each, ImageTemplate)]
    if len(templates) != 1:
        raise InvalidInputError(f"{name}: found {len(templates)} image templates, expected one")
    return templates[0]


def _read(document: Path | str | Mapping[str, Any]) -> tuple[str, object]:
    if isinstance(document, Mapping):
        return "template", document
    try:
        return str(document), arm.load_json(str(document), Path(document).read_bytes())
    except OSError as error:
        raise InvalidInputError(f"{document}: cannot be read: {error.strerror}") from None


def fits(template: ImageTemplate, plan: Plan, world: World) -> None:
    """Whether a world is one that this template is built in.

    Raises:
        InvalidInputError: its topology is another, it lacks the template's subnet or build VM, or it does not meet a
            precondition; each with a line.
    """
    lines = []
    wanted, subnet = topologies.topology_of(template, world.switches), topologies.subnet_of(template)
    if wanted != world.topology:
        lines.append(
            f"properties.vmProfile.vnetConfig: found a template of topology {wanted}, expected {world.topology}, "
            f"which is what the running emulator plays; `up --topology {wanted}` plays the other"
        )
    elif subnet is not None and subnet != world.parts.subnet:
        lines.append(
            f"properties.vmProfile.vnetConfig.subnetId: found {subnet}, expected {world.parts.subnet}, the subnet "
            "that builds of this world run in"
        )
    if world.member(build_role(plan.system)) is None:
        lines.append(
            f"properties.source: found a {plan.system} image, and the world has no {build_role(plan.system)}"
        )
    lines += map(str, unmet(template, world))
    if lines:
        raise InvalidInputError("\n".join(lines))


@dataclass(frozen=True, slots=True)
class ChannelSite:
    """A channel of this process as the site of a build."""

    channel: "Channel"

    @property
    def clock(self) -> Clock:
        """The emulator's own."""
        return self.channel.scene.clock

    @contextlib.asynccontextmanager
    async def reach(self, system: System) -> AsyncIterator[tuple[Account, str]]:
        """See `Site.reach`."""
        async with account_at(self.channel.status.endpoints[system]) as account:
            yield account, azure_place(self.channel.world, system)

    async def deploy(self, staging: Staging) -> None:
        """See `Site.deploy`."""
        await self.channel.stagings.begin(staging)

    async def container(self, system: System) -> str | None:
        """See `Site.container`."""
        keeper = self.channel.keepers.get(build_role(system))
        return container.named_in(keeper.detail) if keeper else None

    async def cancel_asked(self, staging: Staging) -> None:
        """See `Site.cancel_asked`."""
        await self.channel.stagings.cancel_asked(staging.guid)

    async def tear_down(self, staging: Staging, *, keep: bool) -> None:
        """See `Site.tear_down`."""
        if staging.guid in self.channel.stagings.builds:
            await self.channel.stagings.end(staging.guid, keep=keep)


@contextlib.asynccontextmanager
async def account_at(endpoint: Endpoint) -> AsyncIterator[Account]:
    """The account at an endpoint, and where a client reaches it that knows of no proxy."""
    async with way(endpoint) as (host, port):
        yield Account(host, port, endpoint.username, endpoint.private_key or None, endpoint.password)


def azure_place(world: World, system: System) -> str:
    """The address and port of a build VM in Azure, as the service's logs name it."""
    member = world.member(build_role(system))
    address = world.interface_of(member).address if member else "0.0.0.0"
    return f"{address}:{BUILD_PORTS[system]}"


async def build(
    channel: "Channel",
    document: Document,
    *,
    parameters: Mapping[str, str] | None = None,
    mirrors: Iterable[Mirror] = (),
    folder: Path | None = None,
    told: Told = nobody,
    driver: Driver = "own",
    output: str | None = None,
) -> Result:
    """Build an image template over a running channel; see `Channel.build`."""
    template = template_of(document, parameters)
    named = str(document) if isinstance(document, (Path, str)) else ""
    order = Order(template, plan_of(template, named), tuple(mirrors), told, driver, output)
    with contextlib.ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory("-aib-emulator-build")))
        return await carried_out(order, ChannelSite(channel), channel.world, place)


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be built.

    Attributes:
        output: the name of a container image to be made of the build VM; None for none.
        guid: names the build.
    """

    template: ImageTemplate
    plan: Plan
    mirrors: tuple[Mirror, ...] = ()
    told: Told = nobody
    driver: Driver = "own"
    output: str | None = None
    guid: str = field(default_factory=lambda: str(uuid.uuid4()))


async def carried_out(order: Order, site: Site, world: World, folder: Path) -> Result:
    """Build over a site that plays `world`; logs go below `folder`.

    Raises:
        InvalidInputError: a source or the world does not allow it; nothing was deployed.
    """
    fits(order.template, order.plan, world)
    save = await _saving(order, site)
    sources = await Fetcher(order.mirrors, site.clock, order.told).all(order.plan)
    staged = staging(order.template, order.plan.system, world.topology, order.guid)
    return await run_build(
        order.plan, site, staged, sources, folder=folder, told=order.told, driver=order.driver, save=save
    )


async def _saving(order: Order, site: Site) -> Save | None:
    """What makes an image of the build VM, where one is wanted.

    Raises:
        InvalidInputError: the build VM is no container.
    """
    image = order.output
    if image is None:
        return None
    if await site.container(order.plan.system) is None:
        raise InvalidInputError(
            "--output: found a build VM that is no container, expected `--guest container`, or a composed channel"
        )

    async def save() -> str:
        made = await site.container(order.plan.system)  # the build's own: it was made anew since
        return await asyncio.to_thread(container.commit, made or "", image)

    return save
