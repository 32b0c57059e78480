"""Plots are SVG that an XML parser reads, with a bar for each figure of a group."""

from pathlib import Path
from xml.etree import ElementTree as ET

from bench.figures import Figure
from bench.plots import drawn, write

SVG = "{http://www.w3.org/2000/svg}"
GROUP = "two hops: ping & pong"
FIGURES = (
    Figure("a", "µs", (1.0, 2.0, 4.0), group=GROUP, label="emulator"),
    Figure("b", "µs", (3.0, 3.0, 3.0), group=GROUP, label="<nginx>"),
    Figure("c", "GB", (9.0,), group="memory", label="RSS", higher=True),
)


def test_bars_are_as_long_as_their_medians() -> None:
    """A median of two is two thirds of one of three, and the largest round of a group fits in its width."""
    root = ET.fromstring(drawn(FIGURES))
    _, ours, nginx, _ = root.iter(f"{SVG}rect")

    assert float(ours.attrib["width"]) * 3 == float(nginx.attrib["width"]) * 2
    assert max(float(line.attrib["x2"]) for line in root.iter(f"{SVG}line")) < 900


def test_groups_say_what_they_show_and_which_way_is_better() -> None:
    """Titles, units and labels are there, whatever characters they have."""
    words = [each.text for each in ET.fromstring(drawn(FIGURES)).iter(f"{SVG}text")]

    assert {GROUP, "<nginx>", "µs, less is better", "GB, more is better"} <= set(words)


def test_a_question_without_groups_is_not_drawn(tmp_path: Path) -> None:
    """There is no empty picture."""
    assert write(tmp_path / "plots", "start", [Figure("a", "s", (1.0,))]) is None
    assert not (tmp_path / "plots").exists()
    assert write(tmp_path / "plots", "paths", FIGURES) == tmp_path / "plots" / "paths.svg"
