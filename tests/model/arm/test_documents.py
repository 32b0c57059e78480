"""Documents: whatever is wrapped around resources, and parts that stand alone."""

import json
from typing import Any

import pytest

from emulator.model import arm
from emulator.model.arm import documents
from emulator.model.arm.documents import Raw, merged, part_of
from emulator.model.arm.findings import Place
from emulator.model.balancer import LoadBalancer
from emulator.model.ids import ResourceId
from emulator.model.image import ImageTemplate
from emulator.model.network import RouteTable, SecurityGroup, ServiceTags, VirtualNetwork
from emulator.model.privatelink import PrivateLinkService
from emulator.model.resources import Resource
from tests.documents import NETWORK, document, one, said

GROUP = document("Microsoft.Network/networkSecurityGroups", {"securityRules": []})
NET = document("Microsoft.Network/virtualNetworks", {"addressSpace": {"addressPrefixes": ["10.0.0.0/8"]}})
TEMPLATE: dict[str, Any] = {"properties": {"source": {}, "distribute": []}}


def ids(value: object, name: str = "a.json") -> list[str]:
    """The IDs of the resources in a document, from their type on."""
    found = list(documents.resources(name, value, []))
    return [each.id.text.rpartition("/providers/")[2] for each in found]


# Every form in which a resource comes (azure.md 2.1): alone, listed, paged, in an answer of the API, in a template.
WRAPPED: list[Any] = [
    GROUP,
    [GROUP],
    {"value": [GROUP]},
    {"Value": [GROUP], "nextLink": "https://…"},
    {"parameters": {"api-version": "1"}, "responses": {"200": {"body": GROUP}, "201": {"body": {}}}},
    {"responses": {"202": {"headers": {}}, "200": {"body": {"value": [GROUP]}}}},
    {"$schema": "https://…", "resources": [GROUP]},
    [{"value": [{"$schema": "", "resources": [GROUP]}]}],
]


@pytest.mark.parametrize("value", WRAPPED)
def test_wrappings(value: Any) -> None:
    """A resource is found in whatever is wrapped around it."""
    assert ids(value) == ["Microsoft.Network/networkSecurityGroups/x"]


def test_resources_keep_their_order() -> None:
    """Resources come in the order of the document, also out of pages within lists."""
    named = [{**GROUP, "id": f"{NETWORK}/networkSecurityGroups/{name}"} for name in "abcd"]

    assert [text[-1] for text in ids([named[0], {"value": named[1:3]}, named[3]])] == list("abcd")


def test_pages_within_pages() -> None:
    """Wrappers nested deeper than anybody's stack are opened one by one."""
    value: Any = GROUP
    for _ in range(20_000):
        value = {"value": [value]}

    assert ids(value) == ["Microsoft.Network/networkSecurityGroups/x"]
    while isinstance(value, dict) and "value" in value:
        (value,) = value["value"]


# What has no ID is given one, if its type and name, or what it says, make clear what it is.
MADE: list[tuple[dict[str, Any], str | None]] = [
    ({"type": "Microsoft.Network/routeTables", "name": "r", "properties": {}}, "Microsoft.Network/routeTables/r"),
    ({"type": "A.B/c", "name": "[parameters('n')]", "id": None}, "A.B/c/file"),
    (TEMPLATE, "Microsoft.VirtualMachineImages/imageTemplates/file"),
    (
        {**TEMPLATE, "type": "Microsoft.VirtualMachineImages", "name": "t"},
        "Microsoft.VirtualMachineImages/imageTemplates/t",
    ),
    ({"values": [], "cloud": "Public", "changeNumber": 1}, "Microsoft.Network/serviceTags/Public"),
    ({"type": "Microsoft.Network/virtualNetworks/subnets", "name": "v/s"}, None),
    ({"type": 5, "name": "x"}, None),
    ({"name": "x"}, None),
    ({"properties": {"source": {}}}, None),
    ({"id": "x", "type": "A.B/c", "name": "x"}, None),
    ({"id": "/subscriptions/s/resourceGroups/g"}, None),
]


@pytest.mark.parametrize(("value", "expected"), MADE)
def test_ids_that_are_made(value: dict[str, Any], expected: str | None) -> None:
    """A template to be deployed gets an ID of its type and its name, or else of its file's name."""
    assert ids(value, r"C:\images/file.v1.json") == ([expected] if expected else [])


