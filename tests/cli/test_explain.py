"""`explain`: what people and programs read of a path, and its exit code."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Cli

EXPORT = str(Path(__file__).parents[1] / "data" / "export" / "cli")


def test_each_build_vm_has_its_path(cli: Cli) -> None:
    """Without a target both build VMs' paths are drawn, hop by hop, with the probes after them; exit code 0."""
    done = cli("explain", "--resources", EXPORT)

    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert [line for line in lines if line.endswith("reached")] == ["build-linux  reached", "build-windows  reached"]
    assert any(line.startswith("● proxy") and line.endswith("10.20.1.7:60001") for line in lines)
    assert sum(line.startswith("health probe ✓") for line in lines) == 2


def test_json_is_connection_troubleshoot_s(cli: Cli) -> None:
    """With a target the answer is one object in the shape of connection troubleshoot; without, a page of them."""
    one = cli.json("explain", "-r", EXPORT, "--from", "vm-jump", "--to", "vm-tools:22", "--json")
    page = cli.json("explain", "-r", EXPORT, "--json")

    assert (one["connectionStatus"], [hop["type"] for hop in one["hops"]]) == (
        "Connected",
        ["Source", "VirtualMachine"],
    )
    assert [each["name"] for each in page["value"]] == ["build-linux", "build-windows"]
    assert [each["outcome"] for each in page["value"][0]["probes"]] == ["carried", "carried"]


def denied(port: str) -> dict[str, Any]:
    """A rule of the default world's group that denies a port, as `az network nsg rule show` prints it."""
    group = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/aib-emulator/providers"
    return {
        "id": f"{group}/Microsoft.Network/networkSecurityGroups/build-nsg/securityRules/NoWay",
        "name": "NoWay",
        "access": "Deny",
        "direction": "Inbound",
        "priority": 300,
        "protocol": "Tcp",
        "sourceAddressPrefix": "*",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": port,
    }


# A denied port, and where the Linux path ends by it: in the first segment or, with the probe green, in the second.
DENIED = [("60001", "load-balancer → proxy", 1), ("22", "proxy → build-linux", 2)]


@pytest.mark.parametrize(("port", "leg", "segment"), DENIED)
def test_a_path_that_ends_early_exits_1(cli: Cli, tmp_path: Path, port: str, leg: str, segment: int) -> None:
    """A path that does not arrive ends at the leg that stops it, in the name of the rule; exit code 1."""
    file = tmp_path / "rule.json"
    file.write_text(json.dumps(denied(port)))

    done = cli("explain", "--resources", str(file), "--json")

    assert done.returncode == 1
    linux = json.loads(done.stdout)["value"][0]
    assert linux["connectionStatus"] == "Disconnected"
    if port == "22":
        assert (linux["legs"][-1]["name"], linux["legs"][-1]["segment"]) == (leg, segment)
        assert linux["legs"][-1]["reason"]["name"] == "NoWay"
    else:
        assert "probe-60001 fails" in linux["sentence"]
        assert any("NoWay" in each["sentence"] for each in linux["probes"])


def test_a_path_to_the_other_build_vm(cli: Cli, tmp_path: Path) -> None:
    """A balancing rule that leads Linux to Windows is named by where it ends, and is not what was asked for."""
    balancers = json.loads((Path(EXPORT) / "load-balancers.json").read_text())
    for rule in balancers[0]["loadBalancingRules"]:  # crossed: one backend port cannot have both
        rule["backendPort"] = {60001: 60000, 60000: 60001}[rule["frontendPort"]]
    file = tmp_path / "lb.json"
    file.write_text(json.dumps(balancers))

    done = cli("explain", "-r", EXPORT, "-r", str(file))

    assert done.returncode == 1
    assert "build-windows, dialled as build-linux  reached" in done.stdout


def test_probes_are_told_on_the_channel_alone(cli: Cli) -> None:
    """Between two machines that are no part of the channel no health probe is asked."""
    done = cli("explain", "-r", EXPORT, "--from", "vm-jump", "--to", "vm-tools")

    assert (done.returncode, "health probe" in done.stdout) == (0, False)


# Wrong words: exit code 2, and a message that names the option or the file.
WRONG = [
    (("--to", "proxy"), "target: found proxy, expected NAME:PORT"),
    (("--from", "nobody"), "name: found nobody, expected an IPv4 address or one of client, private-endpoint"),
    (("--topology", "mesh"), "topology: found 'mesh'"),
    (("-r", "/nonexistent.json"), "/nonexistent.json: cannot be read"),
    (("-r", __file__), "test_explain.py: not JSON"),
]


@pytest.mark.parametrize(("options", "expected"), WRONG)
def test_wrong_words(cli: Cli, options: tuple[str, ...], expected: str) -> None:
    """Bad input is one clear message and exit code 2."""
    done = cli("explain", *options)

    assert (done.returncode, done.stdout) == (2, "")
    assert expected in done.stderr


def test_settings_have_resources(cli: Cli, tmp_path: Path) -> None:
    """`--config` is the file that `up` takes: resources, switches, topology."""
    file = tmp_path / "emulator.yaml"
    file.write_text(f"resources: [{EXPORT}]\nswitches: {{pls_data_nsg: bypass}}\n")

    linux = cli.json("explain", "--config", str(file), "--json")["value"][0]

    assert any("pls_data_nsg is bypass" in leg["sentence"] for leg in linux["legs"])


def test_source_ports_are_told_apart(cli: Cli, tmp_path: Path) -> None:
    """Where a rule is about source ports, each end is told with its ports, beside the path of one of them."""
    (tmp_path / "rule.json").write_text(json.dumps({**denied("22"), "sourcePortRange": "7"}))
    asked = ("explain", "-r", str(tmp_path), "--from", "proxy", "--to", "build-linux:22")
    said = cli.json(*asked, "--json")["sourcePorts"]

    assert [each.partition(": ")[0] for each in said] == ["from source ports 0-6 and others", "from source port 7"]
    assert "from source port 7: 10.60.0.7:7 → 10.60.0.8:22 is denied" in cli(*asked).stdout
