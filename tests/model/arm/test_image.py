"""Image templates as Azure writes them: the network of the build in its two forms, identities, sizes."""

from typing import Any

import pytest

from emulator.model import arm
from emulator.model.ids import ResourceId
from emulator.model.image import ImageTemplate, NetworkConfig
from tests.documents import DATA, document, finding, one

KIND = "Microsoft.VirtualMachineImages/imageTemplates"
SUBNET, CONTAINERS = "/subscriptions/s/v/build", "/subscriptions/s/v/aci"
OLD = {"name": "v", "subnetName": "s", "resourceGroupName": "g"}
BY_PARTS = NetworkConfig(name="v", subnet_name="s", resource_group="g")
# Where a template says its network (azure.md 1.5): the newer object, the first documentation's, or nowhere.
NETWORKS: list[tuple[dict[str, Any], NetworkConfig | None]] = [
    ({}, None),
    ({"vmProfile": None}, None),
    ({"vmProfile": {"vmSize": "s"}}, None),
    ({"vmProfile": {"vnetConfig": {"subnetId": SUBNET}}}, NetworkConfig(ResourceId(SUBNET))),
    (
        {"vmProfile": {"vnetConfig": {"subnetId": SUBNET, "containerInstanceSubnetId": CONTAINERS}}},
        NetworkConfig(ResourceId(SUBNET), ResourceId(CONTAINERS)),
    ),
    ({"vmProfile": {"vnetConfig": {"proxyVmSize": ""}}}, NetworkConfig(proxy_size="")),
    ({"vmProfile": {"vnetConfig": {"subnetId": "", "name": ""}}}, None),
    ({"vmProfile": {"vnetConfig": {}}}, None),
    ({"vmProfile": {"vnetConfig": OLD}}, BY_PARTS),
    ({"vmProfile": {"VirtualNetworkConfig": OLD}}, BY_PARTS),
    ({"VirtualNetworkConfig": OLD}, BY_PARTS),
    ({"virtualNetworkConfig": {**OLD, "other": 5}}, BY_PARTS),
]


@pytest.mark.parametrize(("properties", "network"), NETWORKS)
def test_the_network_of_a_build(properties: dict[str, Any], network: NetworkConfig | None) -> None:
    """The network is found in every form in which templates have said it; what is empty is not said."""
    assert one(ImageTemplate, document(KIND, properties)).network == network


def test_what_decides() -> None:
    """Identities with their principals, those of the build VM, sizes and the staging group are read."""
    properties = {
        "vmProfile": {"vmSize": "Standard_D1_v2", "userAssignedIdentities": ["/i/b"]},
        "stagingResourceGroup": "/subscriptions/s/resourceGroups/g",
    }
    users = {"/i/a": {"principalId": "p", "clientId": "c"}, "/i/c": {}}
    identity = {"type": "UserAssigned", "userAssignedIdentities": users}
    found = one(ImageTemplate, document(KIND, properties, identity=identity, location="north", apiVersion="1"))

    assert found.identities == ((ResourceId("/i/a"), "p"), (ResourceId("/i/c"), ""))
    assert (found.build_identities, found.vm_size) == ((ResourceId("/i/b"),), "Standard_D1_v2")
    assert found.staging_group == ResourceId("/subscriptions/s/resourceGroups/g")
    assert (found.location, found.api_version, found.strict) == ("north", "1", True)


def test_the_tools_print_is_not_strict() -> None:
    """A template without `properties` is a tool's print, whose spelling says nothing of what somebody wrote."""
    flat = {"id": document(KIND, {})["id"], "source": {}, "vmProfile": {"vmSize": "s"}}

    assert (one(ImageTemplate, flat).strict, one(ImageTemplate, flat).vm_size) == (False, "s")


