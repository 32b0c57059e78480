"""The command line: one module for each group of commands; nothing heavy is imported before a command needs it."""

from typing import Annotated

import typer

from emulator import __version__
from emulator.cli import (
    build,
    check,
    demo,
    diagnose,
    doctor,
    events,
    execute,
    explain,
    fault,
    machine,
    running,
    scenario,
    serve,
    verify,
    world,
)
from emulator.cli.ending import Commands

app = typer.Typer(
    name="aib-emulator",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer's signature
    if wanted:
        typer.echo(f"aib-emulator {__version__}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[  # noqa: ARG001 - its callback has it
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """The Azure Image Builder command channel on one machine.

    Real SSH and WinRM through an emulated private endpoint, private link service, load balancer and proxy VM,
    under Azure's network security groups, with an explanation for every connection.
    """
    build.clear_leftovers()


app.command("demo")(demo.demo)
app.command("up")(running.up)
app.command("down")(running.down)
app.command("status")(running.status)
app.command("exec", context_settings={"ignore_unknown_options": True})(execute.execute)
app.add_typer(world.app, name="world")
app.command("machine")(machine.machine)
app.add_typer(fault.app, name="fault")
app.add_typer(scenario.app, name="scenario")
app.command("diagnose", context_settings={"ignore_unknown_options": True})(diagnose.diagnose)
app.command("events")(events.events)
app.command("build")(build.build)
app.command("check")(check.check)
app.command("explain")(explain.explain)
app.command("ip-flow")(verify.ip_flow)
app.command("effective-rules")(verify.effective_rules)
app.command("doctor")(doctor.doctor)
app.command("serve")(serve.serve)


def main() -> None:
    """Run the command line of this process."""
    app()
