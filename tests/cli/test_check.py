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


def before_a_build(folder: Path, rules: list[dict[str, Any]], prefix: str) -> str:
    """The customer's part of the export alone, with these rules at the build subnet, and another range of it."""
    for name in ("vnets", "route-tables", "image-templates", "role-assignments", "role-definitions"):
        (folder / f"{name}.json").write_text((Path(EXPORT) / f"{name}.json").read_text())
    networks = json.loads((folder / "vnets.json").read_text())
    networks = [each for each in networks if not each["resourceGroup"].startswith("IT_")]
    for subnet in (subnet for each in networks for subnet in each["subnets"] if subnet["name"] == "snet-build"):
        subnet["addressPrefix"] = prefix
    (folder / "vnets.json").write_text(json.dumps(networks))
    groups = json.loads((Path(EXPORT) / "nsgs.json").read_text())
    group = next(each for each in groups if each["name"] == "nsg-build") | {"securityRules": rules}
    (folder / "nsgs.json").write_text(json.dumps([group]))
    return str(folder)


def rule(name: str, priority: int, **fields: Any) -> dict[str, Any]:
    """A security rule as the Azure CLI prints it; of everything inbound, but for `fields`."""
    every = dict.fromkeys(("sourceAddressPrefix", "sourcePortRange", "destinationAddressPrefix"), "*")
    shape = {"access": "Allow", "direction": "Inbound", "protocol": "Tcp"}
    return {"name": name, "priority": priority, **every, **shape, "destinationPortRange": "*", **fields}


LINUX_ALONE = [
    rule("Probes", 400, sourceAddressPrefix="AzureLoadBalancer", destinationPortRange="60001"),
    rule("Data", 410, sourceAddressPrefix="VirtualNetwork", destinationPortRange="60001"),
    rule("Ssh", 420, sourceAddressPrefix="VirtualNetwork", destinationPortRange="22"),
    rule("Deny", 4096, access="Deny", protocol="*"),
]


def test_a_network_for_linux_alone(cli: Cli, tmp_path: Path) -> None:
    """For a Linux template nothing is asked of 60000 and 5986, and room for one build VM is enough."""
    done = cli("check", "-r", before_a_build(tmp_path, LINUX_ALONE, "10.20.1.0/28"), "--json")

    answer = json.loads(done.stdout)
    assert [each["found"] for each in answer["findings"] if each["state"] in ("failed", "warning")] == []
    assert done.returncode == 0


def test_a_subnet_that_is_too_small(cli: Cli, tmp_path: Path) -> None:
    """A subnet without room fails the item that says so, and every other item is judged all the same."""
    folder = before_a_build(tmp_path, LINUX_ALONE, "10.20.1.0/29")
    done = cli("check", "-r", folder, "--json")

    answer = json.loads(done.stdout)
    failed = [each["name"] for each in answer["findings"] if each["state"] == "failed"]
    assert (done.returncode, failed) == (1, ["address-space"])
    assert len(answer["findings"]) > 20
    assert "no address left for the build-linux VM" in done.stderr
    (tmp_path / "emulator.yaml").write_text(f"resources: [{folder}]")
    up = cli("up", "--config", str(tmp_path / "emulator.yaml"), "--listen", "auto", "--detach")
    assert (up.returncode, "no address left for the build-linux VM" in up.stderr) == (2, True)


@pytest.mark.parametrize("name", ["network/VirtualNetworkGet.json", "imagebuilder/ListImageTemplates.json"])
def test_no_single_template(cli: Cli, name: str) -> None:
    """A file that holds no image template, or several, is no answer to which one."""
    done = cli("check", str(DATA / "azure" / name))

    assert done.returncode == 2
    assert "image templates, expected one" in done.stderr
