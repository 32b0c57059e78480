"""`world`: what is shown can be applied again, changes act at once, and reset undoes them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Cli

pytestmark = pytest.mark.network
DENY = {
    "name": "DenySsh",
    "properties": {
        "protocol": "Tcp",
        "access": "Deny",
        "direction": "Inbound",
        "priority": 300,
        "sourceAddressPrefix": "10.60.0.7",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": "22",
    },
}


def group(running: Cli) -> dict[str, Any]:
    """The running world's first security group."""
    resources = running.json("world", "show")
    return dict(next(each for each in resources if each["type"].endswith("networkSecurityGroups")))


def test_a_rule_is_applied_live_and_reset(running: Cli, tmp_path: Path) -> None:
    """A deny rule from a file changes what `status` says of the path; reset brings the first world back."""
    before = group(running)
    changed = {**before, "properties": {"securityRules": [DENY, *before["properties"]["securityRules"]]}}
    file = tmp_path / "deny.json"
    file.write_text(json.dumps(changed))

    applied = running("world", "apply", str(file))
    denied = running.json("status", "--json")["paths"]["linux"]
    during = group(running)
    reset = running("world", "reset")

    assert applied.returncode == 0, applied.stderr
    assert denied["outcome"] == "denied"
    assert "DenySsh" in denied["reason"]
    assert during["properties"]["securityRules"][0] == DENY
    assert reset.returncode == 0
    assert group(running) == before


def test_standard_input_is_a_file(running: Cli) -> None:
    """`world apply -` reads what `world show` printed, and changes nothing by it."""
    shown = running("world", "show").stdout

    applied = running("world", "apply", "-", "--json", stdin=shown)

    assert applied.returncode == 0, applied.stderr
    assert json.loads(applied.stdout) == json.loads(shown)


def test_a_foreign_group_is_refused(running: Cli, tmp_path: Path) -> None:
    """A security group that nothing in the world refers to ends with code 2 and names those that are."""
    before = group(running)
    file = tmp_path / "foreign.json"
    file.write_text(json.dumps({**before, "id": before["id"] + "-other"}))

    done = running("world", "apply", str(file))

    assert done.returncode == 2
    assert before["id"] in done.stderr
    assert group(running) == before


def test_a_lone_rule_joins_its_running_group(running: Cli, tmp_path: Path) -> None:
    """A rule as `az network nsg rule show` prints it is applied without its group, and without complaint."""
    before = group(running)
    file = tmp_path / "rule.json"
    file.write_text(json.dumps({"id": f"{before['id']}/securityRules/DenySsh", **DENY}))

    applied = running("world", "apply", str(file))
    during = group(running)
    running("world", "reset")

    assert (applied.returncode, applied.stderr) == (0, "applied build-nsg\n")
    names = [rule["name"] for rule in during["properties"]["securityRules"]]
    assert names == [*(rule["name"] for rule in before["properties"]["securityRules"]), "DenySsh"]


def test_a_lone_rule_of_no_group_is_refused(running: Cli, tmp_path: Path) -> None:
    """A rule whose group does not run changes nothing, so it is an error and not a success."""
    before = group(running)
    file = tmp_path / "rule.json"
    file.write_text(json.dumps({"id": f"{before['id']}-other/securityRules/DenySsh", **DENY}))

    done = running("world", "apply", str(file))

    assert (done.returncode, done.stdout) == (2, "")
    assert f"{before['id']}-other in the running world" in done.stderr
