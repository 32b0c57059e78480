"""Read scenarios, strictly: an error names file, line and field, what was found and what is allowed."""

import reprlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from emulator.errors import InvalidInputError
from emulator.rules.faults.reading import fault_from
from emulator.scenarios.scenario import Scenario
from emulator.scenarios.step import Step, steps_of

CATALOGUE = Path(__file__).parent / "catalogue"
"""The scenarios that come with the package."""
NO_FILES = "{}: found no *.yaml in it, expected a folder of scenarios"
GUESTS = ("build-linux", "build-windows")
FAULT_HOPS = ("load-balancer", "proxy", *GUESTS)
YAML_ERRORS = (ValueError, LookupError, AttributeError, TypeError, OverflowError, RecursionError)
"""What PyYAML lets out for `2020-99-99`, `!!bool x` and the like."""
Place = Sequence[str | int]


def catalogue(folder: Path = CATALOGUE) -> tuple[Scenario, ...]:
    """Every scenario of a folder, in the order in which a connection meets their hops, then by name.

    Raises:
        InvalidInputError: with every finding of every file.
    """
    files = sorted(folder.glob("*.y*ml"), key=lambda file: file.stem) if folder.is_dir() else []
    if not files:
        raise InvalidInputError(NO_FILES.format(folder))
    found: list[Scenario] = []
    findings: list[str] = []
    for file in files:
        try:
            found.append(read(file))
        except InvalidInputError as error:
            findings.append(str(error))
    if findings:
        raise InvalidInputError("\n".join(findings))
    return tuple(found)


def named(name: str, folder: Path = CATALOGUE) -> Scenario:
    """The scenario of a name.

    Raises:
        InvalidInputError: there is none, with those whose names are like it; or its file has findings.
    """
    import difflib

    files = {file.stem: file for file in folder.glob("*.y*ml")} if folder.is_dir() else {}
    if name in files:
        return read(files[name])
    if not files:
        raise InvalidInputError(NO_FILES.format(folder))
    like = difflib.get_close_matches(name, files, n=3, cutoff=0.55)
    more = f"; did you mean {' or '.join(like)}?" if like else ""
    raise InvalidInputError(f"NAME: found {name!r}, expected one that `scenario list` names{more}")


def read(file: Path) -> Scenario:
    """The scenario in a file.

    Raises:
        InvalidInputError: with every finding, one a line.
    """
    node, value = _document(file)
    try:
        scenario = Scenario.model_validate({**value, "name": file.stem})
    except ValidationError as error:
        found = error.errors(include_url=False)
        lines = [_finding(file, node, each) for each in found if not _is_told_within(each["loc"], found)]
        raise InvalidInputError("\n".join(dict.fromkeys(lines))) from None
    findings = list(_wrong_faults(file, node, scenario))
    if findings:
        raise InvalidInputError("\n".join(findings))
    return scenario


def schema() -> dict[str, Any]:
    """The JSON schema of a scenario's file."""
    found = Scenario.model_json_schema(by_alias=True)
    found["properties"].pop("name")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


def _document(file: Path) -> tuple[yaml.Node, dict[str, Any]]:
    try:
        text = file.read_text("utf-8")
        node, value = yaml.compose(text, yaml.SafeLoader), yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{file}: cannot be read: {error}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidInputError(f"{file}:{line}: not YAML: {error.problem}") from None
    except (*YAML_ERRORS, yaml.YAMLError) as error:
        raise InvalidInputError(f"{file}: not YAML: {error}") from None
    if node is None or not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        found = type(value).__name__
        raise InvalidInputError(f"{file}:1: document: found {found}, expected the keys and values of a scenario")
    if "name" in value:
        line = line_of(node, ("name",))
        raise InvalidInputError(f"{file}:{line}: name: no such key; a scenario is called as its file, {file.stem}")
    return node, value


def line_of(node: yaml.Node, place: Place) -> int:
    """The line of a place, or of the innermost part of it that is there."""
    line = node.start_mark.line + 1
    for key in place:
        found = next(_below(node, key), None)
        if found is not None:
            line, node = found
    return line


def _below(node: yaml.Node, key: str | int) -> Iterator[tuple[int, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        yield from ((each.start_mark.line + 1, value) for each, value in node.value if each.value == key)
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        yield node.value[key].start_mark.line + 1, node.value[key]


def _is_told_within(place: Place, found: Iterable[Any]) -> bool:
    """Whether it is only that something within a place is wrong, which is told by itself."""
    return any(len(each["loc"]) > len(place) and each["loc"][: len(place)] == place for each in found)


def _finding(file: Path, node: yaml.Node, error: Any) -> str:
    place: Place = error["loc"]
    field = ".".join(map(str, place)) or "document"
    where = f"{file}:{line_of(node, place)}: {field}"
    if error["type"] == "extra_forbidden":
        return f"{where}: no such key; the keys are {', '.join(_keys(place[:-1]))}"
    if error["type"] == "missing":
        return f"{where}: found nothing, expected a value"
    if error["type"] == "too_short":
        return f"{where}: found nothing in it, expected at least one"
    said = error["msg"].removeprefix("Value error, ")
    return f"{where}: found {reprlib.repr(error['input'])}, {said[0].lower()}{said[1:]}"


def _keys(place: Place) -> Iterable[str]:
    """The keys that a mapping at a place may have."""
    from emulator.scenarios.patch import keys_of

    model: type[BaseModel] = Scenario
    for key in place:
        inner = _model_of(model, key) if isinstance(key, str) else None
        model = inner or model
    return (each for each in keys_of(model) if each != "name" or model is not Scenario)


def _model_of(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    import typing

    field = next((each for name, each in model.model_fields.items() if key in (name, each.alias)), None)
    kinds = [field.annotation] if field else []
    while kinds:
        kind = kinds.pop()
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
        kinds += typing.get_args(kind)
    return None


def _wrong_faults(file: Path, node: yaml.Node, scenario: Scenario) -> Iterator[str]:
    given: list[tuple[Place, dict[str, Any]]] = [(("faults", at), each) for at, each in enumerate(scenario.faults)]
    given += [(place, step.value) for place, step in _placed(scenario.script) if step.verb == "fault"]
    for place, values in given:
        try:
            fault_from(values, FAULT_HOPS, default_name="fault", seed=0, guests=GUESTS)
        except InvalidInputError as error:
            for line in str(error).splitlines():
                field = line.partition(":")[0]
                where = f"{file}:{line_of(node, (*place, field))}"
                yield f"{where}: {'.'.join(map(str, place))}.{line}"


def _placed(script: tuple[Step, ...]) -> Iterator[tuple[Place, Step]]:
    """Each step with its place; one that happens meanwhile has that of the client it accompanies."""
    for at, step in enumerate(script):
        yield ("script", at, step.verb), step
        yield from ((("script", at, step.verb), inner) for inner in list(steps_of((step,)))[1:])
