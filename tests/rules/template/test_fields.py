"""The tables of fields, and the walk over a template by them."""

from emulator.rules.template.fields import CUSTOMIZERS, PROPERTIES, SHELL, SINCE, Kinds, Level, objects
from emulator.rules.template.finding import Words, words_of
from tests.templates import template


def levels(level: Level) -> list[Level]:
    """A level and all below it."""
    inner: list[Level] = []
    for holds in level.fields.values():
        for each in holds.levels.values() if isinstance(holds, Kinds) else [holds]:
            inner += levels(each) if isinstance(each, Level) else []
    return [level, *inner]


def test_the_tables_are_sound() -> None:
    """Every required field is a known one, and every field that came later stands in a table."""
    everything = levels(PROPERTIES)

    assert all(set(each.required) <= set(each.fields) for each in everything)
    assert set(SINCE) <= {name for each in everything for name in each.fields}


def test_kinds() -> None:
    """A kind is told by its word in any case; one that is not known, or none, is nothing."""
    assert CUSTOMIZERS.level(Words({"type": "shell"}, "")) is SHELL
    assert CUSTOMIZERS.level(Words({"type": "Ansible"}, "")) is None
    assert CUSTOMIZERS.level(Words({"type": 1}, "")) is None
    assert CUSTOMIZERS.level(Words({}, "")) is None


def test_the_walk() -> None:
    """The walk reaches every object of a known kind, at every depth, and passes the others by."""
    found = template({"customize": [{"type": "Shell"}, {"type": "Ansible"}], "autoRun": {"state": "Enabled"}})

    assert [words.path for words, _ in objects(words_of(found), PROPERTIES)] == [
        "properties",
        "properties.source",
        "properties.customize[0]",
        "properties.distribute[0]",
        "properties.vmProfile",
        "properties.vmProfile.vnetConfig",
        "properties.autoRun",
    ]
