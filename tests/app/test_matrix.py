"""Cells of the close-reason matrix, played."""

import sys
from collections.abc import Sequence
from dataclasses import replace

import pytest

from emulator.app.matrix import reported
from emulator.net import filters
from emulator.scenarios.matrix import Report, cells
from emulator.scenarios.tools import TOOLS

pytestmark = [pytest.mark.network, pytest.mark.timeout(180)]
SYSTEMS = {name: tool.system for name, tool in TOOLS.items()}


async def played(
    names: Sequence[str], hops: Sequence[str] = (), ends: Sequence[str] = (), patience: float = 60
) -> list[Report]:
    """What is told of a part of the matrix."""
    found: list[Report] = []
    await reported(cells(SYSTEMS, names=names, hops=hops, ends=ends), found.append, patience=patience)
    return found


@pytest.mark.parametrize(
    ("name", "end", "said", "ends"),
    [
        # AsyncSSH has no exit status, and raises nothing; Python's TLS makes an end of a reset
        ("asyncssh", "fin", "exit_status None", "returns"),
        ("asyncssh", "reset", "exit_status None", "returns"),
        ("pywinrm", "fin", "RemoteDisconnected", "raises"),
        ("pywinrm", "reset", "RemoteDisconnected", "raises"),
    ],
)
async def test_an_end_is_reported(name: str, end: str, said: str, ends: str) -> None:
    """What the client says of it, with its version, long before its patience ends."""
    (found,) = await played([name], ["proxy"], [end])

    assert said in found.said
    assert (found.ends, found.waits, found.version) == (ends, False, TOOLS[name].version())


async def test_a_withheld_exit_status_is_reported() -> None:
    """The command ends, and nobody learns how."""
    (found,) = await played(["asyncssh"], ends=["no-exit-status"])

    assert (found.said, found.ends) == ("exit_status None", "returns")


async def test_a_client_that_is_never_told_still_waits() -> None:
    """At each hop; it is ended after its patience, and is approximated where there are no socket filters."""
    found = await played(["asyncssh"], ends=["silent-drop"], patience=1)

    assert {each.cell.hop for each in found} == {"load-balancer", "proxy", "build-linux"}
    assert {(each.waits, each.ends) for each in found} == {(True, "still waiting")}
    assert {each.approximated for each in found} == {filters.supported() is not None}


async def test_a_client_that_never_begins_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it said instead stands in its cell."""
    line = [sys.executable, "-c", "print('no such option')"]
    broken = replace(TOOLS["asyncssh"], line=lambda *_: line)
    monkeypatch.setitem(TOOLS, "asyncssh", broken)
    (found,) = await played(["asyncssh"], ["proxy"], ["fin"])

    assert found.said == "the command never began: no such option"
