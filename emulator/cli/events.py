"""`events`: what the running emulator observed."""

from typing import Annotated

import typer

from emulator.cli.options import ControlUrl, Json, print_line


def events(
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the emulator stops.")] = False,
    text: Annotated[bool, typer.Option("--text", help="Sentences for a person in place of JSON.")] = False,
    control: ControlUrl = None,
    as_json: Json = False,
) -> None:
    """Print observations, and the records of connections and dropped attempts, as JSON lines."""
    from emulator.control.client import find

    for event in find(control).events(follow=follow):
        if text and not as_json:
            print(f"{event['time']}  {event['sentence']}", flush=True)
        else:
            print_line(event)
