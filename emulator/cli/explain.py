"""`explain`: the path of a flow, leg by leg, with the verdict, the rule and the resource; nothing is started."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emulator.cli.ending import FAILED
from emulator.cli.offline import Resources, world_of
from emulator.cli.options import ConfigFile, Json, Topology, print_json

if TYPE_CHECKING:
    from emulator.model.world import World
    from emulator.rules.ends import End
    from emulator.rules.legs import Path

    Traced = tuple[str, End, Path]


def explain(
    *,
    config: ConfigFile = None,
    resources: Resources = None,
    source: Annotated[
        str, typer.Option("--from", metavar="NAME", help="A hop, a machine, an address, or internet.")
    ] = "client",
    target: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="NAME:PORT",
            help="The same with a port (of a machine 22 or 5986 without); by default each build VM's path.",
        ),
    ] = None,
    topology: Topology = None,
    as_json: Json = False,
) -> None:
    """Explain the path of a flow, leg by leg: verdict, rule, resource; exits 1 where it does not arrive.

    Services are taken to run, and probes to succeed where the security groups let them. --json has the shape of
    Azure's connection troubleshoot, each leg's verdict and reason beside it.
    """
    world = world_of(config, resources, topology=topology, optional=target is not None)
    asked = list(_traced(world, source, target))
    ports = [_ports(world, source, name) for name, _, _ in asked]
    traced = [(_label(name, path), start, path) for name, start, path in asked]
    if as_json:
        _print(world, traced, ports, single=target is not None)
    else:
        _draw(world, traced, ports)
    if not all(path.carried and _is_meant(name, path) for name, _, path in asked):
        raise typer.Exit(FAILED)


def _reached(path: "Path") -> str:
    """The build VM that a path over the channel ends at; empty where it is none, or does not arrive."""
    from emulator.rules.path import ChannelPath

    return path.reached.hop if isinstance(path, ChannelPath) and path.reached else ""


def _is_meant(name: str, path: "Path") -> bool:
    """Whether a path over the channel ends at the build VM that was asked for; a rule may lead to the other one."""
    return _reached(path) in ("", name)


def _label(name: str, path: "Path") -> str:
    """The name of a path: of where it ends."""
    return name if _is_meant(name, path) else f"{_reached(path)}, dialled as {name}"


def _traced(world: "World", source: str, target: str | None) -> "Iterator[Traced]":
    """The path to the target; without one, the channel's to each build VM."""
    from emulator.app import questions
    from emulator.rules.ends import end_of

    if target is None:
        yield from questions.channel_paths(world, source)
    else:
        yield target, end_of(world, source), questions.explain(world, source, target)


def _ports(world: "World", source: str, target: str) -> list[str]:
    """How a flow ends by its source port, where that makes a difference: a sentence each."""
    from emulator.app import questions

    found = questions.explain_ports(world, source, target)
    return [str(each) for each in found] if len(found) > 1 else []


def _print(world: "World", traced: "list[Traced]", ports: list[list[str]], *, single: bool) -> None:
    from emulator.rules.network_watcher import connectivity

    probes = list(_probes(world))
    found = [
        {"name": name, **connectivity(source, path), "probes": probes, "sourcePorts": said}
        for (name, source, path), said in zip(traced, ports, strict=True)
    ]
    print_json(found[0] if single else {"value": found})


def _probes(world: "World") -> Iterator[dict[str, Any]]:
    from emulator.rules.condition import Condition, probe_answer

    for probe in world.balancer.probes if world.balancer else ():
        for proxy in world.proxies:
            verdict = probe_answer(world, Condition(), proxy, probe)
            said = {"outcome": verdict.outcome.value, "sentence": verdict.sentence}
            yield {"probe": probe.id.text, "backend": proxy.hop, **said}


def _draw(world: "World", traced: "list[Traced]", ports: list[list[str]]) -> None:
    from emulator.cli import traces
    from emulator.cli.show import console
    from emulator.rules.path import ChannelPath

    out = console()
    for (name, source, path), said in zip(traced, ports, strict=True):
        for line in (*traces.trace(name, source, path), *said):
            out.print(line, soft_wrap=True)
        out.print()
    for each in _probes(world) if any(isinstance(path, ChannelPath) for _, _, path in traced) else ():
        out.print(traces.probe(each["outcome"], each["sentence"]), soft_wrap=True)
