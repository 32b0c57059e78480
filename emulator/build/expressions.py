"""Deployment templates around an image template: their parameters, variables and expressions, worked out.

As much of the language as image templates use
(https://learn.microsoft.com/azure/azure-resource-manager/templates/template-expressions); what is not known is a
finding, and no value is guessed.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from emulator.build.refusals import PLACEHOLDER
from emulator.errors import InvalidInputError
from emulator.model.arm.findings import shown
from emulator.model.ids import SUBSCRIPTION

TOKEN = re.compile(r"\s*(?:'((?:[^']|'')*)'|(-?\d+)|([A-Za-z_]\w*)|([().,\[\]]))")
GROUP = "template"
"""The resource group that a document deploys to, for it cannot say; documents of one resource get the same."""
DEEPEST = 40
TYPES: Mapping[str, type] = {
    "int": int,
    "bool": bool,
    "array": list,
    "object": dict,
    "secureobject": dict,
}
"""What a parameter of each type is given as, texts aside."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment template's own words, what was given beside them, and the findings so far."""

    document: str
    parameters: Mapping[str, Any]
    variables: Mapping[str, Any]
    given: Mapping[str, str]
    lines: list[str] = field(default_factory=list)


def worked_out(
    document: str, value: object, given: Mapping[str, str], spare: Collection[str] = frozenset()
) -> object:
    """A document with every expression of a deployment template replaced by its value; any other as it is.

    What is `spare` of what is given may fit nowhere: a file has values for many documents.

    Raises:
        InvalidInputError: a parameter has no value, or an expression means nothing here; all findings at once.
    """
    keys = {key.lower(): each for key, each in value.items()} if isinstance(value, Mapping) else {}
    is_deployment = "$schema" in keys and isinstance(keys.get("resources"), list)
    own = Deployment(document, _lower(keys.get("parameters")), _lower(keys.get("variables")), _lower(given))
    places = _places(value)
    for name in (each for each in given if each not in spare):
        if not places & {f"<{name}>", f"{{{name}}}"} and not (is_deployment and name.lower() in own.parameters):
            known = ", ".join([*(own.parameters if is_deployment else ()), *sorted(places)]) or "(none)"
            own.lines.append(f"{document}: parameters: found no {name!r}, expected one of {known}")
    texts = {place: text for name, text in given.items() for place in (f"<{name}>", f"{{{name}}}")}
    filled = _filled(value, texts)
    if not is_deployment:
        if own.lines:
            raise InvalidInputError("\n".join(own.lines))
        return filled
    keys = {key.lower(): each for key, each in filled.items()}
    resources = _value(own, keys["resources"], "resources", 0)
    if own.lines:
        raise InvalidInputError("\n".join(dict.fromkeys(own.lines)))
    return {"$schema": keys["$schema"], "resources": resources}


def _places(value: object) -> frozenset[str]:
    """The places that are left to be filled in, as `<region>`."""
    if isinstance(value, Mapping):
        return frozenset().union(*(_places(each) for pair in value.items() for each in pair))
    if isinstance(value, list):
        return frozenset().union(*map(_places, value))
    return frozenset(PLACEHOLDER.findall(value)) if isinstance(value, str) else frozenset()


def _filled(value: Any, given: Mapping[str, str]) -> Any:
    """A value with its places filled in, as `sed` does it in the quick starts."""
    if isinstance(value, Mapping):
        return {_filled(key, given): _filled(each, given) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, given) for each in value]
    return PLACEHOLDER.sub(lambda match: given.get(match[0], match[0]), value) if isinstance(value, str) else value


def _lower(found: object) -> dict[str, Any]:
    return {str(key).lower(): each for key, each in found.items()} if isinstance(found, Mapping) else {}


def _value(own: Deployment, value: object, path: str, depth: int) -> Any:
    if isinstance(value, Mapping):
        return {
            str(_value(own, key, path, depth)): _value(own, each, f"{path}.{key}", depth)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_value(own, each, f"{path}[{index}]", depth) for index, each in enumerate(value)]
    if not isinstance(value, str) or not (value.startswith("[") and value.endswith("]")):
        return value
    if value.startswith("[["):
        return value[1:]
    if depth > DEEPEST:
        own.lines.append(f"{own.document}: {path}: found a variable that is made of itself, expected a value")
        return value
    return _expression(own, value, path, depth)


def _expression(own: Deployment, text: str, path: str, depth: int) -> Any:
    try:
        reader = _Reader(_tokens(text[1:-1]), lambda name, arguments: _call(own, name, arguments, depth))
        found = reader.value()
        reader.end()
    except _UnknownError as error:
        own.lines.append(f"{own.document}: {path}: found {shown(text)}, {error}")
        return text
    return found


class _UnknownError(Exception):
    """What an expression says that means nothing here."""


def _tokens(text: str) -> Sequence[tuple[str, str]]:
    found, at = [], 0
    while at < len(text.rstrip()):
        match = TOKEN.match(text, at)
        if match is None:
            raise _UnknownError(f"expected an expression; it cannot be read from {text[at : at + 20]!r} on")
        kind = ("text", "number", "name", "mark")[(match.lastindex or 1) - 1]
        found.append((kind, match[match.lastindex or 1]))
        at = match.end()
    return found


