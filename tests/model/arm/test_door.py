"""Azure's JSON: what is read, what is refused and how, and what is written."""

import copy
import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.errors import InvalidInputError
from emulator.model import arm
from emulator.model.arm import documents, load_json
from emulator.model.default_world import BUILD_GROUP, DOCUMENTED_RULE, default_world
from emulator.model.network import SecurityGroup
from emulator.model.ports import PortRange
from emulator.model.resources import Other
from tests.worlds import groups, nsg

GOOD = arm.dump(SecurityGroup(BUILD_GROUP, (DOCUMENTED_RULE,)))
IDENTITY = "expected the ID of a resource, or its `type` and `name`"


def changed(path: str, value: object) -> dict[str, Any]:
    """The good document with one field set, as `properties.securityRules.0.name`."""
    document = copy.deepcopy(GOOD)
    *way, last = path.split(".")
    place: Any = document
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    place[last] = value
    return document


def load_groups(documents: Iterable[tuple[str, object]]) -> tuple[SecurityGroup, ...]:
    """The security groups in documents."""
    return tuple(each for each in arm.load(documents).resources if isinstance(each, SecurityGroup))


def finding(value: object) -> str:
    """What is said of a document."""
    with pytest.raises(InvalidInputError) as caught:
        load_groups([("a.json", value)])
    return str(caught.value)


@given(group=groups())
def test_dumped_groups_are_read_back(group: SecurityGroup) -> None:
    """A group written and read, through text, is the same value, its ID spelled the same."""
    text = json.dumps(arm.dump(group))

    (found,) = load_groups([("a.json", load_json("a.json", text))])

    assert found == group
    assert found.id.text == group.id.text


RULES = "properties.securityRules"
RULE = f"{RULES}.0.properties"
# One wrong field each: the message names the document, the resource, the field, what was found and what is allowed.
WRONG: list[tuple[str, object, str]] = [
    ("id", 5, f"a.json: resource: id: found 5, {IDENTITY}"),
    ("id", "nsg", f'a.json: resource: id: found "nsg", {IDENTITY}'),
    ("id", "/subscriptions/s/providers/Microsoft.Network/networkSecurityGroups/", 'found "/subscriptions/s/prov'),
    ("properties", 5, f"a.json: {BUILD_GROUP.text}: properties: found 5, expected an object (REST shape)"),
    ("properties", "System.Object", 'properties: found "System.Object", expected an object (REST shape); ConvertTo-'),
    (RULES, {}, "securityRules: found an object of 0, expected a list"),
    (RULES, [7], "securityRules[0]: found 7, expected an object with a `name`"),
    (f"{RULES}.0.name", 5, "securityRules[0]: found an object of 2, expected an object with a `name`"),
    (RULE, None, "/securityRules/AzureImageBuilderNsgRule: priority: found nothing, expected a value"),
    (f"{RULE}.priority", 99, "/securityRules/AzureImageBuilderNsgRule: priority: found 99, expected a whole number"),
    (f"{RULE}.priority", 4097, "from 100 to 4096"),
    (f"{RULE}.priority", True, "priority: found true"),
    (f"{RULE}.priority", "400", 'priority: found "400"'),
    (f"{RULE}.access", "Maybe", 'access: found "Maybe", expected one of Allow, Deny'),
    (f"{RULE}.direction", None, "direction: found nothing, expected a value"),
    (f"{RULE}.protocol", 6, "protocol: found 6, expected one of Tcp, Udp, Icmp, Esp, Ah, *"),
    (
        f"{RULE}.sourceAddressPrefix",
        "S q l",
        'sourceAddressPrefix: found "S q l", expected *, an address, a range',
    ),
    (f"{RULE}.sourceAddressPrefix", "10.0.0.0/33", "sourceAddressPrefix: found"),
    (f"{RULE}.sourceAddressPrefix", None, "source: found nothing, expected address prefixes, or application"),
    (f"{RULE}.sourceAddressPrefixes", "*", "sourceAddressPrefixes: found"),
    (f"{RULE}.sourceAddressPrefixes", [1], "sourceAddressPrefix[1]: found 1, expected *, an address"),
    (f"{RULE}.sourceAddressPrefixes", ["Internet"], "sourceAddressPrefixes: found"),
    (
        f"{RULE}.destinationPortRange",
        "22-",
        'destinationPortRange: found "22-", expected *, a port, or first-last',
    ),
    (f"{RULE}.destinationPortRange", 22, "destinationPortRange[0]: found 22"),
    (f"{RULE}.destinationPortRange", "x" * 200, "..., expected"),
]


