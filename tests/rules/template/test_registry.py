"""Every rule about templates is asked, once."""

import inspect

from emulator.rules.template import build, network, spelling, steps
from emulator.rules.template.registry import RULES, findings
from tests.templates import template


def test_every_rule_is_listed() -> None:
    """Each public function of the rules' modules that makes findings stands in the list."""
    found = [
        function
        for module in (network, build, spelling, steps)
        for name, function in inspect.getmembers(module, inspect.isgeneratorfunction)
        if not name.startswith("_") and function.__module__ == module.__name__
    ]

    assert set(found) == set(RULES)
    assert len(RULES) == len(set(RULES))


def test_no_finding() -> None:
    """A good template has none."""
    assert findings(template()) == ()
