"""IP flow verify: the answer and the name of the rule."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from emulator.model.flow import Flow
from emulator.model.network import Direction
from emulator.rules import security
from emulator.rules.ip_flow import verify
from tests.rules.test_security import DENY_IN, DENY_OUT
from tests.worlds import nic_of, rule, world

PROXY, BUILD = IPv4Address("10.60.0.7"), IPv4Address("10.60.0.8")
# Direction, rules, and what is answered for proxy → build VM on 22: user rules and default rules by their kind.
ANSWERS: list[tuple[Direction, tuple[str, ...], str, str]] = [
    ("Inbound", (), "Allow", "defaultSecurityRules/AllowVnetInBound"),
    ("Outbound", (), "Allow", "defaultSecurityRules/AllowVnetOutBound"),
    ("Inbound", (DENY_IN,), "Deny", "securityRules/deny-4096"),
    ("Outbound", (DENY_OUT,), "Deny", "securityRules/deny-4096"),
    ("Outbound", (DENY_IN,), "Allow", "defaultSecurityRules/AllowVnetOutBound"),
]


@pytest.mark.parametrize(("direction", "rules", "access", "name"), ANSWERS)
def test_answers(direction: Direction, rules: tuple[str, ...], access: str, name: str) -> None:
    """The rules at one machine answer for one direction, as Azure's tool does."""
    found = world(*rules)
    machine = "build-linux" if direction == "Inbound" else "proxy"

    answer = verify(found, nic_of(found, machine), direction, Flow(PROXY, 50000, BUILD, 22))

    assert (answer.access, answer.rule_name) == (access, name)
    assert answer.verdict.carried == (access == "Allow")


def test_a_user_rule_with_the_name_of_a_default_one() -> None:
    """A rule belongs to whoever wrote it, whatever its name."""
    found = world()
    group = next(security.groups_at(found, nic_of(found, "build-linux"), "Inbound"))
    named = replace(rule(DENY_IN), name="DenyAllInBound")

    answer = verify(
        found.laid(replace(group, rules=(named,))),
        nic_of(found, "build-linux"),
        "Inbound",
        Flow(PROXY, 50000, BUILD, 22),
    )

    assert answer.rule_name == "securityRules/DenyAllInBound"


def test_no_rule_has_no_name() -> None:
    """Where no group is, there is no rule to be named (azure.md 2.9)."""
    found = world(topology="public-ip")
    bare = replace(nic_of(found, "build-linux"), group=None)

    answer = verify(found, bare, "Inbound", Flow(IPv4Address("8.8.8.8"), 1, BUILD, 22))

    assert (answer.access, answer.rule_name) == ("Allow", "")