@pytest.mark.parametrize(("path", "value", "expected"), WRONG)
def test_wrong_fields(path: str, value: object, expected: str) -> None:
    """A wrong field is named with what was found there and what is allowed."""
    assert expected in finding(changed(path, value))


@pytest.mark.parametrize("value", [5, "text", [], [[]], [GOOD, 5], {"value": []}, {"value": [None]}])
def test_no_resources(value: object) -> None:
    """What is no resource, list or page is named as such."""
    assert "expected a resource, a list of resources or a page with `value`" in finding(value)


@pytest.mark.parametrize("value", [[], {"value": []}, {"value": {}, "responses": {"200": {"body": {"value": []}}}}])
def test_an_empty_list_is_no_mistake(value: object) -> None:
    """A subscription may have none of a type, for which `az … list` prints an empty list; the rest is read."""
    assert load_groups([("a.json", value), ("b.json", GOOD)]) == (SecurityGroup(BUILD_GROUP, (DOCUMENTED_RULE,)),)


def test_every_finding_is_reported_and_nothing_loaded() -> None:
    """All that is wrong in all documents is said at once, one line each."""
    bad = changed(f"{RULE}.access", "Maybe")
    bad["properties"]["securityRules"][0]["properties"]["priority"] = 1

    with pytest.raises(InvalidInputError) as caught:
        load_groups([("a.json", bad), ("b.json", GOOD), ("c.json", 5)])

    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == ["a.json", "a.json", "c.json"]


def two_rules(**second: object) -> dict[str, Any]:
    """A document whose second rule is the first one, but for these fields; `name` is its name."""
    document = copy.deepcopy(GOOD)
    rule = copy.deepcopy(document["properties"]["securityRules"][0])
    rule["name"] = second.pop("name", "Other")
    rule["properties"] |= second
    document["properties"]["securityRules"].append(rule)
    return document


def test_a_priority_is_used_once_in_a_direction() -> None:
    """Azure takes a priority once in each direction, and so do we, whatever the rules' names."""
    same = f"priority: found 400, expected a priority that Inbound rule {DOCUMENTED_RULE.name} has not"

    assert same in finding(two_rules())
    assert same in finding(two_rules(name=DOCUMENTED_RULE.name))
    assert len(load_groups([("a.json", two_rules(direction="Outbound"))])[0].rules) == 2


def test_a_name_is_used_once() -> None:
    """Two rules of one name are refused, in any case and direction."""
    twice = two_rules(name=DOCUMENTED_RULE.name.upper(), direction="Outbound")

    assert "name: found" in finding(twice)


@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: [one], lambda one: {"value": [one]}])
def test_shapes(wrap: Any) -> None:
    """A resource alone, in a list or in a page is the same resource."""
    assert load_groups([("a.json", wrap(GOOD))]) == (SecurityGroup(BUILD_GROUP, (DOCUMENTED_RULE,)),)


def test_what_may_be_absent_or_null() -> None:
    """Rules, location and description may be left out or null; words may be in any case."""
    document = changed(f"{RULE}.access", "ALLOW")
    document["location"] = None
    document["properties"]["securityRules"][0]["properties"]["description"] = None
    (group,) = load_groups([("a.json", document)])

    assert (group.location, group.rules[0].access, group.rules[0].description) == ("westeurope", "Allow", "")
    assert load_groups([("a.json", {"id": BUILD_GROUP.text, "properties": {}})]) == (nsg(),)


def test_singular_and_plural_are_joined() -> None:
    """Ports and prefixes come in the singular field, the plural one, or both."""
    document = changed(f"{RULE}.destinationPortRanges", ["22", "5986"])
    document["properties"]["securityRules"][0]["properties"]["sourceAddressPrefix"] = ""
    document["properties"]["securityRules"][0]["properties"]["sourceAddressPrefixes"] = ["any", "10.0.0.0/8"]
    (group,) = load_groups([("a.json", document)])

    assert group.rules[0].destination_ports == (PortRange(60000, 60001), PortRange(22, 22), PortRange(5986, 5986))
    assert group.rules[0].source_prefixes == ("any", "10.0.0.0/8")


def test_findings_stay_on_one_printable_line() -> None:
    """Text of a document cannot break a line, a terminal or an encoding in the message about it."""
    said = finding(two_rules(name="a\nb\x1b[31m\ud800"))

    assert len(said.splitlines()) == 1
    assert said.isprintable()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("*") | st.just("Tcp"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "name", "properties", "value", "securityRules", "priority", "x"]), inner
        )
    ),
    max_leaves=12,
)
fields = st.sampled_from(
    ["id", "location", "properties", RULES, f"{RULES}.0", f"{RULES}.0.name", RULE]
    + [f"{RULE}.{field}" for field in GOOD["properties"]["securityRules"][0]["properties"]]
    + [f"{RULE}.{end}{kind}" for end in ("source", "destination") for kind in ("AddressPrefixes", "PortRanges")]
)


