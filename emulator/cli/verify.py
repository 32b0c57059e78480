"""`ip-flow` and `effective-rules`: what Network Watcher and `az network nic` answer, offline."""

from typing import Annotated, Any

import typer

from emulator.cli.ending import FAILED
from emulator.cli.offline import Resources, world_of
from emulator.cli.options import ConfigFile, Json, Topology, print_json

Machine = Annotated[
    str | None,
    typer.Option("--vm", metavar="NAME", help="A machine, by its name, its ID or the hop it plays; first the proxy."),
]


def ip_flow(
    *,
    direction: Annotated[str, typer.Option(metavar="D", help="inbound or outbound.")],
    local: Annotated[str, typer.Option(metavar="IP:PORT", help="The machine's own end; outbound its port may be *.")],
    remote: Annotated[str, typer.Option(metavar="IP:PORT", help="The other end; inbound its port may be *.")],
    protocol: Annotated[str, typer.Option(metavar="P", help="TCP or UDP.")] = "TCP",
    vm: Machine = None,
    config: ConfigFile = None,
    resources: Resources = None,
    topology: Topology = None,
    as_json: Json = False,
) -> None:
    """IP flow verify: whether the security rules at a machine allow a packet, and which rule says so.

    It asks rules alone, not routes or services, as Azure's does; exits 1 for Deny.
    """
    from emulator.app import questions
    from emulator.rules import network_watcher

    world = world_of(config, resources, topology=topology, optional=True)
    answer = questions.ip_flow(world, vm, direction=direction, local=local, remote=remote, protocol=protocol)
    if as_json:
        print_json(network_watcher.ip_flow(answer))
    else:
        typer.echo(f"{answer.access}  {answer.rule_name or 'no rule'}\n{answer.verdict.sentence}")
    if answer.access == "Deny":
        raise typer.Exit(FAILED)


def effective_rules(
    *,
    vm: Machine = None,
    config: ConfigFile = None,
    resources: Resources = None,
    topology: Topology = None,
    as_json: Json = False,
) -> None:
    """Print the rules and routes that apply to a machine's network interface, in Azure's shape with --json."""
    from emulator.app import questions

    found = questions.effective_rules(world_of(config, resources, topology=topology, optional=True), vm)
    if as_json:
        print_json(found)
    else:
        _draw(found)


def _draw(found: dict[str, Any]) -> None:
    from rich.text import Text

    from emulator.cli import traces
    from emulator.cli.show import console

    out = console()
    for line in traces.effective(found):
        out.print(line, soft_wrap=isinstance(line, Text))
