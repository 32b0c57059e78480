"""A progress bar for long measurements, on a terminal's standard error."""

from types import TracebackType
from typing import Self


class Progress:
    """So many steps of something; silent where nobody watches."""

    def __init__(self, what: str, steps: int) -> None:
        from rich.console import Console
        from rich.progress import Progress as Bar

        console = Console(stderr=True)
        self._bar = Bar(console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task(what, total=steps)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def step(self) -> None:
        """One is done."""
        self._bar.advance(self._task)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
