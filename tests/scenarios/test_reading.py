"""Scenario files are read strictly: file, line, field, found, allowed."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator.errors import InvalidInputError
from emulator.scenarios.reading import CATALOGUE, catalogue, line_of, named, read, schema
from tests.scenarios.files import GOOD, written


def test_a_scenario_is_called_as_its_file(tmp_path: Path) -> None:
    """The name is the file's, and cannot be given."""
    assert read(written(tmp_path, "my-own")).name == "my-own"
    with pytest.raises(
        InvalidInputError, match=r"other\.yaml:16: name: no such key; a scenario is called as its file"
    ):
        read(written(tmp_path, "other", name="x"))


WRONG: list[tuple[dict[str, Any], str]] = [
    # what is changed in a good file, the line of its key, what is said
    ({"hop": "gateway"}, r":2: hop: found 'gateway', input should be 'client', 'private-endpoint'"),
    ({"colour": "red"}, r":16: colour: no such key; the keys are title, hop, symptom,"),
    ({"title": None}, r": title: found nothing, expected a value"),
    ({"machines": {"proxy": "asleep"}}, r":11: machines\.proxy: found 'asleep', input should be 'running'"),
    ({"symptom": "silent"}, r"found 'silent', expected what a client of the script sees"),
    ({"script": [{"tcp": {"sees": {"outcome": "gone"}}}]}, r":15: script\.0\.tcp\.sees\.outcome: found 'gone'"),
    (
        {"script": [{"tcp": {"seen": 1, "sees": {"outcome": "refused"}}}]},
        r":14: script\.0\.tcp\.seen: no such key; the keys are system, sees",
    ),
    (
        {"script": [{"tcp": None, "ssh": None}]},
        r":13: script\.0: found .*, expected exactly one of the keys tcp, tls",
    ),
    ({"script": []}, ":12: script: found nothing in it, expected at least one"),
    ({"time_scale": 500}, r"time_scale: found 500, expected at most largest_time_scale"),
    (
        {"faults": [{"kind": "slow", "hop": "proxy"}]},
        r":17: faults\.0\.kind: found 'slow', expected one of delay, rate",
    ),
    (
        {"faults": [{"kind": "delay", "hop": "x", "seconds": 1}]},
        r":18: faults\.0\.hop: found 'x', expected one of load",
    ),
    (
        {"world": [{"rule": {"name": "x", "priority": 5, "access": "Deny"}}]},
        r":19: world\.0\.rule\.priority: found 5",
    ),
    (
        {"world": [{"set": {"resource": "x", "path": "a..b", "value": 1}}]},
        r":19: world\.0\.set\.path: found 'a\.\.b'",
    ),
]


@pytest.mark.parametrize(("changes", "said"), WRONG)
def test_what_is_wrong_is_said_with_its_line(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    """Each mistake has its file, line and field, what was found and what is allowed."""
    with pytest.raises(InvalidInputError, match=said) as caught:
        read(written(tmp_path, **changes))

    assert len(str(caught.value).splitlines()) == 1
    assert "gone.yaml:" in str(caught.value)


def test_every_finding_of_a_file_is_told(tmp_path: Path) -> None:
    """Two mistakes, two lines."""
    with pytest.raises(InvalidInputError) as caught:
        read(written(tmp_path, hop="x", symptom="y"))

    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: [", r":1: not YAML: "),
        ("- a list", r":1: document: found list, expected the keys and values"),
        ("", r":1: document: found NoneType"),
        ("when: 2020-99-99", r"not YAML: month must be"),
    ],
)
def test_what_is_no_mapping_is_refused(text: str, said: str, tmp_path: Path) -> None:
    """Broken YAML, and YAML of another shape, with their line."""
    file = tmp_path / "odd.yaml"
    file.write_text(text)
    with pytest.raises(InvalidInputError, match=said):
        read(file)


def test_a_folder_is_read_whole(tmp_path: Path) -> None:
    """Every file's findings at once; an empty folder, a missing one and a missing file are told."""
    with pytest.raises(InvalidInputError, match=r"found no \*\.yaml in it"):
        catalogue(tmp_path)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read(tmp_path / "none.yaml")
    written(tmp_path, "one")
    assert [each.name for each in catalogue(tmp_path)] == ["one"]
    written(tmp_path, "two", hop="x")
    written(tmp_path, "three", hop="y")
    with pytest.raises(InvalidInputError, match=r"three\.yaml:2(.|\n)*two\.yaml:2"):
        catalogue(tmp_path)


def test_an_unknown_name_gets_those_like_it() -> None:
    """A slip of the finger is answered with what was meant."""
    with pytest.raises(InvalidInputError, match=r"found 'nsg-denies-buildvm', .* did you mean nsg-denies-build-vm"):
        named("nsg-denies-buildvm")
    assert named("nsg-denies-build-vm").hop == "proxy"


def test_lines_are_those_of_the_keys() -> None:
    """The line of a place is that of its key; of one that is not there, that of what holds it."""
    node = yaml.compose("a: 1\nb:\n  - c: 2\n    d: 3\n", yaml.SafeLoader)
    assert node is not None

    assert [line_of(node, place) for place in [("a",), ("b", 0, "d"), ("b", 0, "x"), ("b", 7)]] == [1, 4, 3, 2]


def test_the_schema_describes_the_files() -> None:
    """It is JSON, names the keys and their values, and refuses others; `name` is not among them."""
    found = json.loads(json.dumps(schema()))

    assert set(GOOD) <= set(found["properties"])
    assert "name" not in found["properties"]
    assert found["additionalProperties"] is False
    assert found["required"] == ["title", "hop", "symptom", "explanation", "fix", "references", "script"]
    assert "from" in found["$defs"]["RulePatch"]["properties"]


def test_every_file_of_the_catalogue_is_read() -> None:
    """No file is left out, and each has something that people search for or a reference."""
    found = catalogue()

    assert [each.name for each in found] == sorted(file.stem for file in CATALOGUE.iterdir())
    assert len(found) >= 40
    assert [each.name for each in found if not each.references] == []
