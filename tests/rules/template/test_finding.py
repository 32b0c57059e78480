"""A template's own words are found whatever their case, and its version is known or is not."""

import pytest

from emulator.rules.template.finding import (
    NEWEST,
    TemplateFinding,
    Words,
    is_exact,
    is_expression,
    version_of,
    words_of,
)
from tests.templates import printed, template

# What names the version, the version, and whether names must be exact. A document without one counts as the newest.
VERSIONS = [
    ("2019-05-01-preview", "2019-05-01", False),
    ("2020-02-14", "2020-02-14", False),
    ("2023-07-01", "2023-07-01", False),
    ("2024-02-01", "2024-02-01", True),
    ("2025-10-01", "2025-10-01", True),
    ("", NEWEST, True),
    ("[parameters('api-version')]", None, False),
    ("newest", None, False),
]


@pytest.mark.parametrize(("api", "version", "exact"), VERSIONS)
def test_versions(api: str, version: str | None, exact: bool) -> None:  # noqa: FBT001
    """The version is the date of `apiVersion`; from 2024-02-01 on names are exact."""
    assert version_of(template(api=api)) == version
    assert is_exact(template(api=api)) is exact


def test_printed_templates_have_no_version() -> None:
    """What a tool printed names no version, and need not be exact."""
    assert version_of(printed()) is None
    assert not is_exact(printed())


def test_words() -> None:
    """Fields are found in any case, objects singly or in a list, and every path says where it is."""
    words = Words({"Name": "n", "Steps": [{"a": 1}, "text", {"b": 2}], "One": {"c": 3}, "empty": "", "no": None}, "p")

    assert words.get("name") == "n"
    assert words.get("missing") is None
    assert [(each.path, dict(each.value)) for each in words.objects("steps")] == [
        ("p.steps[0]", {"a": 1}),
        ("p.steps[2]", {"b": 2}),
    ]
    assert [each.path for each in words.objects("one")] == ["p.one"]
    assert [list(words.objects(key)) for key in ("name", "missing")] == [[], []]
    assert words.below("one").get("C") == 3
    assert words.below("name") == Words({}, "p.name")
    assert [words.says(key) for key in ("name", "empty", "no", "missing")] == [True, False, False, False]
    assert Words({}, "").at("tags") == "tags"
    assert words_of(template()).path == "properties"


@pytest.mark.parametrize(
    ("value", "expected"), [("[x]", True), ("[[x]", False), ("x", False), (["x"], False), (None, False)]
)
def test_expressions(value: object, expected: bool) -> None:  # noqa: FBT001
    """Text in brackets is a deployment template's expression, unless the bracket is doubled."""
    assert is_expression(value) is expected


def test_a_finding_is_a_sentence() -> None:
    """A finding prints as field, found, expected and why."""
    found = TemplateFinding("f", "1", "2", "because", "https://example.com")

    assert str(found) == "f: found 1, expected 2: because"
    assert found.severity == "error"
