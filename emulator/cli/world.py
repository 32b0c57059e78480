"""`world`: show and change the world that is played."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from emulator.cli.options import ControlUrl, Json, print_json
from emulator.errors import InvalidInputError

app = typer.Typer(help="Show or change the running world.", no_args_is_help=True, rich_markup_mode=None)
STDIN = "-"


@app.command()
def show(*, control: ControlUrl = None, as_json: Json = True) -> None:  # noqa: ARG001 - it always is JSON
    """Print the running world's resources in REST shape."""
    from emulator.control.client import find

    print_json(find(control).world())


@app.command("apply")
def apply_files(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="Azure JSON; - for standard input.")],
    *,
    control: ControlUrl = None,
    as_json: Json = False,
) -> None:
    """Lay resources over the running world, live; nothing changes when anything is wrong.

    A security group replaces whole the one with its ID. Open connections go on; new ones meet the new rules.
    """
    from emulator.control.client import find

    documents = _read(files)
    running = find(control)
    resources = _with_wholes(documents, running.world())
    answer = running.apply(resources)
    if as_json:
        print_json(answer)
    else:
        typer.echo(f"applied {', '.join(each['name'] for each in resources)}", err=True)


@app.command()
def reset(*, control: ControlUrl = None, as_json: Json = False) -> None:
    """Play the world it started with again."""
    from emulator.control.client import find

    answer = find(control).reset()
    if as_json:
        print_json(answer)
    else:
        typer.echo("the world is the one it started with", err=True)


def _read(names: list[str]) -> list[tuple[str, object]]:
    """The documents in files, checked here so that findings name the file.

    Raises:
        InvalidInputError: a file cannot be read or has findings.
    """
    from emulator.model import arm

    documents = [(_title(name), arm.load_json(_title(name), _bytes(name))) for name in names]
    arm.load(documents)
    return documents


def _with_wholes(documents: list[tuple[str, object]], running: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The resources of documents; a rule, route or subnet alone comes with its running whole."""
    from emulator.model import arm
    from emulator.model.arm.documents import part_of
    from emulator.model.resources import Other

    loaded = arm.load(documents, arm.load([("the running world", running)]).resources)
    for resource in loaded.resources:
        if isinstance(resource, Other) and part_of(resource.id):
            whole = resource.id.parent
            raise InvalidInputError(f"{resource.id}: found a part alone, expected {whole} in the running world")
    for warning in loaded.warnings:
        typer.echo(f"warning: {warning}", err=True)
    return [arm.dump(resource) for resource in loaded.resources]


def _title(name: str) -> str:
    return "standard input" if name == STDIN else name


def _bytes(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
    except OSError as error:
        raise InvalidInputError(f"{name}: cannot be read: {error.strerror}") from None
