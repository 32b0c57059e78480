"""The README's table of scenarios."""

from pathlib import Path

from emulator.scenarios.reading import catalogue
from emulator.scenarios.table import BEGIN, END, clients_of, rows, within
from tests.scenarios.files import scenario

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_has_the_table() -> None:
    """It is the one that the catalogue makes; `python -m tests.scenarios.test_table` writes it."""
    text = README.read_text("utf-8")

    assert text == within(text, catalogue())


def test_a_row_has_all_that_people_choose_by(tmp_path: Path) -> None:
    """Name, title, hop, symptom and the clients that are driven; a bar in a title does not end its cell."""
    steps = [{"ssh": {"sees": {"outcome": "works"}}}, {"tcp": {"sees": {"outcome": "refused"}}}]
    found = scenario(tmp_path, title="a | b", script=steps)

    assert rows([found])[-1] == "| `gone` | a \\| b | proxy | refused | tcp, ssh |"
    assert clients_of(found) == ["tcp", "ssh"]


def test_rows_are_in_the_order_of_the_hops(tmp_path: Path) -> None:
    """As a connection meets them, then by name; what stands around the table stays."""
    names = (("b", "proxy"), ("a", "proxy"), ("c", "client"))
    found = [scenario(tmp_path, name, hop=hop) for name, hop in names]
    text = within(f"before {BEGIN} old {END} after", found)

    assert [line[3] for line in rows(found)[2:]] == ["c", "a", "b"]
    assert text.startswith("before ")
    assert text.endswith(" after")
    assert "old" not in text


if __name__ == "__main__":
    README.write_text(within(README.read_text("utf-8"), catalogue()), "utf-8")
