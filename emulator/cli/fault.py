"""`fault`: what goes wrong on the running channel, added and removed live."""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import typer

from emulator.cli.options import ControlUrl, Json, print_json

app = typer.Typer(help="Add, list and remove faults on the running channel, live.", no_args_is_help=True)


@app.command("add")
def add(
    kind: Annotated[str, typer.Argument(help="As delay, reset or loss; `fault kinds` lists them.")],
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="The kind's settings, as seconds=0.2 jitter=0.05."),
    ] = None,
    *,
    hop: Annotated[
        str | None,
        typer.Option(
            help="load-balancer, proxy, build-linux or build-windows, as `status` names them; proxy by default, or "
            "the build VM that the kind is for."
        ),
    ] = None,
    direction: Annotated[str, typer.Option(help="from-client, to-client or both.")] = "both",
    at: Annotated[
        str,
        typer.Option(
            help="From when on in a connection's life: connect, banner, handshake, login, bytes:N, seconds:S or "
            "pattern:TEXT."
        ),
    ] = "connect",
    share: Annotated[float, typer.Option(help="Of connections, from 0 to 1, drawn from the seed.")] = 1.0,
    nth: Annotated[int, typer.Option(help="Only the connection of this number, counted from now on; 0 is any.")] = 0,
    lasts: Annotated[
        float, typer.Option("--for", help="Emulated seconds it acts on a connection; 0 is until it is removed.")
    ] = 0.0,
    seed: Annotated[int | None, typer.Option(help="The draws hang on it; by default any, and printed.")] = None,
    name: Annotated[str | None, typer.Option(help="Its name; by default its kind's.")] = None,
    control: ControlUrl = None,
    as_json: Json = False,
) -> None:
    """Add a fault: connections that are open have it too, but for the bytes in flight."""
    from emulator.control.client import find

    values: dict[str, Any] = {"kind": kind, "direction": direction, "at": at, "share": share}
    values |= {"nth": nth, "for": lasts}
    values |= {key: value for key, value in (("hop", hop), ("seed", seed), ("name", name)) if value is not None}
    values |= _pairs(settings or ())
    added = find(control).add_fault(values)
    if as_json:
        print_json(added)
    else:
        typer.echo(f"added {line_of(added)}")


@app.command("list")
def list_faults(*, control: ControlUrl = None, as_json: Json = False) -> None:
    """List the running faults."""
    from emulator.control.client import find

    found = find(control).faults()
    if as_json:
        print_json(found)
        return
    for each in found:
        typer.echo(line_of(each))
    if not found:
        typer.echo("no fault is set")


@app.command("remove")
def remove(
    name: Annotated[str, typer.Argument(help="As `fault list` names it.")], *, control: ControlUrl = None
) -> None:
    """Remove a fault: what waited for it goes on at once."""
    from emulator.control.client import find

    left = find(control).remove_fault(name)
    typer.echo(f"removed {name}; {len(left)} left")


@app.command("clear")
def clear(*, control: ControlUrl = None) -> None:
    """Remove every fault."""
    from emulator.control.client import find

    find(control).clear_faults()
    typer.echo("no fault is set any more")


@app.command("kinds")
def kinds(*, as_json: Json = False) -> None:
    """List the kinds of faults, what they do, and their settings."""
    from emulator.rules.faults.catalog import ALL

    if as_json:
        print_json(
            {
                name: {"does": kind.__doc__, "loses": kind.loses, "settings": list(_settings(kind))}
                for name, kind in ALL.items()
            }
        )
        return
    for name, kind in ALL.items():
        typer.echo(f"{name}\n    {kind.__doc__}{' Bytes may be lost or changed.' if kind.loses else ''}")
        for setting in _settings(kind):
            typer.echo(f"    {setting}")


def line_of(values: dict[str, Any]) -> str:
    """A fault on one line."""
    from emulator.rules.faults.reading import COMMON

    own = "".join(f" {key}={_short(value)}" for key, value in values.items() if key not in COMMON)
    when = f"{values['direction']}, from {values['at']} on"
    when += f", {values['share']:.0%} of connections" if values["share"] < 1 else ""
    when += f", connection {values['nth']} only" if values["nth"] else ""
    when += f", for {values['for']:g} s" if values["for"] else ""
    return f"{values['name']}: {values['kind']}{own} at {values['hop']} ({when}, seed {values['seed']})"


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _pairs(settings: Iterable[str]) -> dict[str, str]:
    from emulator.errors import InvalidInputError
    from emulator.rules.faults.reading import COMMON

    found: dict[str, str] = {}
    for each in settings:
        key, equals, value = each.partition("=")
        if not equals:
            raise InvalidInputError(f"KEY=VALUE: found {each!r}, expected a setting of the kind, as seconds=0.2")
        if key in COMMON or key in found:
            allowed = "a setting of the kind, once; what all kinds have is given by options"
            raise InvalidInputError(f"KEY=VALUE: found {each!r}, expected {allowed}")
        found[key] = value
    return found


def _settings(kind: Any) -> Iterator[str]:
    for each in dataclasses.fields(kind):
        limits = each.metadata
        if "pattern" in limits:
            yield f"{each.name}: {each.default} by default"
            continue
        words = " or ".join(limits["names"]) if "names" in limits else f"{limits['least']:g} to {limits['most']:g}"
        given = "" if each.default is dataclasses.MISSING else f", {each.default} by default"
        yield f"{each.name}: {words}{given}"
