"""Scenario files for tests: `written(folder, "name", title="other")` is a good one with that changed."""

from pathlib import Path
from typing import Any

import yaml

from emulator.scenarios.reading import read
from emulator.scenarios.scenario import Scenario

GOOD: dict[str, Any] = {
    "title": "The proxy VM is gone",
    "hop": "proxy",
    "symptom": "refused",
    "texts": ["dial tcp 10.1.0.5:22: connect: connection refused"],
    "explanation": "Nobody listens.",
    "fix": "Start it.",
    "references": ["https://example.org/1"],
    "machines": {"proxy": "service-stopped"},
    "script": [{"tcp": {"sees": {"outcome": "refused"}}}],
}


def written(folder: Path, called: str = "gone", /, **changes: Any) -> Path:
    """The file of a scenario, with some of its keys changed; None takes one away."""
    values = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    file = folder / f"{called}.yaml"
    file.write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True))
    return file


def scenario(folder: Path, called: str = "gone", /, **changes: Any) -> Scenario:
    """The same, read."""
    return read(written(folder, called, **changes))
