"""`machine`: the states of the proxy and the build VMs, shown and set live."""

from typing import Annotated

import typer

from emulator.cli.options import ControlUrl, Json, print_json


def machine(
    hop: Annotated[str | None, typer.Argument(help="A machine: proxy, build-linux, build-windows.")] = None,
    state: Annotated[
        str | None,
        typer.Argument(help="running, service-stopped, guest-firewall, rebooting or deallocated."),
    ] = None,
    *,
    control: ControlUrl = None,
    as_json: Json = False,
) -> None:
    """Show the machines' states, or bring one into another, live.

    service-stopped: its service ends, and its machine answers RST. guest-firewall: new connections meet silence, open
    ones go on. rebooting: open connections are never heard of again; new ones meet silence, then RST, then it runs.
    deallocated: likewise, and it stays so.
    """
    from emulator.control.client import find
    from emulator.errors import InvalidInputError

    running = find(control)
    if hop is not None and state is None:
        raise InvalidInputError(f"STATE: found nothing after {hop}, expected a state; `machine --help` names them")
    states = running.set_machine(hop, state) if hop and state else running.machines()
    if as_json:
        print_json(states)
        return
    for name, now in states.items():
        typer.echo(f"{name:<16}{now}")
