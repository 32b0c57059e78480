"""`demo`: the whole channel in a few seconds: it carries, it breaks twice, and says why each time."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.cli.options import Guest
from emulator.errors import InvalidInputError

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 100
"""Columns of the picture."""
SETTINGS = {"topology": "existing-vnet", "listen": "auto", "time_scale": 10.0}
"""The proxy gives up after Azure's 30 s; ten of ours pass in one of the watcher's."""


def demo(
    *,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Write what was shown as a picture.")] = None,
    guest: Guest = None,
) -> None:
    """Show the channel carry commands, break at each segment, and explain itself; exits 1 where it did not."""
    from rich.console import Console

    from emulator.app.config import load_config
    from emulator.cli import story
    from emulator.cli.loop import run

    config = load_config(None, {**SETTINGS, "guest": guest})
    if svg is not None and not svg.parent.is_dir():
        raise InvalidInputError(f"--svg: {svg}: its folder does not exist")
    out = Console(record=svg is not None, width=WIDTH if svg else None, highlight=False)
    run(story.told(out, Console(stderr=True), config))
    if svg is not None:
        _save(out, svg)


def _save(out: "Console", file: Path) -> None:
    import re

    from rich._export_format import CONSOLE_SVG_FORMAT

    # Fonts are the viewer's: a picture in a README must not load anything.
    plain = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    try:
        out.save_svg(str(file), title="aib-emulator demo", code_format=plain)
    except OSError as error:
        raise InvalidInputError(f"--svg: {file}: cannot be written: {error.strerror}") from None
