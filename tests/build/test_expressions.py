"""Deployment templates around image templates."""

from typing import Any

import pytest

from emulator.build.expressions import worked_out
from emulator.errors import InvalidInputError


def deployment(resource: Any, parameters: Any = None, variables: Any = None) -> dict[str, Any]:
    """A deployment template of one resource."""
    return {"$schema": "x", "parameters": parameters or {}, "variables": variables or {}, "resources": [resource]}


def result(expression: str, given: dict[str, str] | None = None) -> Any:
    """What an expression comes to."""
    parameters = {
        "name": {"type": "string", "defaultValue": "tpl"},
        "count": {"type": "int", "defaultValue": 3},
        "made": {"type": "string", "defaultValue": "[toUpper(parameters('name'))]"},
        "unset": {"type": "string"},
    }
    variables = {
        "both": "[concat(parameters('NAME'), '-', string(parameters('count')))]",
        "endless": "[variables('endless')]",
    }
    found: Any = worked_out("t.json", deployment(expression, parameters, variables), given or {})
    return found["resources"][0]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("plain [text]", "plain [text]"),
        ("[[escaped]", "[escaped]"),
        ("[parameters('name')]", "tpl"),
        ("[parameters('made')]", "TPL"),
        ("[variables('both')]", "tpl-3"),
        ("[format('{0}/{1}', 'it''s', 4)]", "it's/4"),
        ("[resourceGroup().location]", "westeurope"),
        ("[concat(createArray('a'), createArray('b'))]", ["a", "b"]),
        ("[split('a,b', ',')[1]]", "b"),
        ("[if(equals(parameters('count'), 3), 'three', 'other')]", "three"),
        ("[replace(toLower('AbC'), 'b', '-')]", "a-c"),
        ("[if(empty(''), -1, 1)]", -1),
        ("[subscription().subscriptionId]", "00000000-0000-0000-0000-000000000000"),
        ("[resourceId('s', 'g', 'Microsoft.Network/virtualNetworks/subnets', 'v', 'n')]",
         "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/n"),
    ],
)  # fmt: skip
def test_expressions_are_worked_out(expression: str, value: Any) -> None:
    """Parameters, variables and the functions that image templates use have their values."""
    assert result(expression) == value


def test_given_parameters_win_and_have_their_types() -> None:
    """What is given stands for the default, as the declared type, whatever the case of its name."""
    assert result("[parameters('name')]", {"NAME": "other"}) == "other"
    assert result("[parameters('count')]", {"count": "7"}) == 7


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("[parameters('unset')]", "--parameter unset=VALUE"),
        ("[parameters('none')]", "expected one of the parameters name, count, made, unset"),
        ("[variables('none')]", "expected one of the variables both, endless"),
        ("[variables('endless')]", "made of itself"),
        ("[nonsense('x')]", "expected one of the functions"),
        ("[concat('a']", "arguments are parted by commas"),
        ("[concat('a', ]", "it ends too early"),
        ("[concat('a'", "plain"),
        ("['a' 'b']", "does not stand right"),
        ("[resourceGroup().nothing]", "nothing has 'nothing' there"),
        ("[split('a')]", "expected other arguments for split"),
        ("[concat('a', §)]", "cannot be read from"),
    ],
)
def test_what_means_nothing_is_said(expression: str, said: str) -> None:
    """An expression without a value is a finding with its place, never a guess."""
    if said == "plain":
        assert result(expression) == expression
        return
    with pytest.raises(InvalidInputError) as caught:
        result(expression)
    assert said in str(caught.value)
    assert "t.json" in str(caught.value)


KINDS = [
    ("int", "7", 7),
    ("bool", "True", True),
    ("array", '["a"]', ["a"]),
    ("object", '{"a": 1}', {"a": 1}),
    ("secureString", "7", "7"),
]


@pytest.mark.parametrize(("kind", "text", "value"), KINDS, ids=[each[0] for each in KINDS])
def test_given_texts_become_the_declared_type(kind: str, text: str, value: Any) -> None:
    """What is given on the command line, or as JSON in a file, is what the template declares it to be."""
    found: Any = worked_out("t.json", deployment("[parameters('x')]", {"x": {"type": kind}}), {"x": text})

    assert found["resources"] == [value]


@pytest.mark.parametrize("kind", ["int", "bool", "array", "object"])
def test_a_given_text_of_another_type_is_a_finding(kind: str) -> None:
    """It is told with its place and what was expected."""
    document = deployment("[parameters('x')]", {"x": {"type": kind}})
    with pytest.raises(InvalidInputError, match=rf"t.json: resources\[0\]: .*expected {kind} for its parameter"):
        worked_out("t.json", document, {"x": "seven"})


def test_all_findings_are_told_at_once() -> None:
    """Two expressions without a value are two lines."""
    with pytest.raises(InvalidInputError) as caught:
        worked_out("t.json", deployment({"a": "[parameters('x')]", "b": "[parameters('y')]"}), {"z": "1"})
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == [
        "parameters",
        "resources[0].a",
        "resources[0].b",
    ]


def test_places_are_filled_in_as_sed_fills_them() -> None:
    """`<region>` is filled in wherever it stands, keys included; others stay for the refusals to name."""
    found = worked_out(
        "t.json", {"location": "<region>", "<region>": ["x<region>", "<other>", 1]}, {"region": "west"}
    )

    assert found == {"location": "west", "west": ["xwest", "<other>", 1]}


def test_places_in_braces_are_filled_in_too() -> None:
    """`{subscription-id}`, as the API's examples write it."""
    found = worked_out("t.json", {"id": "/subscriptions/{subscription-id}/{Other}"}, {"subscription-id": "s"})

    assert found == {"id": "/subscriptions/s/{Other}"}


def test_a_name_that_fits_nowhere_is_refused() -> None:
    """A parameter that no document asks for is a typing error."""
    with pytest.raises(InvalidInputError, match=r"found no 'regin', expected one of <region>"):
        worked_out("t.json", {"location": "<region>"}, {"regin": "west"})


def test_a_spare_name_may_fit_nowhere() -> None:
    """A file of values serves many documents."""
    assert worked_out("t.json", {"location": "<region>"}, {"region": "west", "other": "x"}, {"other"}) == {
        "location": "west"
    }
