"""The load generator: each mode moves what it says, against its own server."""

import shutil
from pathlib import Path

import pytest

from bench.load import NoCompilerError, generator

pytestmark = pytest.mark.network
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


@needs_compiler
def test_each_mode_against_its_own_server(tmp_path: Path) -> None:
    """Bytes both ways, messages that come back with their latencies, connections that end; none fails."""
    with generator(tmp_path) as load, load.serving() as port:
        runs = {mode: load.run(mode, port, 4, 0.3) for mode in ("up", "down", "ping", "rate")}
        with load.holding(port, 20):
            held = load.run("ping", port, 1, 0.1)

    assert all(run.failures == 0 for run in runs.values())
    assert runs["up"].moved > 1_000_000
    assert runs["down"].gigabits > 0
    assert runs["rate"].turns > 10
    assert held.turns > 0
    assert 0 < runs["ping"].p50 <= runs["ping"].p99 <= runs["ping"].p999


def test_without_a_compiler_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a sentence, so that the rest still runs."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(NoCompilerError, match="no C compiler was found"), generator(tmp_path):
        pass
