"""`ip-flow` and `effective-rules`: Azure's answers, offline."""

from pathlib import Path

from tests.cli.command import Cli

EXPORT = str(Path(__file__).parents[1] / "data" / "export" / "powershell")
FLOW = ("--direction", "inbound", "--local", "10.20.1.7:60001", "--protocol", "TCP", "--vm", "proxyVm-aib")


def test_ip_flow_json(cli: Cli) -> None:
    """The answer is IP flow verify's, to the field."""
    found = cli.json("ip-flow", "-r", EXPORT, *FLOW, "--remote", "168.63.129.16:*", "--json")

    assert found == {"access": "Allow", "ruleName": "securityRules/AzureImageBuilderNsgRule"}


def test_ip_flow_deny_exits_1(cli: Cli) -> None:
    """A denied packet exits 1; people read the access, the rule and a sentence."""
    done = cli("ip-flow", "-r", EXPORT, *FLOW, "--remote", "8.8.8.8:443")

    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == "Deny  defaultSecurityRules/DenyAllInBound"
    assert "denied inbound by rule DenyAllInBound" in done.stdout


def test_ip_flow_needs_its_words(cli: Cli) -> None:
    """A missing option and a wrong one exit 2, and are named."""
    missing = cli("ip-flow", "--direction", "inbound")
    wrong = cli("ip-flow", "--direction", "up", "--local", "10.60.0.7:1", "--remote", "10.60.0.8:2")

    assert (missing.returncode, wrong.returncode) == (2, 2)
    assert "--local" in missing.stderr
    assert "direction: found up, expected inbound or outbound" in wrong.stderr


def test_effective_rules_json(cli: Cli) -> None:
    """Rules and routes of an interface come in the shapes of `az network nic`."""
    found = cli.json("effective-rules", "-r", EXPORT, "--vm", "vm-tools", "--json")

    (group,) = found["effectiveNetworkSecurityGroups"]["value"]
    assert group["effectiveSecurityRules"][0]["name"] == "securityRules/AzureImageBuilderNsgRule"
    assert [route["nextHopType"] for route in found["effectiveRoutes"]["value"]][:3] == [
        "VirtualAppliance",
        "VnetLocal",
        "VNetPeering",
    ]


def test_effective_rules_for_people(cli: Cli) -> None:
    """People read a line a rule, Azure's defaults marked as such, and a table of routes."""
    done = cli("effective-rules", "-r", EXPORT, "--vm", "vm-tools")

    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert "  500 Allow 10.10.1.0/24, 10.10.2.0/24 → 0.0.0.0/0, Tcp 22, 3389, 5986  AllowAdmins" in lines
    assert "65500 Deny  0.0.0.0/0 → 0.0.0.0/0, All *  defaultSecurityRules/DenyAllInBound" in lines
    assert any(line.startswith("192.168.50.0/24") and "to-onprem" in line for line in lines)


def test_a_world_that_says_not_where_builds_run(cli: Cli, tmp_path: Path) -> None:
    """A question about a machine is answered though the template's subnet was not loaded; a warning says so."""
    for file in Path(EXPORT).glob("*.json"):
        text = file.read_text("utf-8-sig")
        text = text.replace("snet-build", "snet-gone") if file.name.startswith("image") else text
        (tmp_path / file.name).write_text(text)
    words = ("--vm", "vm-tools", "--direction", "inbound", "--local", "10.20.1.40:22", "--remote", "10.10.1.4:*")
    done, refused = cli("ip-flow", "-r", str(tmp_path), *words), cli("explain", "-r", str(tmp_path))

    assert (done.returncode, refused.returncode) == (0, 2)
    assert "warning: there is no channel in this world" in done.stderr
