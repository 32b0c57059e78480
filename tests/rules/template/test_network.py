"""The two forms of a template's network, and what excludes what."""

from typing import Any

import pytest

from emulator.model.ids import ResourceId
from emulator.model.image import ImageTemplate, NetworkConfig
from emulator.rules.template import network
from tests.templates import CONTAINERS, NETWORK, SUBNET, TEMPLATE, document, loaded, printed, template, with_network

OLD = {"name": "vnet", "subnetName": "build", "resourceGroupName": "rg-network"}
NEW = {"subnetId": SUBNET}
AT = "properties.vmProfile.vnetConfig"
PREVIEW = "2019-05-01-preview"


def without(key: str) -> dict[str, str]:
    """The old form without one of its fields."""
    return {name: value for name, value in OLD.items() if name != key}


# subnetName and resourceGroupName are required if and only if there is a name; an empty field is an absent one.
WHOLE: list[tuple[dict[str, Any], list[str]]] = [
    (OLD, []),
    ({}, []),
    (dict.fromkeys(OLD, ""), []),
    (without("subnetName"), [f"{AT}.subnetName"]),
    (without("resourceGroupName"), [f"{AT}.resourceGroupName"]),
    ({"name": "vnet"}, [f"{AT}.subnetName", f"{AT}.resourceGroupName"]),
    ({**OLD, "subnetName": ""}, [f"{AT}.subnetName"]),
    (without("name"), [f"{AT}.name"]),
    ({"subnetName": "build"}, [f"{AT}.name"]),
    (NEW, []),
]


@pytest.mark.parametrize(("config", "expected"), WHOLE)
def test_the_old_form_is_whole(config: dict[str, Any], expected: list[str]) -> None:
    """The old form has all three fields or none; both forms at once are told by another rule."""
    assert [each.field for each in network.old_form_whole(with_network(api=PREVIEW, **config))] == expected
    assert not list(network.old_form_whole(with_network(**{**config, **NEW})))


# Both forms at once; proxyVmSize belongs to neither.
BOTH: list[tuple[dict[str, Any], list[str]]] = [
    (OLD, []),
    (NEW, []),
    ({**OLD, "proxyVmSize": "Standard_A1_v2"}, []),
    ({**OLD, **NEW}, [AT]),
    ({"name": "vnet", **NEW}, [AT]),
    ({**OLD, "containerInstanceSubnetId": CONTAINERS}, [AT]),
]


@pytest.mark.parametrize(("config", "expected"), BOTH)
def test_one_form_only(config: dict[str, Any], expected: list[str]) -> None:
    """Parts and ID do not stand together."""
    assert [each.field for each in network.one_form_only(with_network(**config))] == expected


# The old form is for versions before 2020-02-14, subnetId from then on; a version that nobody knows is let pass.
FORMS: list[tuple[str, dict[str, Any], list[str]]] = [
    (PREVIEW, OLD, []),
    (PREVIEW, NEW, [f"{AT}.subnetId"]),
    ("2020-02-14", OLD, [AT]),
    ("2020-02-14", NEW, []),
    ("2024-02-01", OLD, [AT]),
    ("", OLD, [AT]),
    ("[parameters('v')]", OLD, []),
]


@pytest.mark.parametrize(("api", "config", "expected"), FORMS)
def test_the_form_of_the_version(api: str, config: dict[str, Any], expected: list[str]) -> None:
    """Each version takes one form."""
    assert [each.field for each in network.form_of_the_version(with_network(api=api, **config))] == expected


@pytest.mark.parametrize("place", ["properties.VirtualNetworkConfig", "properties.vmProfile.VirtualNetworkConfig"])
def test_the_documentations_first_name(place: str) -> None:
    """The object may be called VirtualNetworkConfig before 2020-02-14 only, in either place."""
    holder: dict[str, Any] = {"vmProfile": {"VirtualNetworkConfig": OLD}}
    holder = holder if "vmProfile" in place else {"vmProfile": {}, "VirtualNetworkConfig": OLD}

    assert network.place_of(template(holder)).path == place
    assert not list(network.name_of_the_object(template(holder, api=PREVIEW)))
    for api in ("2020-02-14", "2024-02-01", ""):
        assert [each.field for each in network.name_of_the_object(template(holder, api=api))] == [place]
    assert [each.field for each in network.form_of_the_version(template(holder))] == [place]