@given(value=json_values)
def test_random_json_raises_only_our_error(value: object) -> None:
    """Whatever the JSON, groups come of it or findings do."""
    said = ""
    try:
        load_groups([("a.json", value)])
    except InvalidInputError as error:
        said = str(error)
    assert all(line.startswith("a.json: ") for line in said.splitlines())


@given(path=fields, value=json_values)
def test_random_fields_raise_only_our_error(path: str, value: object) -> None:
    """Whatever stands in one field, a group comes of it that can be written again, or findings do."""
    document = copy.deepcopy(GOOD)
    *way, last = path.split(".")
    place: Any = document
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    place[int(last) if last.isdigit() else last] = value
    try:
        found = load_groups([("a.json", document)])
    except InvalidInputError:
        return
    assert load_groups([("b.json", [arm.dump(each) for each in found])]) == found


@pytest.mark.parametrize("text", ["", "{", b"\xff\xff", "[" * 100_000, "1" * 5000])
def test_no_json(text: str | bytes) -> None:
    """What is not JSON is refused by the document's name."""
    with pytest.raises(InvalidInputError, match=r"^a\.json: not JSON: "):
        load_json("a.json", text)


def test_deep_values_are_not_printed_whole() -> None:
    """A value nested deeper than could be printed again is named by its kind and size."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    assert "found a list of 1" in finding([GOOD, deep])
    while deep:
        deep = deep.pop()


def test_large_json() -> None:
    """Documents beyond the limit are not even parsed."""
    with pytest.raises(InvalidInputError, match="at most"):
        load_json("a.json", b" " * (documents.MAX_DOCUMENT_BYTES + 1))


def test_json_as_powershell_saves_it() -> None:
    """A byte order mark and UTF-16 do not disturb."""
    assert load_json("a.json", json.dumps(GOOD).encode("utf-16")) == GOOD
    assert load_json("a.json", b"\xef\xbb\xbf{}") == {}


def test_what_no_decision_reads() -> None:
    """Another type is kept with a warning, but for types of which the ID alone matters; its ID stays its own."""
    gateway = {"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/natGateways/n", "sku": 1}
    firewall = {"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/azureFirewalls/f", "x": [1]}
    default = {"id": f"{BUILD_GROUP.text}/defaultSecurityRules/AllowVnetInBound", "name": "AllowVnetInBound"}
    loaded = arm.load([("a.json", [gateway, firewall, GOOD, default])])

    assert [warning.rpartition(": ")[2] for warning in loaded.warnings] == [
        f"no decision reads resources of type microsoft.network/{kind}; it is kept as it is"
        for kind in ("azurefirewalls", "networksecuritygroups/defaultsecurityrules")
    ]
    assert [arm.dump(each) for each in loaded.resources if isinstance(each, Other)] == [gateway, firewall, default]
    assert [list(arm.references(each)) for each in loaded.resources if isinstance(each, Other)] == [[], [], []]


def test_an_id_that_is_null_stays_the_one_that_was_made() -> None:
    """A resource without an ID gets one of its document's name; written, it keeps it in any other document."""
    (found,) = arm.load([("first.json", {"id": None, "type": "A.B/c", "properties": {}})]).resources
    (again,) = arm.load([("second.json", arm.dump(found))]).resources

    assert again == found


def test_the_later_of_two_counts() -> None:
    """Of two resources with one ID the later is loaded, and where they differ that is told."""
    later = {**GOOD, "id": BUILD_GROUP.text.upper(), "properties": {}}

    assert load_groups([("a.json", GOOD), ("b.json", later)]) == (nsg(),)
    (said,) = arm.load([("a.json", GOOD), ("b.json", later)]).warnings
    assert said.startswith(f"b.json: {BUILD_GROUP.text.upper()}: stands there twice with different content")
    assert arm.load([("a.json", GOOD), ("b.json", GOOD)]).warnings == ()


def test_references_are_named_by_field() -> None:
    """What a resource refers to is told with the field that says so, a part's with its collection."""
    found = {field for each in default_world().resources for field, _ in arm.references(each)}

    assert {"subnets", "ipConfigurations", "networkInterfaces", "backendAddressPools", "subnet"} <= found
