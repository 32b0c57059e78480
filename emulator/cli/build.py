"""`build`: an image build over the channel, as the Image Builder service does it with a template."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from emulator.cli.ending import FAILED
from emulator.cli.offline import Resources, warn
from emulator.cli.options import ConfigFile, ControlUrl, Guest, Json, print_json
from emulator.errors import EmulatorError, InvalidInputError

if TYPE_CHECKING:
    from emulator.app.building import Order
    from emulator.app.config import Config
    from emulator.build.report import Result
    from emulator.build.run import Site
    from emulator.control.build_notes import Note
    from emulator.control.client import Control
    from emulator.model.image import ImageTemplate
    from emulator.model.world import World

SHOWN_CHANGES = 10


def build(
    template: Annotated[Path, typer.Argument(metavar="TEMPLATE.json", help="The image template.")],
    *,
    config: ConfigFile = None,
    resources: Resources = None,
    mirror: Annotated[
        list[str] | None,
        typer.Option(metavar="URL=DIR", help="A folder that has what is below an address; several can be given."),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter",
            "-p",
            metavar="NAME=VALUE",
            help="A deployment template's parameter, or a place <NAME> or {NAME} to be filled in; @FILE has many.",
        ),
    ] = None,
    driver: Annotated[
        str, typer.Option(metavar="NAME", help="own, or packer: real Packer, where it is installed.")
    ] = "own",
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete the template instead: its staging groups, and its builds' logs.")
    ] = False,
    output: Annotated[
        str | None,
        typer.Option(metavar="IMAGE", help="Make a container image of the build VM, where it is a container."),
    ] = None,
    time_scale: Annotated[
        float | None, typer.Option(metavar="N", help="Emulated seconds that pass in a real one, for every timer.")
    ] = None,
    guest: Guest = None,
    control: ControlUrl = None,
    as_json: Json = False,
) -> None:
    """Build an image template over the channel: from its validation to the teardown.

    Over the running emulator, or where none runs over one of its own, which ends with the build. Exits 1 when the
    build failed, 2 when nothing was built.
    """
    from emulator.app.building import Order, template_of
    from emulator.build.plan import plan_of
    from emulator.build.run import Driver
    from emulator.build.sources import mirror_of

    named, in_files = _pairs(parameter or [])
    found = template_of(template, in_files | named, in_files.keys() - named.keys())
    mirrors = tuple(mirror_of(each) for each in mirror or [])
    if delete:
        _delete(found, control)
        return
    if driver not in get_args(Driver):
        raise InvalidInputError(f"--driver: found {driver!r}, expected one of {', '.join(get_args(Driver))}")
    chosen: Driver = "packer" if driver == "packer" else "own"
    order = Order(
        found, plan_of(found, str(template)), mirrors, lambda line: typer.echo(line, err=True), chosen, output
    )
    own = {"config": config, "resources": resources, "time_scale": time_scale, "guest": guest}
    running = None if any(own.values()) else running_one(control)
    result = _over_another(order, running) if running else _over_its_own(order, **own)  # type: ignore[arg-type]
    _tell(result, as_json=as_json)
    if not result.succeeded:
        raise typer.Exit(FAILED)


def _pairs(given: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Names with their values, and those of files, `@FILE`, as Azure's parameter files have them."""
    pairs: dict[str, str] = {}
    in_files: dict[str, str] = {}
    for each in given:
        if each.startswith("@"):
            in_files |= _of_file(Path(each[1:]))
            continue
        name, separator, value = each.partition("=")
        if not separator or not name:
            raise InvalidInputError(f"--parameter: found {each!r}, expected NAME=VALUE or @FILE")
        pairs[name] = value
    return pairs, in_files


def _of_file(file: Path) -> dict[str, str]:
    """`{"parameters": {"name": {"value": …}}}`, or plainly names and values."""
    from emulator.model import arm

    try:
        found = arm.load_json(str(file), file.read_bytes())
    except OSError as error:
        raise InvalidInputError(f"--parameter: {file}: cannot be read: {error.strerror}") from None
    inner = found.get("parameters", found) if isinstance(found, dict) else None
    if not isinstance(inner, dict):
        raise InvalidInputError(f"--parameter: {file}: found something else, expected names and values")
    values = {str(name): each.get("value") if isinstance(each, dict) else each for name, each in inner.items()}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}


def running_one(control: str | None) -> "Control | None":
    """The emulator that runs already: a named one, the state folder's own, or a composed one; None for none."""
    from emulator.control import client, state

    home = state.home()
    named = control or os.environ.get("AIB_EMULATOR_CONTROL")
    here = named or (home.is_dir() and state.running(home)) or client.answers(client.PUBLISHED)
    return client.find(control) if here else None


def _delete(template: "ImageTemplate", control: str | None) -> None:
    """Delete what stays of a template's builds until the template goes: staging groups, and logs."""
    import shutil

    from emulator.app.remote_site import delete_template
    from emulator.build.staging import group_of
    from emulator.control import build_notes, state

    running = running_one(control)
    if running is not None:
        delete_template(running, template.id.text)
    stem = group_of(template, "").name
    own = template.staging_group is not None
    logs = [each for each in build_notes.folder_of(state.home()).glob("*") if each.is_dir()]
    ours = [each for each in logs if each.name == stem or (not own and each.name.startswith(stem))]
    for each in ours:
        shutil.rmtree(each)
    typer.echo(f"deleted {template.id.name}: {len(ours)} builds' logs", err=True)


