"""How a command ends: our errors become a message and an exit code, never a traceback."""

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from emulator.errors import EmulatorError, InvalidInputError, UnavailableError

FAILED = 1
USAGE = 2
INTERRUPTED = 130
READER_GONE = 141
"""What a shell shows for a program that a closed pipe ended."""


class Commands(TyperGroup):
    """The commands; whatever goes wrong in one is said in a sentence."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for.

        Raises:
            typer.Exit: with the code of design section 5.
        """
        try:
            return super().invoke(ctx)
        except EmulatorError as error:
            complain(error)
            raise typer.Exit(code_of(error)) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # Whoever read our output has left; Python would complain once more when it flushes at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(READER_GONE) from None


def complain(error: EmulatorError) -> None:
    """Say on standard error what went wrong, each finding on a line."""
    for line in str(error).splitlines():
        typer.echo(f"error: {line}", err=True)


def code_of(error: EmulatorError) -> int:
    """2 for what the user or the machine must change first, 1 for what was tried and failed."""
    return USAGE if isinstance(error, (InvalidInputError, UnavailableError)) else FAILED
