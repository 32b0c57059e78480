"""The first rule that matches: the same as one would find by reading the rules, and fast."""

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, ip_network
from itertools import product
from statistics import median
from time import perf_counter
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.errors import NotLoadedError
from emulator.model.flow import Flow, Protocol
from emulator.model.ids import ResourceId
from emulator.model.network import AdminRule, SecurityGroup, SecurityRule
from emulator.model.ports import PortRange
from emulator.model.world import PROBE_SOURCE
from emulator.rules.matching import Classifier
from emulator.rules.security import ordered
from emulator.rules.tags import NOT_INTERNET, Tags
from tests.azure_values import security_groups
from tests.worlds import rule

NETWORKS = (
    IPv4Network("10.60.0.0/16"),
    IPv4Network("10.62.0.0/24"),
    ip_network("fd00::/8"),
    IPv4Network("20.61.0.0/16"),
)
STORAGE = (IPv4Network("20.60.0.0/16"), IPv4Network("10.62.0.128/25"))
ADDRESSES = [
    IPv4Address(text)
    for text in (
        "168.63.129.16",
        "10.60.0.5",
        "10.60.0.9",
        "10.62.0.200",
        "20.60.1.1",
        "20.61.1.1",
        "192.168.1.1",
        "8.8.8.8",
    )
]
PORTS = (22, 60001, 40000)
KNOWN = Tags(NETWORKS, {"storage.westeurope": STORAGE})


def contains(prefix: str, address: IPv4Address) -> bool:
    """Whether a prefix contains an address, tag by tag, as the documentation says it."""
    inside = address == PROBE_SOURCE or any(address in net for net in NETWORKS)
    meanings = {
        "*": True,
        "VirtualNetwork": inside,
        "AzureLoadBalancer": address == PROBE_SOURCE,
        "Internet": not inside and not any(address in net for net in NOT_INTERNET),
        "Storage.WestEurope": any(address in net for net in STORAGE),
    }
    return meanings[prefix] if prefix in meanings else address in ip_network(prefix, strict=False)


def speaks(each: SecurityRule, flow: Flow, groups: Mapping[ResourceId, tuple[IPv4Address, ...]]) -> bool:
    """Whether a rule matches a flow, field by field."""

    def end(prefixes: tuple[str, ...], named: tuple[ResourceId, ...], address: IPv4Address) -> bool:
        return any(contains(prefix, address) for prefix in prefixes) or any(address in groups[one] for one in named)

    return (
        each.protocol in ("*", flow.protocol.name.capitalize())
        and any(flow.source_port in ports for ports in each.source_ports)
        and any(flow.destination_port in ports for ports in each.destination_ports)
        and end(each.source_prefixes, each.source_groups, flow.source)
        and end(each.destination_prefixes, each.destination_groups, flow.destination)
    )


flows = st.builds(
    Flow,
    st.sampled_from(ADDRESSES),
    st.sampled_from(PORTS) | st.integers(0, 65535),
    st.sampled_from(ADDRESSES),
    st.sampled_from(PORTS) | st.integers(0, 65535),
    st.sampled_from(Protocol),
)


@settings(max_examples=50, deadline=None)
@given(group=security_groups(), members=st.lists(st.sampled_from(ADDRESSES), max_size=3), data=st.data())
def test_the_naive_reading_is_the_same(group: SecurityGroup, members: list[IPv4Address], data: st.DataObject) -> None:
    """Whatever tags and groups the ends name, also of several networks, the lowest number that matches decides."""
    named = {one for each in group.rules for one in (*each.source_groups, *each.destination_groups)}
    groups = {one: tuple(members[number % 2 :]) for number, one in enumerate(sorted(named, key=str))}
    tags = Tags(KNOWN.network, KNOWN.services, groups)
    for flow in data.draw(st.lists(flows, min_size=10, max_size=10)):
        for direction in ("Inbound", "Outbound"):
            rules = [each for each in ordered(group, direction) if speaks(each, flow, groups)]
            assert Classifier(ordered(group, direction), tags).first(flow) == rules[0]


def test_no_rule_at_all() -> None:
    """Where no rule matches there is none; of no rules none does."""
    flow = Flow(ADDRESSES[1], 1, ADDRESSES[2], 22)

    assert Classifier((rule("100 deny in 10.60.0.6 -> *"),), KNOWN).first(flow) is None
    assert Classifier[SecurityRule]((), KNOWN).first(flow) is None