# containerInstanceSubnetId needs subnetId and 2024-02-01, and is another subnet of the same network.
CONTAINER: list[tuple[str, dict[str, Any], list[str]]] = [
    ("2024-02-01", {**NEW, "containerInstanceSubnetId": CONTAINERS}, []),
    ("2024-02-01", {"containerInstanceSubnetId": CONTAINERS}, ["subnetId: nothing"]),
    ("2023-07-01", {**NEW, "containerInstanceSubnetId": CONTAINERS}, [f'containerInstanceSubnetId: "{CONTAINERS}"']),
    ("[parameters('v')]", {**NEW, "containerInstanceSubnetId": CONTAINERS}, []),
    ("2024-02-01", NEW, []),
]


@pytest.mark.parametrize(("api", "config", "expected"), CONTAINER)
def test_the_container_needs(api: str, config: dict[str, Any], expected: list[str]) -> None:
    """The container's subnet never stands alone, and no earlier version knows it."""
    found = network.container_needs_subnet(with_network(api=api, **config))

    assert [f"{each.field.rpartition('.')[2]}: {each.found}"[:60] for each in found] == [
        each[:60] for each in expected
    ]


APART = [
    (CONTAINERS, None),
    (SUBNET, "another subnet"),
    (SUBNET.upper(), "another subnet"),
    (f"{NETWORK}/other/subnets/aci", "a subnet of vnet"),
    ("[variables('aci')]", None),
]


@pytest.mark.parametrize(("container", "allowed"), APART)
def test_the_container_is_apart(container: str, allowed: str | None) -> None:
    """It is in another subnet of the same network; an expression may be anything."""
    found = network.container_apart(with_network(**NEW, containerInstanceSubnetId=container))

    assert [each.allowed for each in found] == ([allowed] if allowed else [])


def test_apart_from_what_is_not_known() -> None:
    """What is missing or no subnet at all is told by other rules."""
    assert not list(network.container_apart(with_network(containerInstanceSubnetId=CONTAINERS)))
    assert not list(network.container_apart(with_network(**NEW, containerInstanceSubnetId="/x/y")))


SUBNETS = [(SUBNET, []), ("[x]", []), ("build", [f"{AT}.subnetId"]), (f"{NETWORK}/vnet", [f"{AT}.subnetId"])]


@pytest.mark.parametrize(("subnet", "expected"), SUBNETS)
def test_subnets_are_subnets(subnet: str, expected: list[str]) -> None:
    """Both IDs are IDs of subnets."""
    assert [each.field for each in network.subnets_are_subnets(with_network(subnetId=subnet))] == expected


# proxyVmSize must be absent beside containerInstanceSubnetId; an empty one is there, unless a tool printed it.
PROXIES: list[tuple[dict[str, Any], bool]] = [
    ({**NEW, "proxyVmSize": "Standard_A1_v2"}, False),
    ({**NEW, "containerInstanceSubnetId": CONTAINERS}, False),
    ({**NEW, "containerInstanceSubnetId": CONTAINERS, "proxyVmSize": "Standard_A1_v2"}, True),
    ({**NEW, "containerInstanceSubnetId": CONTAINERS, "proxyVmSize": ""}, True),
    ({**NEW, "containerInstanceSubnetId": CONTAINERS, "proxyVmSize": None}, False),
]


@pytest.mark.parametrize(("config", "wrong"), PROXIES)
def test_no_proxy_with_the_container(config: dict[str, Any], wrong: bool) -> None:  # noqa: FBT001
    """Where the container has its own subnet there is no proxy to have a size."""
    found = network.no_proxy_with_container(with_network(**config))

    assert [each.field for each in found] == ([f"{AT}.proxyVmSize"] if wrong else [])


def test_a_tool_prints_an_empty_size() -> None:
    """An empty proxyVmSize that a tool printed says nothing; a size says something whoever printed it."""
    for size, expected in (("", 0), ("Standard_A1_v2", 1)):
        config = {**NEW, "containerInstanceSubnetId": CONTAINERS, "proxyVmSize": size}
        found = printed({"vmProfile": {"vnetConfig": config}})
        assert len(list(network.no_proxy_with_container(found))) == expected


def test_a_template_without_words() -> None:
    """A template of which only the network is known has its findings at the usual place."""
    bare = ImageTemplate(ResourceId(TEMPLATE), NetworkConfig(name="vnet"), api_version=PREVIEW, strict=True)

    assert [each.field for each in network.old_form_whole(bare)] == [f"{AT}.subnetName", f"{AT}.resourceGroupName"]
    assert loaded(document({"vmProfile": {}})).network is None