class _Reader:
    """Reads the tokens of one expression, and works it out as it goes."""

    def __init__(self, tokens: Sequence[tuple[str, str]], call: Callable[[str, list[Any]], Any]) -> None:
        self._tokens = list(tokens)
        self._call = call

    def value(self) -> Any:
        """One value, and what is taken of it by `.name` and `[index]`."""
        kind, word = self._next()
        if kind == "text":
            return word.replace("''", "'")
        if kind == "number":
            return int(word)
        if kind != "name" or not self._takes("("):
            raise _UnknownError(f"expected an expression; {word!r} does not stand right")
        found = self._call(word, self._arguments())
        while self._tokens and self._tokens[0][1] in (".", "["):
            found = self._within(found)
        return found

    def end(self) -> None:
        """Nothing may follow."""
        if self._tokens:
            raise _UnknownError(f"expected an expression; {self._tokens[0][1]!r} does not stand right")

    def _next(self) -> tuple[str, str]:
        if not self._tokens:
            raise _UnknownError("expected an expression; it ends too early")
        return self._tokens.pop(0)

    def _takes(self, mark: str) -> bool:
        if self._tokens and self._tokens[0] == ("mark", mark):
            self._tokens.pop(0)
            return True
        return False

    def _arguments(self) -> list[Any]:
        found: list[Any] = []
        while not self._takes(")"):
            if found and not self._takes(","):
                raise _UnknownError("expected an expression; arguments are parted by commas")
            found.append(self.value())
        return found

    def _within(self, found: Any) -> Any:
        if self._takes("."):
            key: Any = self._next()[1]
        else:
            self._takes("[")
            key = self.value()
            if not self._takes("]"):
                raise _UnknownError("expected an expression; a bracket is not closed")
        try:
            return found[key]
        except (KeyError, IndexError, TypeError):
            raise _UnknownError(f"expected an expression; nothing has {key!r} there") from None


def _call(own: Deployment, name: str, arguments: list[Any], depth: int) -> Any:
    lowered = name.lower()
    if lowered == "parameters":
        return _parameter(own, str(arguments[0]) if arguments else "", depth)
    if lowered == "variables":
        return _variable(own, str(arguments[0]) if arguments else "", depth)
    if lowered not in FUNCTIONS:
        raise _UnknownError(
            f"expected one of the functions {', '.join(sorted((*FUNCTIONS, 'parameters', 'variables')))}"
        )
    try:
        return FUNCTIONS[lowered](arguments)
    except (IndexError, TypeError, ValueError, KeyError):
        raise _UnknownError(f"expected other arguments for {name}") from None


def _parameter(own: Deployment, name: str, depth: int) -> Any:
    declared = own.parameters.get(name.lower())
    if not isinstance(declared, Mapping):
        raise _UnknownError(f"expected one of the parameters {', '.join(own.parameters) or '(none)'}")
    if name.lower() in own.given:
        return _typed(own.given[name.lower()], str(declared.get("type", "string")))
    default = next((each for key, each in declared.items() if key.lower() == "defaultvalue"), None)
    if default is None:
        raise _UnknownError(f"whose parameter {name} has no value; `--parameter {name}=VALUE` gives it one")
    return _value(own, default, f"parameters.{name}.defaultValue", depth + 1)


def _typed(text: str, kind: str) -> Any:
    """A given text as the declared type; `@FILE` gives what is no text as JSON."""
    if kind.lower() in ("string", "securestring"):
        return text
    try:
        found = json.loads(text.lower() if kind.lower() == "bool" else text)
    except ValueError:
        found = None
    if type(found) is not TYPES.get(kind.lower()):
        raise _UnknownError(f"expected {kind.lower()} for its parameter; it is given {text!r}")
    return found


def _variable(own: Deployment, name: str, depth: int) -> Any:
    if name.lower() not in own.variables:
        raise _UnknownError(f"expected one of the variables {', '.join(own.variables) or '(none)'}")
    return _value(own, own.variables[name.lower()], f"variables.{name}", depth + 1)


def _concat(arguments: list[Any]) -> Any:
    if arguments and isinstance(arguments[0], list):
        return [each for part in arguments for each in part]
    return "".join(map(str, arguments))


def _resource_id(arguments: list[Any]) -> str:
    at = next(index for index, each in enumerate(arguments) if "/" in str(each))
    scope, kind, names = arguments[:at], str(arguments[at]), arguments[at + 1 :]
    subscription = scope[0] if len(scope) > 1 else SUBSCRIPTION
    group = scope[-1] if scope else GROUP
    provider, *types = kind.split("/")
    if len(types) != len(names):
        raise ValueError(kind)
    pairs = "/".join(f"{each}/{one}" for each, one in zip(types, names, strict=True))
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{provider}/{pairs}"


RESOURCE_GROUP = {
    "id": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}",
    "name": GROUP,
    "location": "westeurope",
}
FUNCTIONS: Mapping[str, Callable[[list[Any]], Any]] = {
    "concat": _concat,
    "format": lambda given: str(given[0]).format(*given[1:]),
    "resourceid": _resource_id,
    "resourcegroup": lambda _: RESOURCE_GROUP,
    "subscription": lambda _: {"subscriptionId": SUBSCRIPTION, "id": f"/subscriptions/{SUBSCRIPTION}"},
    "string": lambda given: str(given[0]),
    "tolower": lambda given: str(given[0]).lower(),
    "toupper": lambda given: str(given[0]).upper(),
    "if": lambda given: given[1] if given[0] else given[2],
    "equals": lambda given: given[0] == given[1],
    "empty": lambda given: not given[0],
    "createarray": list,
    "split": lambda given: str(given[0]).split(str(given[1])),
    "replace": lambda given: str(given[0]).replace(str(given[1]), str(given[2])),
}
