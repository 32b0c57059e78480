"""Shapes of Network Watcher's answers: fields and words as Azure's examples have them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulator.app.worlds import load_world
from emulator.model.flow import Flow
from emulator.rules import network_watcher
from emulator.rules.condition import assumed
from emulator.rules.ends import end_of
from emulator.rules.ip_flow import verify
from emulator.rules.path import client_flow, decide
from emulator.rules.reach import trace
from tests.rules.test_ip_flow import BUILD, PROXY
from tests.rules.test_path import path_of
from tests.worlds import nic_of, rule, with_routes, world

DATA = Path(__file__).parents[1] / "data"
EXPORT = load_world(DATA / "export" / "rest")
EXAMPLES = DATA / "azure" / "network"


def example(name: str) -> Any:
    """What the API's example answers."""
    return json.loads((EXAMPLES / name).read_text())["responses"]["200"]["body"]


def test_ip_flow() -> None:
    """The answer has the fields of `ipFlowVerify`."""
    found = world()
    answer = network_watcher.ip_flow(
        verify(found, nic_of(found, "build-linux"), "Inbound", Flow(PROXY, 1, BUILD, 22))
    )

    assert answer == {"access": "Allow", "ruleName": "defaultSecurityRules/AllowVnetInBound"}
    assert set(answer) == set(example("NetworkWatcherIpFlowVerify.json"))


def test_connectivity() -> None:
    """A path has the hops of `connectivityCheck`, each leading to the next, and our legs beside them."""
    path = path_of(world())
    answer = network_watcher.connectivity(end_of(world(), "client"), path)
    real = example("NetworkWatcherConnectivityCheck.json")

    assert {"hops", "connectionStatus", "probesSent", "probesFailed"} <= set(real) & set(answer)
    assert all(set(hop) == set(real["hops"][0]) for hop in answer["hops"])
    assert [hop["type"] for hop in answer["hops"]] == [
        *("Source", "PrivateEndpoint", "LoadBalancer", "VirtualMachine", "VirtualMachine")
    ]
    ids = [hop["id"] for hop in answer["hops"]]
    assert [hop["nextHopIds"] for hop in answer["hops"]] == [*([each] for each in ids[1:]), []]
    assert answer["connectionStatus"] == "Connected"
    assert [leg["name"] for leg in answer["legs"]] == [leg.name for leg in path.legs]
    assert answer["sentence"] == str(path.end().verdict)


# What stops a flow, and the type of issue that connection troubleshoot has for it.
ISSUES = [
    (("200 allow in AzureLoadBalancer -> *", "300 deny in * -> *:60001"), "NetworkSecurityRule", "Inbound"),
    (("300 deny out * -> *:22",), "NetworkSecurityRule", "Outbound"),
    (("300 deny in AzureLoadBalancer -> *",), "Platform", "Inbound"),
]


def test_the_origin_is_not_read_off_names() -> None:
    """A rule that is called after a direction does not turn the issue round."""
    named = replace(rule("300 deny in * -> *:22"), name="no outbound here")
    found = world(named)
    path = decide(client_flow(found, "linux", 49152), found, assumed(found), "linux")
    (issue,) = network_watcher.connectivity(end_of(found, "client"), path)["hops"][-1]["issues"]

    assert issue["origin"] == "Inbound"


# A route of the build subnet, and on which side of the packet it is lost: on its way out, or the answer.
ROUTED = [("10.60.0.8/32 -> None", "Outbound"), ("10.60.0.5/32 -> None", "Inbound")]


@pytest.mark.parametrize(("route", "origin"), ROUTED)
def test_the_origin_of_a_route(route: str, origin: str) -> None:
    """A route that loses the packet on its way out is the source's, one that loses the answer the destination's."""
    found = with_routes(world(), route)
    path = decide(client_flow(found, "linux", 49152), found, assumed(found), "linux")
    (issue,) = network_watcher.connectivity(end_of(found, "client"), path)["hops"][-1]["issues"]

    assert (issue["type"], issue["origin"]) == ("UserDefinedRoute", origin)


@pytest.mark.parametrize(("rules", "kind", "origin"), ISSUES)
def test_issues(rules: tuple[str, ...], kind: str, origin: str) -> None:
    """The hop at which a flow ends has the issue, with the resource and the rule in its context."""
    found = world(*rules)
    path = decide(client_flow(found, "linux", 49152), found, assumed(found), "linux")
    hops = network_watcher.connectivity(end_of(found, "client"), path)["hops"]

    assert [hop["issues"] for hop in hops[:-1]] == [[]] * (len(hops) - 1)
    (issue,) = hops[-1]["issues"]
    assert (issue["type"], issue["origin"], issue["severity"]) == (kind, origin, "Error")
    assert {each["key"] for each in issue["context"]} == {"resourceId", "name"}


def test_a_route_is_an_issue_of_its_own_type() -> None:
    """A route that loses a flow is a user-defined route's issue, the Internet a hop of its own."""
    lost = trace(EXPORT, lambda: assumed(EXPORT), end_of(EXPORT, "vm-jump"), end_of(EXPORT, "internet"), 443)
    answer = network_watcher.connectivity(end_of(EXPORT, "vm-jump"), lost)

    assert answer["hops"][-1]["type"] == "Internet"


def test_effective() -> None:
    """Rules and routes have the fields of Azure's effective lists, and its words."""
    interface = end_of(EXPORT, "vm-tools").interface
    assert interface
    answer = network_watcher.effective(EXPORT, interface)
    rules = example("NetworkInterfaceEffectiveNSGList.json")["value"][0]
    routes = example("NetworkInterfaceEffectiveRouteTableList.json")["value"]

    (group,) = answer["effectiveNetworkSecurityGroups"]["value"]
    assert set(rules) - set(group) == set()
    by_name = {each["name"]: each for each in group["effectiveSecurityRules"]}
    assert by_name["defaultSecurityRules/DenyAllInBound"] == {
        "name": "defaultSecurityRules/DenyAllInBound",
        "protocol": "All",
        "sourcePortRange": "0-65535",
        "destinationPortRange": "0-65535",
        "sourceAddressPrefix": "0.0.0.0/0",
        "destinationAddressPrefix": "0.0.0.0/0",
        "access": "Deny",
        "priority": 65500,
        "direction": "Inbound",
    }
    assert by_name["securityRules/AllowAdmins"]["destinationPortRanges"] == ["22-22", "3389-3389", "5986-5986"]
    assert by_name["securityRules/AllowBuildTools"]["destinationAddressPrefix"] == "10.20.1.40/32"
    assert "10.10.0.0/16" in group["tagMap"]["VirtualNetwork"]
    assert all(set(routes[0]) <= set(each) for each in answer["effectiveRoutes"]["value"])
    first = answer["effectiveRoutes"]["value"][0]
    assert (first["name"], first["source"], first["state"]) == ("to-onprem", "User", "Active")
    assert (first["nextHopType"], first["nextHopIpAddress"]) == ("VirtualAppliance", ["10.10.1.10"])