def test_a_file_without_a_name() -> None:
    """Where neither the resource nor its document has a name, it is a template."""
    assert ids(TEMPLATE, ".json") == ["Microsoft.VirtualMachineImages/imageTemplates/template"]


def test_the_version_of_an_example() -> None:
    """An example of the API names the version of its resource, unless the resource does."""
    example = {"parameters": {"api-version": "2024-02-01"}, "responses": {"200": {"body": TEMPLATE}}}
    own = {**example, "responses": {"200": {"body": {**TEMPLATE, "apiVersion": "2020-02-14"}}}}
    odd = {**example, "parameters": {"api-version": 5}}

    assert [one(ImageTemplate, each).api_version for each in (example, own, odd)] == ["2024-02-01", "2020-02-14", ""]


RULE = {"protocol": "*", "access": "Deny", "direction": "Inbound", "priority": 200}
ENDS = {end + kind: "*" for end in ("source", "destination") for kind in ("AddressPrefix", "PortRange")}
PREFIX = {"addressPrefix": "10.0.0.0/24"}
# A part, and what its whole then has.
PARTS: list[tuple[type[Resource], str, dict[str, Any], str]] = [
    (VirtualNetwork, "subnets", PREFIX, "subnets"),
    (VirtualNetwork, "virtualNetworkPeerings", {"remoteVirtualNetwork": {"id": "/v"}}, "peerings"),
    (SecurityGroup, "securityRules", {**RULE, **ENDS}, "rules"),
    (RouteTable, "routes", {**PREFIX, "nextHopType": "None"}, "routes"),
    (LoadBalancer, "probes", {"protocol": "Tcp", "port": 60001}, "probes"),
    (LoadBalancer, "loadBalancingRules", {"protocol": "Tcp", "frontendPort": 1, "backendPort": 1}, "rules"),
    (LoadBalancer, "frontendIPConfigurations", {"privateIPAddress": "10.0.0.6"}, "frontends"),
    (LoadBalancer, "backendAddressPools", {}, "pools"),
    (LoadBalancer, "inboundNatRules", {"protocol": "Tcp"}, "nat_rules"),
    (LoadBalancer, "outboundRules", {"protocol": "All"}, "outbound_rules"),
    (PrivateLinkService, "privateEndpointConnections", {}, "connections"),
]
NAMES: dict[type[Resource], str] = {
    VirtualNetwork: "virtualNetworks",
    SecurityGroup: "networkSecurityGroups",
    RouteTable: "routeTables",
    LoadBalancer: "loadBalancers",
    PrivateLinkService: "privateLinkServices",
}


def whole_of(kind: type[Resource]) -> dict[str, Any]:
    """A resource without parts."""
    return document(f"Microsoft.Network/{NAMES[kind]}", NET["properties"] if kind is VirtualNetwork else {})


@pytest.mark.parametrize(("kind", "collection", "properties", "attribute"), PARTS)
def test_a_part_joins_its_whole(
    kind: type[Resource], collection: str, properties: dict[str, Any], attribute: str
) -> None:
    """A part that stands alone joins its whole: of the same document, of another, of resources that are there."""
    whole = whole_of(kind)
    part = {"id": f"{whole['id'].upper()}/{collection}/p", "properties": properties}
    flat = {"id": part["id"], "name": "p", **properties}
    over = (one(kind, whole),)

    together = [one(kind, [part, whole]), one(kind, [whole, flat]), one(kind, part, over=over)]
    assert [[each.name for each in _parts(found, attribute)] for found in together] == [["p"]] * 3
    assert together[0] == together[1] == together[2]
    assert {each.id for each in together} == {ResourceId(whole["id"])}


def _parts(found: Resource, attribute: str) -> list[Any]:
    return [getattr(each, "id", each) for each in getattr(found, attribute)]


@pytest.mark.parametrize("flat", [False, True])
def test_a_part_replaces_the_one_of_its_name(*, flat: bool) -> None:
    """A part that stands alone is newer than the one in its whole, whose name counts without case."""
    rules: list[Any] = [
        {"name": name, "properties": {**RULE, **ENDS, "priority": 100 + n}} for n, name in enumerate("ab")
    ]
    own = {
        "SecurityRules": [*rules, {"id": f"{GROUP['id']}/securityRules/c", **rules[0]["properties"], "priority": 300}]
    }
    whole = {"id": GROUP["id"], **own} if flat else {"id": GROUP["id"], "Properties": own}
    parts = [{"id": f"{GROUP['id']}/securityRules/{name}", "properties": {**RULE, **ENDS}} for name in ("A", "C")]

    found = one(SecurityGroup, [whole, parts[0]])

    assert {each.name: each.priority for each in found.rules} == {"A": 200, "b": 101, "c": 300}
    assert {each.name: each.priority for each in one(SecurityGroup, [whole, parts[1]]).rules} == {
        "a": 100,
        "b": 101,
        "C": 200,
    }


