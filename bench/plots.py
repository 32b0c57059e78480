"""Results as SVG: a group of bars for each measurement, the median with the spread of its rounds."""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby
from pathlib import Path

from bench.figures import Figure

WIDTH, LABELS, VALUES = 900, 260, 150
"""Pixels: of all, of the labels left of the bars, of the values right of them."""
LINE, HEAD, GAP = 22, 26, 14
"""Pixels: a bar with its space, a group's title, the space below a group."""
OURS, OTHER, SPREAD = "#0067b8", "#9aa5b1", "#24292f"
HEADER = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
    'font-family="system-ui, sans-serif" font-size="13" role="img"><rect width="100%" height="100%" fill="white"/>'
)


def write(folder: Path, question: str, figures: Iterable[Figure]) -> Path | None:
    """A file of a question's groups in a folder; None where it has none."""
    shown = [each for each in figures if each.group]
    if not shown:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{question}.svg"
    file.write_text(drawn(shown), "utf-8")
    return file


def drawn(figures: Sequence[Figure]) -> str:
    """An SVG of the groups of figures, in their order."""
    groups = [(name, tuple(members)) for name, members in groupby(figures, lambda each: each.group)]
    body: list[str] = []
    top = GAP
    for name, members in groups:
        body += _group(name, members, top)
        top += HEAD + LINE * len(members) + GAP
    return "\n".join((HEADER.format(width=WIDTH, height=top), *body, "</svg>")) + "\n"


def _group(name: str, figures: Sequence[Figure], top: int) -> Iterable[str]:
    better = "more is better" if figures[0].higher else "less is better"
    yield f'<text x="10" y="{top + 14}" font-weight="600">{escape(name)}</text>'
    yield (
        f'<text x="{WIDTH - 10}" y="{top + 14}" text-anchor="end" fill="#57606a">'
        f"{escape(figures[0].unit)}, {better}</text>"
    )
    most = max(max(each.rounds) for each in figures) or 1.0
    for number, figure in enumerate(figures):
        yield from _bar(figure, top + HEAD + LINE * number, (WIDTH - LABELS - VALUES) / most)


def _bar(figure: Figure, top: int, scale: float) -> Iterable[str]:
    """A bar of the median, and a line from the least round to the greatest."""
    low, high, middle = min(figure.rounds) * scale, max(figure.rounds) * scale, top + (LINE - 6) / 2
    color = OURS if figure.label.startswith(("emulator", "through", "RSS", "ping")) else OTHER
    yield f'<text x="{LABELS - 8}" y="{middle + 4:.1f}" text-anchor="end">{escape(figure.label)}</text>'
    yield (
        f'<rect x="{LABELS}" y="{top}" width="{max(figure.median * scale, 0.5):.1f}" height="{LINE - 6}" '
        f'fill="{color}"/>'
    )
    yield (
        f'<line x1="{LABELS + low:.1f}" x2="{LABELS + high:.1f}" y1="{middle:.1f}" y2="{middle:.1f}" '
        f'stroke="{SPREAD}"/>'
    )
    yield f'<text x="{LABELS + high + 8:.1f}" y="{middle + 4:.1f}">{figure.median:.3g}</text>'
