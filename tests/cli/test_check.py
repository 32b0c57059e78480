"""`check`: what is said of a network before a build, and the exit code."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Cli

DATA = Path(__file__).parents[1] / "data"
EXPORT = str(DATA / "export" / "cli")


def test_a_network_in_order(cli: Cli) -> None:
    """A network without fault exits 0 with a line that counts; `--all` shows the items, too."""
    done = cli("check", "-r", EXPORT)
    everything = cli("check", "-r", EXPORT, "--all")

    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    assert " in order, 0 failed, 0 warnings, 0 not known" in line
    assert sum(each.startswith("✓ ") for each in everything.stdout.splitlines()) == int(line.split()[0])


def broken(tmp_path: Path) -> str:
    """The export with azure-docs #84627's mistake: a deny of everything, both ways, below the documented rule."""
    groups = json.loads((Path(EXPORT) / "nsgs.json").read_text())
    group: dict[str, Any] = next(each for each in groups if each["name"] == "nsg-build")
    for direction in ("Inbound", "Outbound"):
        rule = {**group["securityRules"][0], "name": f"DenyAll{direction}", "access": "Deny", "priority": 4096}
        rule |= {"direction": direction, "protocol": "*", "sourceAddressPrefix": "*", "destinationAddressPrefix": "*"}
        group["securityRules"].append(rule | {"id": f"{group['id']}/securityRules/{rule['name']}"})
        group["securityRules"][-1]["destinationPortRange"] = "*"
    group["securityRules"] = [each for each in group["securityRules"] if each["name"].startswith(("Azure", "Deny"))]
    file = tmp_path / "nsgs.json"
    file.write_text(json.dumps(groups))
    return str(file)


def test_the_mistake_of_84627(cli: Cli, tmp_path: Path) -> None:
    """Probe green, data dead: exit code 1, the items named, each with the command that mends it."""
    done = cli("check", "-r", EXPORT, "-r", broken(tmp_path), "--json")

    assert done.returncode == 1
    answer = json.loads(done.stdout)
    failed = [each for each in answer["findings"] if each["state"] == "failed"]
    assert answer["failed"] == len(failed) > 0
    assert all(each["mend"].startswith("az ") and each["source"].startswith("https://") for each in failed)
    assert any("84627" in each["why"] or "84627" in each["source"] for each in failed)
    rules = next(each for each in answer["findings"] if "nsg-build" in each["mend"])
    assert "az network nsg rule create" in rules["mend"]


def test_a_template_chooses(cli: Cli) -> None:
    """A template of the command line is the one that is checked: its network, its mistakes."""
    published = DATA / "azure" / "imagebuilder" / "CreateImageTemplateLinux.json"
    done = cli("check", "-r", EXPORT, str(published))

    assert done.returncode == 2
    assert "vnetConfig.subnetId: found" in done.stderr
    assert "expected a subnet that was loaded: vnet-images/snet-build" in done.stderr


@pytest.mark.parametrize("name", ["network/VirtualNetworkGet.json", "imagebuilder/ListImageTemplates.json"])
def test_no_single_template(cli: Cli, name: str) -> None:
    """A file that holds no image template, or several, is no answer to which one."""
    done = cli("check", str(DATA / "azure" / name))

    assert done.returncode == 2
    assert "image templates, expected one" in done.stderr