def test_its_own_words_are_written_back() -> None:
    """A template is written as it was read, with fields that are no field of Azure's and identities as they were."""
    path = DATA / "azure" / "imagebuilder" / "CreateImageTemplateWindows.json"
    body = arm.load_json("a.json", path.read_bytes())
    found = one(ImageTemplate, body)
    odd = document(KIND, {"customise": [{"typ": 1}]}, tags={"a": "b"}, identity={"type": "None"}, location="x")

    assert one(ImageTemplate, arm.dump(found)) == found
    assert arm.dump(found)["properties"] == found.properties
    assert arm.dump(one(ImageTemplate, odd)) == {**odd, "type": KIND}


def test_a_template_that_was_made() -> None:
    """A template that no document says is written from what it decides."""
    bare = ImageTemplate(ResourceId(document(KIND, {})["id"]))
    full = ImageTemplate(
        bare.id,
        NetworkConfig(ResourceId(SUBNET), proxy_size=""),
        ((ResourceId("/i/a"), "p"), (ResourceId("/i/b"), "")),
        (ResourceId("/i/c"),),
        "size",
        ResourceId("/subscriptions/s/resourceGroups/g"),
        api_version="2024-02-01",
    )

    assert arm.dump(bare)["properties"] == {}
    assert arm.dump(full)["properties"]["vmProfile"]["vnetConfig"] == {"subnetId": SUBNET, "proxyVmSize": ""}
    assert arm.dump(full)["identity"]["userAssignedIdentities"] == {"/i/a": {"principalId": "p"}, "/i/b": {}}
    assert [one(ImageTemplate, arm.dump(each)) for each in (bare, full)] == [bare, full]


def test_references() -> None:
    """A template refers to the subnets that its build needs."""
    network = NetworkConfig(ResourceId(SUBNET), ResourceId(CONTAINERS))
    identity = ResourceId(document(KIND, {})["id"])

    assert list(arm.references(ImageTemplate(identity))) == []
    assert list(arm.references(ImageTemplate(identity, network))) == [
        ("subnetId", ResourceId(SUBNET)),
        ("containerInstanceSubnetId", ResourceId(CONTAINERS)),
    ]


PROFILE = "properties.vmProfile"
WRONG: list[tuple[dict[str, Any], str]] = [
    (document(KIND, {"vmProfile": 5}), f"{PROFILE}: found 5, expected an object"),
    (document(KIND, {"vmProfile": {"vnetConfig": "v"}}), f'{PROFILE}.vnetConfig: found "v", expected an object'),
    (document(KIND, {"vmProfile": {"vnetConfig": {"subnetId": 5}}}), f"{PROFILE}.vnetConfig.subnetId: found 5"),
    (document(KIND, {"vmProfile": {"vmSize": 5}}), f"{PROFILE}.vmSize: found 5, expected text"),
    (
        document(KIND, {"vmProfile": {"userAssignedIdentities": 5}}),
        "userAssignedIdentities: found 5, expected a list",
    ),
    (document(KIND, {"stagingResourceGroup": 5}), "properties.stagingResourceGroup: found 5, expected a resource ID"),
    (document(KIND, {}, location=5), "location: found 5, expected text"),
    (document(KIND, {}, apiVersion=5), "apiVersion: found 5, expected text"),
    (
        document(KIND, {}, identity={"userAssignedIdentities": ["/i"]}),
        "identity.userAssignedIdentities: found a list of 1, expected an object whose keys are the IDs of identities",
    ),
    ({"id": document(KIND, {})["id"], "name": "x"}, "properties: found nothing, expected an object (REST shape)"),
]


@pytest.mark.parametrize(("value", "expected"), WRONG)
def test_what_is_no_template(value: dict[str, Any], expected: str) -> None:
    """A wrong field of a template is named by its path."""
    assert expected in finding(value)


@pytest.mark.parametrize("identity", [None, "UserAssigned", {}, {"userAssignedIdentities": {"/i": None}}])
def test_identities_may_be_missing(identity: object) -> None:
    """A template without identities, or whose identities Azure does not describe, is a template."""
    found = one(ImageTemplate, document(KIND, {}, identity=identity))

    assert all(principal == "" for _, principal in found.identities)
