"""A world out of settings: files of resources, what callers give beside them, and what Image Builder would deploy."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from emulator.app.given import Resources, apart, read
from emulator.errors import InvalidInputError
from emulator.model import arm
from emulator.model.arm import Loaded
from emulator.model.default_world import default_world
from emulator.model.image import ImageTemplate
from emulator.model.resources import Resource
from emulator.model.switches import Switches
from emulator.model.world import World
from emulator.rules import references
from emulator.rules.contradictions import deployable
from emulator.rules.deployment import Wanted, assembled


def load_files(paths: Iterable[Path], over: Iterable[Resource] = ()) -> Loaded:
    """The resources in files, and in every `*.json` of folders; a lone rule joins its group, also one of `over`.

    Raises:
        InvalidInputError: a file cannot be read or has findings; nothing is loaded then.
    """
    return arm.load([(str(file), arm.load_json(str(file), _content(file))) for file in _files(paths)], over)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        found = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not found:
            raise InvalidInputError(f"{path}: found no *.json in it, expected a folder of Azure JSON")
        yield from found


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InvalidInputError(f"{file}: cannot be read: {why}") from None


def with_template(file: Path, wanted: Wanted) -> tuple[tuple[Resource, ...], Wanted]:
    """The resources of an image template's file, and what is wanted with that template chosen.

    Raises:
        InvalidInputError: the file cannot be read, has findings, or has no image template, or several.
    """
    found = load_files((file,)).resources
    templates = [each for each in found if isinstance(each, ImageTemplate)]
    if len(templates) != 1:
        raise InvalidInputError(f"{file}: found {len(templates)} image templates, expected one")
    return found, replace(wanted, template=templates[0].id.text)


def load_world(
    *paths: Path | str,
    resources: Resources = (),
    wanted: Wanted = Wanted(),  # noqa: B008 - a frozen value
    switches: Switches | None = None,
) -> World:
    """A world of files and folders of Azure JSON, in any shape, with a channel in it; nothing is started.

    Args:
        paths: files and folders; without any, and without `resources`, the default world.
        resources: further files, or resources to be laid over those of all files.
        wanted: the topology, the image template and the subnet of the build, where the resources do not say them.
        switches: Azure's open questions, decided.

    Returns:
        The world; its `warnings` say what is odd about it.

    Raises:
        InvalidInputError: with one line for each finding: file, resource ID, field, found, allowed.
    """
    under = default_world(wanted.topology or "existing-vnet").resources
    further, lone = apart(resources)
    files = load_files((Path(path) for path in (*paths, *further)), under)
    more = read(lone, (*under, *files.resources))
    world = deployable(assembled((*files.resources, *more.resources), wanted, switches))
    return replace(world, warnings=(*files.warnings, *more.warnings, *world.warnings, *references.dangling(world)))
