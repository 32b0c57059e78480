"""The close-reason matrix: which cells there are, and how they are written down."""

import re
from collections import Counter
from pathlib import Path

import pytest

from emulator.errors import InvalidInputError
from emulator.model.world import System
from emulator.scenarios.matrix import ENDS, Cell, End, Report, cells, markdown
from emulator.scenarios.tools import TOOLS

DOCUMENT = Path(__file__).parents[2] / "docs" / "close-reasons.md"
CLIENTS: dict[str, System] = {"openssh": "linux", "pywinrm": "windows"}


def report(hop: str = "proxy", end: End = "fin", **changes: object) -> Report:
    """What OpenSSH says of an end."""
    values = {"version": "9.2p1", "said": "closed", "ends": "exit code 255", "seconds": 0.1, **changes}
    return Report(Cell(end, hop, "openssh", "linux"), **values)  # type: ignore[arg-type]


def rows(text: str) -> list[list[str]]:
    """The cells of a document's rows, with the end that its table is about."""
    found, title = [], ""
    for line in text.splitlines():
        title = line.removeprefix("## ") if line.startswith("## ") else title
        if line.startswith("| ") and not line.startswith(("| ---", "| client")):
            found.append([title, *(each.strip() for each in line.strip("|").split(" | "))])
    return found


def test_each_client_meets_each_end_at_each_hop_of_its_way() -> None:
    """Three ends at three hops for both, and the withheld exit status at Linux; what waits comes first."""
    found = cells(CLIENTS)

    assert len(found) == 2 * 3 * 3 + 1
    assert {each.hop for each in found if each.client == "pywinrm"} == {"load-balancer", "proxy", "build-windows"}
    assert [str(each) for each in found if each.end == "no-exit-status"] == ["openssh, no-exit-status at build-linux"]
    assert {each.end for each in found[:6]} == {"silent-drop"}


def test_a_part_can_be_asked_for() -> None:
    """Clients, hops and ends narrow it."""
    found = cells(CLIENTS, names=["openssh"], hops=["proxy", "build-linux"], ends=["fin", "no-exit-status"])

    assert sorted(map(str, found)) == [
        "openssh, fin at build-linux",
        "openssh, fin at proxy",
        "openssh, no-exit-status at build-linux",
    ]


def test_what_is_wrong_is_named_with_what_is_right() -> None:
    """Every name that is none, each on a line; and a part that is empty."""
    with pytest.raises(InvalidInputError) as caught:
        cells(CLIENTS, names=["curl"], hops=["gateway"], ends=["rst"])
    assert str(caught.value).splitlines() == [
        "--client: found 'curl', expected one of openssh, pywinrm",
        "--hop: found 'gateway', expected one of load-balancer, proxy, build-linux, build-windows",
        "--end: found 'rst', expected one of fin, reset, silent-drop, no-exit-status",
    ]
    with pytest.raises(InvalidInputError, match="no client of these meets such an end there"):
        cells(CLIENTS, names=["pywinrm"], ends=["no-exit-status"])


def test_hops_at_which_a_client_reports_the_same_share_a_row() -> None:
    """With the least and the most seconds; another report has a row of its own."""
    found = [report("load-balancer"), report(seconds=0.31), report("build-linux", said="a | `b`")]
    text = markdown(found, date="2026-01-02", machine="Linux")

    assert rows(text) == [
        [ENDS["fin"].title, "openssh", "9.2p1", "load-balancer, proxy", "`closed`", "exit code 255", "0.1–0.3 s"],
        [ENDS["fin"].title, "openssh", "9.2p1", "build-linux", "`a ¦ 'b'`", "exit code 255", "0.1 s"],
    ]
    assert "Found on 2026-01-02, Linux." in text


def test_what_lacks_is_told() -> None:
    """Clients that are missing, cells that were not played, and what was approximated."""
    found = [report(end="silent-drop", approximated=True)]
    text = markdown(found, date="", machine="", missing=["packer is not on this machine"], left=3)

    assert "Missing: packer is not on this machine.\n" in text
    assert "Not played: 3 cells" in text
    assert "`closed` ≈" in text
    assert "≈: without socket filters" in text


def test_the_document_has_every_cell_once() -> None:
    """Beside the README: dated, every client with its version, none that never began, none left out."""
    text = DOCUMENT.read_text("utf-8")
    titles = {played.title: end for end, played in ENDS.items()}
    found = Counter(
        (titles[title], hop, client) for title, client, _, hops, *_ in rows(text) for hop in hops.split(", ")
    )
    missing = re.findall(r"^Missing: (\S+) ", text, re.MULTILINE)
    systems = {name: tool.system for name, tool in TOOLS.items() if name not in missing}

    assert re.search(r"^Found on \d{4}-\d\d-\d\d, ", text, re.MULTILINE)
    assert found == Counter((each.end, each.hop, each.client) for each in cells(systems))
    assert all(re.fullmatch(r"\d+(\.\d+)+(p\d+)?", version) for _, _, version, *_ in rows(text))
    assert "never began" not in text
    assert "Not played" not in text
