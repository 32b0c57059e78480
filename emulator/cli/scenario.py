"""`scenario`: the failures that people lost days to, found by an error text, shown and run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emulator.cli import matrix
from emulator.cli.ending import FAILED
from emulator.cli.options import Json, print_json
from emulator.errors import InvalidInputError

if TYPE_CHECKING:
    from emulator.scenarios.scenario import Scenario
    from emulator.scenarios.search import Candidate

app = typer.Typer(
    help="List, show and run the catalogue of failures; find out what clients report of each end.",
    no_args_is_help=True,
)
Folder = Annotated[
    Path | None, typer.Option("--from", metavar="FOLDER", help="Scenarios of your own, a *.yaml each, in its place.")
]
Name = Annotated[str, typer.Argument(help="As `scenario list` names it.")]


@app.command("list")
def list_scenarios(
    text: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TEXT]...", help="An error text, or words of it: the likeliest come first."),
    ] = None,
    *,
    hop: Annotated[
        str | None, typer.Option(help="Only those whose first component at fault is this hop, as proxy or client.")
    ] = None,
    symptom: Annotated[
        str | None, typer.Option(help="Only those in which a client sees this: silent, refused, mute, closed, ….")
    ] = None,
    search: Annotated[str | None, typer.Option(metavar="TEXT", help="The same as an option.")] = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """List the scenarios: by hop, by symptom, or ranked by what is like an error text."""
    from emulator.scenarios import search as searching

    chosen = [each for each in _all(folder) if _is_wanted(each, hop, symptom)]
    wanted = " ".join(filter(None, [*(text or ()), search]))
    if wanted:
        candidates = searching.ranked(chosen, wanted)
    else:
        candidates = [searching.Candidate(each, 0.0, "") for each in chosen]
    if as_json:
        print_json([_listed(each, ranked=bool(wanted)) for each in candidates])
        return
    for each in candidates:
        _print_candidate(each)
    if not candidates:
        typer.echo("no scenario is like that")


def _all(folder: Path | None) -> "tuple[Scenario, ...]":
    from emulator.scenarios.reading import CATALOGUE, catalogue
    from emulator.scenarios.scenario import HOPS

    found = catalogue(folder or CATALOGUE)
    return tuple(sorted(found, key=lambda each: (HOPS.index(each.hop), each.name)))


def _is_wanted(scenario: "Scenario", hop: str | None, symptom: str | None) -> bool:
    from emulator.scenarios.scenario import HOPS
    from emulator.scenarios.step import SYMPTOMS

    for option, value, allowed in (("--hop", hop, HOPS), ("--symptom", symptom, tuple(SYMPTOMS))):
        if value is not None and value not in allowed:
            raise InvalidInputError(f"{option}: found {value!r}, expected one of {', '.join(allowed)}")
    return hop in (None, scenario.hop) and symptom in (None, scenario.symptom)


def _listed(candidate: "Candidate", *, ranked: bool) -> dict[str, Any]:
    scenario = candidate.scenario
    values = {key: getattr(scenario, key) for key in ("name", "title", "hop", "symptom", "texts", "references")}
    return {**values, "score": round(candidate.score, 1), "like": candidate.text} if ranked else values


def _print_candidate(candidate: "Candidate") -> None:
    scenario = candidate.scenario
    typer.echo(f"{scenario.name}  ({scenario.hop}, {scenario.symptom})")
    typer.echo(f"    {scenario.title}")
    if candidate.text:
        typer.echo(f"    | {candidate.text}")


@app.command("show")
def show(name: Name, *, folder: Folder = None, as_json: Json = False) -> None:
    """Show a scenario: what goes wrong, where, what clients see, what mends it, who reported it."""
    from emulator.cli import playbill

    scenario = _named(name, folder)
    if as_json:
        print_json({"name": scenario.name, **scenario.model_dump(mode="json", by_alias=True, exclude_unset=True)})
        return
    for line in playbill.described(scenario):
        typer.echo(line)


def _named(name: str, folder: Path | None) -> "Scenario":
    from emulator.scenarios.reading import CATALOGUE, named

    return named(name, folder or CATALOGUE)


@app.command("schema")
def schema() -> None:
    """Print the JSON schema of a scenario's file."""
    from emulator.scenarios import reading

    print_json(reading.schema())


@app.command("run")
def run_scenario(
    name: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="As `scenario list` names it; or several.")
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    at_once: Annotated[int, typer.Option(metavar="N", min=1, help="Of several, play so many at once.")] = 4,
    repeat: Annotated[int, typer.Option(metavar="N", min=1, help="Play each so often, one round after another.")] = 1,
    hold: Annotated[
        bool, typer.Option("--hold", help="Start and break it, and keep it so for a client of yours until Ctrl-C.")
    ] = False,
    time_scale: Annotated[
        float | None, typer.Option(metavar="N", help="Emulated seconds that pass in a real one.")
    ] = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Run a scenario in a world of its own: what its client sees beside what happened, hop by hop.

    Of several, or of several rounds, each play is a line. Exits 1 when a client sees something else than its scenario
    says, or evidence lacks.
    """
    chosen = _chosen(name or [], folder, every=every)
    if hold and (len(chosen) > 1 or repeat > 1):
        raise InvalidInputError("--hold: found several plays, expected one scenario to be held")
    if hold:
        from emulator.cli import holding
        from emulator.cli.loop import run

        run(holding.held(chosen[0], time_scale, as_json=as_json))
        return
    from emulator.cli import plays

    if len(chosen) == 1 and repeat == 1:
        well = plays.one(chosen[0], time_scale, as_json=as_json)
    else:
        well = plays.several(chosen, time_scale, at_once=at_once, repeat=repeat, as_json=as_json)
    if not well:
        raise typer.Exit(FAILED)


def _chosen(names: list[str], folder: Path | None, *, every: bool) -> "list[Scenario]":
    if bool(names) == every:
        found = "both" if names else "neither"
        raise InvalidInputError(f"NAME: found {found} of names and --all, expected names of scenarios, or --all")
    return list(_all(folder)) if every else [_named(each, folder) for each in names]


app.command("matrix")(matrix.matrix)
