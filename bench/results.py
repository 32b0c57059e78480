"""Results as JSON with all that one must know to believe them, and what moved since others."""

import datetime
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.figures import Figure
from bench.paths import versions
from emulator import __version__


class WrongResultsError(Exception):
    """A file that has no results of ours."""


def machine() -> dict[str, Any]:
    """Where these were measured."""
    return {
        "emulator": __version__,
        "python": platform.python_version(),
        "kernel": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "user": "root" if os.geteuid() == 0 else "ordinary",
        "commit": _commit(),
        "peers": versions(),
    }


def as_json(figures: Iterable[Figure]) -> dict[str, Any]:
    """All of it."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": ["python", "-m", "bench", *sys.argv[1:]],
        "machine": machine(),
        "figures": [_figure(each) for each in figures],
    }


def _figure(figure: Figure) -> dict[str, Any]:
    own = {name: getattr(figure, name) for name in ("name", "unit", "median", "bar", "higher")}
    return {**own, "rounds": list(figure.rounds)}


def write(file: Path, figures: Iterable[Figure]) -> None:
    """Write results beside their place and rename them, so that nobody reads half of them."""
    beside = file.with_name(f"{file.name}.part")
    beside.write_text(json.dumps(as_json(figures), indent=1) + "\n", "utf-8")
    beside.replace(file)


def read(file: Path) -> dict[str, Sequence[float]]:
    """The rounds of each figure in a file of results.

    Raises:
        WrongResultsError: it is none.
    """
    try:
        found = json.loads(file.read_text("utf-8"))
        return {each["name"]: [float(value) for value in each["rounds"]] for each in found["figures"]}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise WrongResultsError(f"{file}: found no results of `python -m bench --json`: {error}") from None


def moved(before: Mapping[str, Sequence[float]], figures: Iterable[Figure]) -> Iterator[str]:
    """What moved beyond the noise of its own rounds: no round of one lies within those of the other."""
    for figure in figures:
        rounds = before.get(figure.name)
        if rounds is None or not (max(rounds) < min(figure.rounds) or min(rounds) > max(figure.rounds)):
            continue
        old = sorted(rounds)[len(rounds) // 2]
        better = (figure.median > old) is figure.higher
        change = f"{figure.median / old - 1:+.0%}" if old else "from nothing"
        now = f"{figure.median:.3g} {figure.unit} ({change})"
        yield f"{'better' if better else 'worse'}: {figure.name}: {old:.3g} → {now}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())


def _commit() -> str:
    words = ("git", "rev-parse", "--short", "HEAD")
    try:
        done = subprocess.run(words, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()