def _over_another(order: "Order", running: "Control") -> "Result":
    """Build over an emulator of another process, which shows and keeps what is deployed."""
    from emulator.app.remote_site import site_of
    from emulator.cli.loop import run

    site = site_of(running, order.template)
    warn(site.doubts)
    with _Noted(order, running.url) as folder:
        return run(_carried_out(order, site, site.world, folder))


async def _carried_out(order: "Order", site: "Site", world: "World", folder: Path) -> "Result":
    from emulator.app.building import carried_out

    return await carried_out(order, site, world, folder)


def _over_its_own(
    order: "Order",
    *,
    config: Path | None,
    resources: list[Path] | None,
    time_scale: float | None,
    guest: str | None,
) -> "Result":
    """Start an emulator that plays what the template needs, build over it, and end it."""
    from emulator.app.config import load_config
    from emulator.cli.loop import run

    listen = None if config else "auto"
    chosen = load_config(config, {"time_scale": time_scale, "guest": guest, "listen": listen})
    paths = (*chosen.resources, *(resources or ()))
    chosen = chosen.model_copy(update={"template": order.template.id.text, "resources": paths})
    with _Noted(order, "") as folder:
        return run(_alone(order, chosen, folder))


async def _alone(order: "Order", config: "Config", folder: Path) -> "Result":
    import asyncio

    from emulator.app.building import ChannelSite, carried_out, fits
    from emulator.app.service import controlled
    from emulator.app.worlds import load_world
    from emulator.control import state

    switches = config.switch_values
    world = load_world(*config.resources, resources=order.template, wanted=config.wanted, switches=switches)
    fits(order.template, order.plan, world)  # before anything is started
    home = state.make(state.home())
    started = controlled(config, home, None, asyncio.Event(), resources=order.template)
    async with started as channel:
        return await carried_out(order, ChannelSite(channel), channel.world, folder)


class _Noted:
    """The build stands in the state folder while it is under way, so that the next command knows if it is killed."""

    def __init__(self, order: "Order", control: str) -> None:
        self._order = order
        self._control = control

    def __enter__(self) -> Path:
        from emulator.build.staging import group_of
        from emulator.control import build_notes, state

        self._home = state.make(state.home())
        order, group = self._order, group_of(self._order.template, self._order.guid)
        folder = build_notes.folder_of(self._home) / group.name
        note = build_notes.Note(order.guid, order.template.id.name, group.name, self._control, str(folder))
        build_notes.write(self._home, note)
        self._folder = folder
        return folder

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        from emulator.control import build_notes

        build_notes.remove(self._home, self._order.guid)
        if kind is KeyboardInterrupt and self._folder.is_dir():
            said = "Canceled: what was deployed is deleted, its group and log stay"
            typer.echo(f"{said}; the log is below {self._folder}", err=True)


def _tell(result: "Result", *, as_json: bool) -> None:
    if as_json:
        print_json(result.as_json())
        return
    last = result.last_run
    steps = f"{result.plan.customizers} customizers, {len(result.plan.validators)} validators"
    typer.echo(f"{last.state}: {result.plan.template.name}, {steps}")
    if result.failure is not None:
        typer.echo(f"  {result.failure}")
        for line in result.failure.output:
            typer.echo(f"  | {line}")
    for output in result.outputs():
        artifact = next(iter(output["properties"].values()))
        typer.echo(f"  run output {output['name']}: {artifact or '(no name of its own)'}")
    for line in _changes(result):
        typer.echo(f"  {line}")
    if result.image:
        typer.echo(f"  image {result.image}")
    typer.echo(f"  log: {result.log}")


def _changes(result: "Result") -> list[str]:
    if result.changes is None:
        return []
    more = len(result.changes) - SHOWN_CHANGES
    shown = [f"changed {each}" for each in result.changes[:SHOWN_CHANGES]]
    return [*shown, f"and {more} more files (--json has them all)"] if more > 0 else shown


def clear_leftovers() -> None:
    """Name the builds that were killed, and clear what is left of them: the first thing that any command does."""
    if "--help" in sys.argv or "-h" in sys.argv:
        return
    from emulator.control import build_notes, state

    try:
        home = state.home()
        left = list(build_notes.orphans(home)) if build_notes.folder_of(home).is_dir() else []
    except EmulatorError:
        return  # the command itself says what is wrong with the state folder
    for note in left:
        _clear(home, note)


def _clear(home: Path, note: "Note") -> None:
    from emulator.app.remote_site import end_build
    from emulator.control import build_notes, client

    what = f"the build of {note.template} (process {note.pid}) was killed"
    cleared = "its emulator ended with it, and nothing else is left"
    if note.control and client.answers(note.control):
        try:
            end_build(client.find(note.control), note.guid)
            cleared = f"what it had deployed in {note.group} is deleted now"
        except EmulatorError as error:
            cleared = f"nothing of it is in {note.group} any more: {error}"
    build_notes.remove(home, note.guid)
    typer.echo(f"note: {what}; {cleared}; its log is below {note.log}", err=True)