@pytest.mark.parametrize("protocol", ["Icmp", "Esp", "Ah"])
def test_other_protocols(protocol: Literal["Icmp", "Esp", "Ah"]) -> None:
    """A rule for a protocol without ports matches no connection."""
    deny = AdminRule(ResourceId("/r"), 1, "Inbound", "Deny", protocol)
    flow = Flow(ADDRESSES[1], 1, ADDRESSES[2], 22)

    assert Classifier((deny,), KNOWN).first(flow) is None
    assert Classifier((replace(deny, protocol="*"),), KNOWN).first(flow)


UNKNOWN = "100 deny in Storage.NorthEurope -> *"
# A tag that was not loaded stands first: which flows need it, and which are decided without.
DECIDED = [
    ((UNKNOWN, "200 allow in * -> *"), "10.60.0.5", "allow-200"),
    ((UNKNOWN, "200 allow in * -> *"), "8.8.8.8", None),
    ((UNKNOWN, "200 deny in * -> *"), "8.8.8.8", "deny-200"),
    (("99 deny in * -> *", UNKNOWN), "8.8.8.8", "deny-99"),
    (("50 allow in 8.8.8.8 -> *", UNKNOWN, "200 allow in * -> *"), "8.8.8.8", "allow-50"),
    ((UNKNOWN + ":22", "200 allow in * -> *"), "8.8.8.8", "allow-200"),
    ((UNKNOWN,), "8.8.8.8", None),
    ((UNKNOWN,), "10.60.0.5", "no rule"),
    ((UNKNOWN, UNKNOWN.replace("100 deny", "110 allow"), "200 allow in * -> *"), "8.8.8.8", None),
    (("100 deny in * -> Storage.NorthEurope", "200 allow in * -> *"), "8.8.8.8", "allow-200"),
]


@pytest.mark.parametrize(("rules", "source", "expected"), DECIDED)
def test_a_tag_that_was_not_loaded(rules: tuple[str, ...], source: str, expected: str | None) -> None:
    """A rule whose tag was not loaded is an error only where it may decide, and differently from what does."""
    ready = Classifier(tuple(rule(text) for text in rules), KNOWN)
    flow = Flow(IPv4Address(source), 40000, IPv4Address("10.60.0.7"), 60001)

    if expected is None:
        with pytest.raises(NotLoadedError, match=r"may match it, by service tags .*`az network list-service-tags"):
            ready.first(flow)
    else:
        found = ready.first(flow)
        assert (found.name if found else "no rule") == expected


def test_a_group_that_was_not_loaded() -> None:
    """A rule for an application group of which nothing was loaded may be for any address of the network."""
    group = ResourceId("/asg")
    ready = Classifier(
        (replace(rule("100 deny in * -> *"), source_groups=(group,)), rule("200 allow in * -> *")), KNOWN
    )

    with pytest.raises(NotLoadedError, match="or application security groups whose addresses were not loaded"):
        ready.first(Flow(IPv4Address("10.60.0.5"), 40000, IPv4Address("10.60.0.7"), 60001))
    assert ready.first(Flow(IPv4Address("8.8.8.8"), 40000, IPv4Address("10.60.0.7"), 60001))


def many(count: int) -> Classifier[SecurityRule]:
    """So many rules, each for addresses and ports of its own, and Azure's after them."""
    rules = tuple(
        SecurityRule(
            f"r{number}",
            100 + number,
            "Inbound",
            "Deny",
            "Tcp",
            (f"10.{number % 250}.{number // 250}.0/24", f"20.{number % 250}.0.0/16"),
            destination_prefixes=(f"10.60.{number % 250}.0/24",),
            destination_ports=(PortRange(number, number + 50),),
        )
        for number in range(count)
    )
    return Classifier(ordered(SecurityGroup(ResourceId("/g"), rules), "Inbound"), KNOWN)


def test_the_number_of_rules_hardly_costs() -> None:
    """A decision against 1,000 rules takes less than five times one against 10."""
    several = [Flow(one, 40000, two, port) for one, two, port in product(ADDRESSES, ADDRESSES, (22, 60001))]
    few, lots = many(10), many(1000)

    def taken(ready: Classifier[SecurityRule]) -> float:
        before = perf_counter()
        for flow in several:
            ready.first(flow)
        return perf_counter() - before

    rounds = [(taken(few), taken(lots)) for _ in range(25)]

    assert median(lots for _, lots in rounds) < 5 * median(few for few, _ in rounds)
