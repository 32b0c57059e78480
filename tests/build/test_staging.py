"""What a build deploys in each topology, under which names, and in which order it goes."""

import pytest

from emulator.build.staging import InUseError, Staging, group_of, staging
from emulator.errors import InvalidInputError
from emulator.model.ids import ResourceId
from emulator.model.world import TOPOLOGIES, System, Topology
from tests.templates import SUBNET, document, loaded, template, with_network

GUID = "01234567-89ab-cdef-0123-456789abcdef"


def staged(topology: Topology, system: System = "linux") -> Staging:
    """A build's resources."""
    return staging(template(), system, topology, GUID)


def kinds(found: Staging) -> list[str]:
    """The last part of each resource's type."""
    return [str(each.body["type"]).rpartition("/")[2] for each in found.resources]


def test_the_group_has_azure_s_name_and_tags() -> None:
    """`IT_<group>_<template>_<GUID>`, tagged as made by the service for the template."""
    group = staged("existing-vnet").resources[0]

    assert group.id.name == f"IT_rg-images_tpl_{GUID}"
    assert group.body["tags"] == {
        "createdBy": "AzureVMImageBuilder",
        "imageTemplateName": "tpl",
        "imageTemplateResourceGroupName": "rg-images",
    }


def test_a_group_of_one_s_own_is_used() -> None:
    """`stagingResourceGroup` is the group, and its tag says that it is used."""
    own = "/subscriptions/s/resourceGroups/mine"
    found = staging(template({"stagingResourceGroup": own}), "linux", "public-ip", GUID)

    assert found.group == ResourceId(own)
    assert "usedBy" in found.resources[0].body["tags"]


def test_only_existing_vnet_has_the_proxy_chain() -> None:
    """Behaviour 20: with a container's subnet there is no private link, no balancer and no proxy VM."""
    chain = {"privateEndpoints", "privateLinkServices", "loadBalancers", "privateEndpointConnections"}
    hops = {topology: {each.hop for each in staged(topology).resources if each.hop} for topology in TOPOLOGIES}

    assert [bool(chain & set(kinds(staged(topology)))) for topology in TOPOLOGIES] == [True, False, False]
    assert hops == {
        "existing-vnet": {"proxy", "load-balancer", "build-linux"},
        "public-ip": {"build-linux"},
        "container-instance": {"build-linux"},
    }
    assert [("publicIPAddresses" in kinds(staged(each)), "containerGroups" in kinds(staged(each)))
            for each in TOPOLOGIES] == [(False, True), (True, False), (False, True)]  # fmt: skip


def test_sizes_are_the_template_s() -> None:
    """The proxy is a Standard_A1_v2 unless the template says otherwise."""
    for size, expected in (("", "Standard_A1_v2"), ("Standard_A2_v2", "Standard_A2_v2")):
        found = staging(with_network(subnetId=SUBNET, proxyVmSize=size), "windows", "existing-vnet", GUID)
        (proxy,) = [each for each in found.resources if each.hop == "proxy"]
        assert proxy.body["properties"] == {"hardwareProfile": {"vmSize": expected}}


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("system", ["linux", "windows"])
def test_the_documented_order_leaves_group_and_storage(topology: Topology, system: System) -> None:
    """Deleted in order nothing is refused, and the group and its storage account are what stays."""
    found = staged(topology, system)
    for identity in found.leaving():
        found = found.without(identity)

    assert kinds(found) == ["resourceGroups", "storageAccounts"]


def test_behaviour_17_teardown_order() -> None:
    """The endpoint's connection goes first, then the service, then its interface, and the balancer."""
    order = [each.type.rpartition("/")[2] for each in staged("existing-vnet").leaving()]
    chain = ("privateendpointconnections", "privatelinkservices", "networkinterfaces", "loadbalancers")

    assert sorted(chain, key=order.index) == list(chain)


def test_behaviour_17_nic_in_use_with_private_endpoint() -> None:
    """Deleting the service's interface while an endpoint is connected is Azure's NicInUseWithPrivateEndpoint."""
    found = staged("existing-vnet")
    (nic,) = [each for each in found.resources if ".nic." in each.id.name and "aibpls" in each.id.name]

    with pytest.raises(InUseError, match="NicInUseWithPrivateEndpoint") as caught:
        found.without(nic.id)
    assert caught.value.code == "NicInUseWithPrivateEndpoint"


def test_what_is_not_there_cannot_be_deleted() -> None:
    """An unknown ID is an error that names the group."""
    with pytest.raises(InvalidInputError, match="expected a resource of IT_rg-images_tpl_"):
        staged("public-ip").without(ResourceId("/x/y"))


def test_status_prints_it() -> None:
    """Status has each resource with its type, and the hop that it is."""
    found = staged("existing-vnet").as_json()

    assert found["stagingResourceGroup"].endswith(GUID)
    assert {"proxy", "load-balancer", "build-linux"} <= {each.get("hop") for each in found["resources"]}
    assert group_of(loaded(document()), GUID).name in found["stagingResourceGroup"]