def test_several_parts() -> None:
    """Parts join one whole together, and what is no part stays."""
    parts = [
        {"id": f"{NET['id']}/subnets/{name}", "properties": {"addressPrefix": f"10.0.{n}.0/24"}}
        for n, name in enumerate("ab")
    ]
    found = arm.load([("1.json", parts[:1]), ("2.json", [NET, GROUP]), ("3.json", parts[1:])]).resources
    network = next(each for each in found if isinstance(each, VirtualNetwork))

    assert len(found) == 2
    assert [each.id.name for each in network.subnets] == ["a", "b"]


def test_a_part_without_its_whole() -> None:
    """A part whose whole nobody has is kept, and a warning says that it is not used."""
    loaded = arm.load([("a.json", {"id": f"{NETWORK}/virtualNetworks/v/subnets/s", "properties": PREFIX})])

    assert loaded.warnings == (
        f"a.json: {NETWORK}/virtualNetworks/v/subnets/s: stands alone, without v, and is not used",
    )
    assert len(loaded.resources) == 1


def test_a_wrong_part_is_told_of_by_its_own_document() -> None:
    """What is wrong with a part is said of it and of its document, though its whole was there before."""
    part = {"id": f"{GROUP['id']}/securityRules/r", "properties": {**RULE, **ENDS, "priority": 1}}
    over = (one(SecurityGroup, GROUP),)

    assert said(part, over=over) == [
        f"0.json: {part['id']}: priority: found 1, expected a whole number from 100 to 4096"
    ]


@pytest.mark.parametrize(
    ("text", "collection"),
    [
        ("virtualNetworks/v/SUBNETS/s", "subnets"),
        ("loadBalancers/l/probes/p", "probes"),
        ("virtualNetworks/v", None),
        ("networkSecurityGroups/g/defaultSecurityRules/r", None),
    ],
)
def test_what_is_a_part(text: str, collection: str | None) -> None:
    """A part is told by its type."""
    assert part_of(ResourceId(f"{NETWORK}/{text}")) == collection


def test_merging_leaves_documents_alone() -> None:
    """What was read from a document is not changed by what joins it."""
    value = json.loads(json.dumps(NET))
    whole, part = ResourceId(NET["id"]), ResourceId(f"{NET['id']}/subnets/s")
    place = Place("a.json")

    (found,) = merged([Raw(whole, value, place), Raw(part, PREFIX, place)])

    assert value == NET
    assert found.value["properties"]["subnets"] == [{"name": "s", **PREFIX}]


def test_the_weekly_file_of_service_tags() -> None:
    """The file that Microsoft publishes every week has no ID; it is read as what `list-service-tags` prints."""
    tag = {"name": "Storage", "id": "Storage", "properties": {"addressPrefixes": ["20.0.0.0/8"]}}
    found = one(ServiceTags, {"changeNumber": 1, "cloud": "Public", "values": [tag]})

    assert [name for name, _ in found.tags] == ["Storage"]


def test_two_made_from_one_name_are_refused() -> None:
    """Names that are expressions make one ID of two groups; the later never silently takes the place of the first."""
    first, second = (
        {"type": "Microsoft.Network/networkSecurityGroups", "name": f"[parameters('{name}')]", "properties": {}}
        for name in "ab"
    )

    (line,) = said({"$schema": "deploymentTemplate.json", "resources": [first, second]})

    assert "name: found \"[parameters('b')]\", expected a name that nothing else of its type has here; " in line


@pytest.mark.parametrize("control", ["\x1b[31m", "\n", "\u202e"])
def test_names_cannot_write_on_a_terminal(control: str) -> None:
    """Names and IDs stand in verdicts as they are, so one that would move a cursor is refused, and told escaped."""
    documents = [
        {**GROUP, "id": GROUP["id"] + control},
        {**GROUP, "properties": {"securityRules": [{"name": control}]}},
        {**NET, "properties": {**NET["properties"], "subnets": [{"name": "s", "routeTable": {"id": control}}]}},
    ]

    for each in documents:
        (line, *_) = said(each)
        assert "expected" in line
        assert line.isprintable()
