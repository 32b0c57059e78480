"""Questions to a world, as a library's user asks them."""

import subprocess
import sys
from pathlib import Path

import pytest

import emulator
from emulator import effective_rules, explain, ip_flow, load_world
from emulator.app.questions import channel_paths, explain_ports
from emulator.errors import InvalidInputError
from emulator.rules.ip_flow import IpFlow
from tests.worlds import world

EXPORT = Path(__file__).parents[1] / "data" / "export"
SERVERS = ("asyncio", "socket", "ssl", "aiohttp", "asyncssh", "uvloop", "spnego", "winrm", "emulator.net", "typer")


def test_nothing_is_started_or_imported() -> None:
    """Loading a network and asking it imports no server, no event loop and no socket."""
    program = (
        "import sys\n"
        "from emulator import explain, ip_flow, load_world, effective_rules\n"
        f"world = load_world({str(EXPORT / 'cli')!r})\n"
        "explain(world); explain(world, 'vm-jump', 'vm-tools:22'); effective_rules(world)\n"
        "ip_flow(world, direction='inbound', local='10.20.1.7:60001', remote='10.20.1.5:*')\n"
        f"print([name for name in {SERVERS!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_public_names() -> None:
    """Every name that the package promises is there."""
    assert all(getattr(emulator, name) for name in emulator.__all__)


def test_the_path_over_the_channel() -> None:
    """Without more words the path is the client's to the Linux build VM; each system has its own."""
    found = load_world(EXPORT / "rest")

    assert explain(found).end().name == "proxy → build-linux"
    assert explain(found, target="build-windows").end().name == "proxy → build-windows"
    assert [(name, path.carried) for name, _, path in channel_paths(found)] == [
        ("build-linux", True),
        ("build-windows", True),
    ]


def test_a_machine_without_a_port() -> None:
    """A machine that is named alone is asked at the port that commands arrive at: 22, or 5986 on Windows."""
    found = load_world(EXPORT / "rest")
    ends = [explain(found, "vm-jump", name).end().flow for name in ("vm-tools", "aibbuild-win")]

    assert [(str(each.destination), each.destination_port) for each in ends] == [
        ("10.20.1.40", 22),
        ("10.20.1.9", 5986),
    ]


def test_probes_are_taken_to_do_what_groups_let_them() -> None:
    """A denied probe takes the proxy out, though nobody runs it."""
    path = explain(world("300 deny in AzureLoadBalancer -> *"))

    assert (path.carried, path.end().verdict.reason.name) == (False, "probe-60001")


def ask(**changed: str) -> IpFlow:
    """IP flow verify with some words changed."""
    words = {"direction": "inbound", "local": "10.60.0.7:60001", "remote": "10.60.0.5:*", "protocol": "tcp"}
    return ip_flow(world(), **{**words, **changed})


def test_ip_flow() -> None:
    """The first hop's rules are asked where no machine is named; a port may be any."""
    assert ask().rule_name == "defaultSecurityRules/AllowVnetInBound"
    assert ask(direction="Outbound", local="10.60.0.7:5", remote="10.60.0.8:22").rule_name == (
        "defaultSecurityRules/AllowVnetOutBound"
    )


# One wrong word each: the message names it, what was found and what is allowed.
WRONG = [
    ({"direction": "up"}, "direction: found up, expected inbound or outbound"),
    ({"protocol": "icmp"}, "protocol: found icmp, expected TCP or UDP"),
    ({"local": "10.60.0.7"}, r"local: found 10\.60\.0\.7, expected NAME:PORT"),
    ({"local": "10.60.0.7:70000"}, "local: found 10.60.0.7:70000"),
    ({"local": ":22"}, "local: found :22"),
    ({"remote": "proxy:22"}, "remote: found proxy, expected an IPv4 address"),
    ({"local": "10.60.0.9:22"}, "local: found 10.60.0.9, expected an address of .*: 10.60.0.7"),
    ({"local": "10.60.0.7:*"}, r"local: found 10.60.0.7:\*, expected NAME:PORT"),
    ({"direction": "outbound", "remote": "10.60.0.5:*"}, r"remote: found 10.60.0.5:\*, expected NAME:PORT"),
    ({"vm": "nobody"}, "vm: found nobody, expected an IPv4 address or one of client"),
    ({"vm": "private-endpoint"}, "vm: found private-endpoint, expected a machine: Azure shows no rules of a private"),
    ({"vm": "internet"}, "vm: found internet, expected a machine with a network interface"),
]


@pytest.mark.parametrize(("changed", "expected"), WRONG)
def test_wrong_words(changed: dict[str, str], expected: str) -> None:
    """A wrong word is named with what is allowed in its place."""
    with pytest.raises(InvalidInputError, match=expected):
        ask(**changed)


def test_effective_rules_of_a_machine() -> None:
    """A machine is named as people name it."""
    found = effective_rules(load_world(EXPORT / "powershell"), "VM-TOOLS")

    assert found["networkInterface"]["id"].endswith("/nic-vm-tools")


def test_any_source_port() -> None:
    """`*` stands for every source port: where rules tell them apart the answer is that, with each."""
    found = world("200 deny in 10.60.0.5:7 -> *:60001", "300 allow in * -> *")
    asked = {"direction": "inbound", "local": "10.60.0.7:60001"}

    with pytest.raises(InvalidInputError, match=r"remote: found .*:\*, expected a port: .*7-7 Deny by .*deny-200"):
        ip_flow(found, **asked, remote="10.60.0.5:*")
    assert ip_flow(found, **asked, remote="10.60.0.5:7").access == "Deny"
    assert ip_flow(found, **asked, remote="10.60.0.4:*").access == "Allow"


def test_source_ports_that_end_differently() -> None:
    """The ends of a flow by source port: over the channel, and between machines."""
    found = world("200 deny in *:7 -> *:22")

    assert [each.path.carried for each in explain_ports(found)] == [True, False]
    assert [each.path.carried for each in explain_ports(found, "proxy", "build-linux:22")] == [True, False]
    assert [each.path.carried for each in explain_ports(found, "proxy", "build-linux:23")] == [True]
