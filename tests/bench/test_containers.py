"""Where nothing can be composed, that is a sentence."""

from pathlib import Path

import pytest

from bench import containers


@pytest.mark.parametrize(
    ("programs", "why"),
    [((), "ssh-keygen cannot be run"), (("ssh-keygen",), "docker cannot be run")],
)
def test_a_missing_program_is_named(
    programs: tuple[str, ...],
    why: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And nothing is measured."""
    for name in programs:
        (tmp_path / name).write_text(
            '#!/bin/sh\nwhile [ "$1" != -f ]; do shift; done; echo key >"$2"; echo key >"$2.pub"\n'
        )
        (tmp_path / name).chmod(0o755)

    monkeypatch.setenv("PATH", str(tmp_path))

    assert list(containers.measure()) == []

    assert f"containers: not measured: {why}" in capsys.readouterr().out
