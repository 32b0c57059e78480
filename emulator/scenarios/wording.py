"""A scenario's steps and changes in a few words, for who watches a play. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from emulator.scenarios.patch import Patch
from emulator.scenarios.step import Client, Step

UNSAID = ("properties", "id", "sees", "meanwhile", "system", "command", "inline", "changes")
"""Keys that are said otherwise, or that would be too much."""


def step_in_words(step: Step) -> str:
    """A step on one line."""
    value = step.value
    if isinstance(value, Client):
        return f"{step.verb} at {value.system}{_pairs(_given(value))}{_command(value)}"
    if isinstance(value, tuple):
        return f"{step.verb}: {', '.join(map(patch_in_words, value))}"
    return f"{step.verb}:{_pairs(_given(value))}" if _given(value) else f"{step.verb}: {value}"


def patch_in_words(patch: Patch) -> str:
    """A change of the world in a few words."""
    given = _given(patch.value)
    return f"{patch.verb}{_values(given.values())}" if given else f"{patch.verb} {patch.value}"


def _command(client: Client) -> str:
    command = getattr(client, "command", "") or "; ".join(getattr(client, "inline", ()))
    changes = ", ".join(map(patch_in_words, getattr(client, "changes", ())))
    return f": {command or changes}" if command or changes else ""


def _given(value: object) -> dict[str, Any]:
    """The keys that a file gives, and their values."""
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_unset=True, by_alias=True)
    return {key: inner for key, inner in value.items() if key not in UNSAID} if isinstance(value, Mapping) else {}


def _pairs(given: Mapping[str, Any]) -> str:
    return "".join(f" {key}{_values([value])}" for key, value in given.items())


def _values(values: Iterable[object]) -> str:
    return "".join(_values(each.values()) if isinstance(each, Mapping) else f" {each}" for each in values)
