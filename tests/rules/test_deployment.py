"""A world out of whatever was loaded: what is missing of the channel is deployed, what is there is found."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from emulator.errors import InvalidInputError
from emulator.model import arm, deployed
from emulator.model.balancer import Frontend, LoadBalancer
from emulator.model.compute import VirtualMachine
from emulator.model.default_world import BUILD_GROUP, BUILD_SUBNET, SERVICE_SUBNET, default_world
from emulator.model.ids import ResourceId, resource_id
from emulator.model.image import ImageTemplate, NetworkConfig
from emulator.model.network import Interface, IpConfiguration, SecurityGroup, Subnet, VirtualNetwork
from emulator.model.privatelink import ConnectionState
from emulator.model.resources import Resource
from emulator.model.switches import Switches
from emulator.model.world import SYSTEMS, TOPOLOGIES, Topology, World
from emulator.rules.condition import assumed
from emulator.rules.deployment import Wanted, assembled
from emulator.rules.path import client_flow, decide
from emulator.rules.playable import playable
from emulator.rules.private_link import connection_state
from emulator.rules.staging import ROLE_TAG
from tests.azure_values import NETWORK
from tests.worlds import nsg

VNET = resource_id(NETWORK + "virtualNetworks", "net", group="rg")
BUILD, ACI = VNET.child("subnets", "build"), VNET.child("subnets", "aci")
CONTAINERS = ("Microsoft.ContainerInstance/containerGroups",)
STAGING = "IT_rg_t_0f0f"


def net(prefix: str = "10.20.1.0/24", *more: Subnet, space: str = "10.20.0.0/16") -> VirtualNetwork:
    """A customer's network with a subnet for builds."""
    return VirtualNetwork(
        VNET, (IPv4Network(space),), (Subnet(BUILD, (IPv4Network(prefix),), None, "Disabled"), *more)
    )


def aci(prefix: str = "10.20.2.0/24") -> Subnet:
    """A subnet for containers."""
    return Subnet(ACI, (IPv4Network(prefix),), delegations=CONTAINERS)


def template(called: str = "t", /, *, size: str = "", **network: Any) -> ImageTemplate:
    """An image template with this network."""
    identity = resource_id("Microsoft.VirtualMachineImages/imageTemplates", called)
    return ImageTemplate(identity, NetworkConfig(**network) if network else None, vm_size=size)


def machine(name: str, last: int, *, group: str = "rg", **fields: Any) -> tuple[VirtualMachine, Interface]:
    """A machine in the build subnet."""
    nic = resource_id(NETWORK + "networkInterfaces", f"{name}-nic", group=group)
    configuration = IpConfiguration("c", BUILD, IPv4Address(f"10.20.1.{last}"))
    identity = resource_id(deployed.MACHINES, name, group=group)
    found = VirtualMachine(identity, (nic,), **{"system": "Linux", **fields})
    return found, Interface(nic, (configuration,), machine=identity)


def addresses(found: World) -> dict[str, str]:
    """Who has which address on the channel."""
    parts = {member.hop: str(found.interface_of(member).address) for member in found.members}
    if found.endpoint and found.service and found.balancer:
        parts |= {"endpoint": str(found.address_of(found.endpoint)), "nat": str(found.service.nat_address)}
        parts |= {"frontend": str(found.frontend.private_address)}
    return {"client": str(found.client), **parts}


def arrives(found: World) -> bool:
    """Whether every system's flow arrives, nothing being missing."""
    playable(found)
    flows = [(client_flow(found, system, 1), system) for system in SYSTEMS]
    return all(decide(flow, found, assumed(found), system).carried for flow, system in flows)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_nothing_is_the_default_world(topology: Topology) -> None:
    """Where nobody brings anything, the default world of the topology is played, under the switches given."""
    switches = Switches(pls_data_nsg="bypass")

    assert assembled([], Wanted(topology), switches) == default_world(topology, switches)
    assert assembled([]) == default_world()


def test_a_group_over_the_default_world() -> None:
    """A group alone replaces the one of its ID in the default world, or stands there unattached."""
    other = SecurityGroup(resource_id(NETWORK + "networkSecurityGroups", "other"))
    found = assembled([nsg("150 deny in * -> *"), other])

    assert found.parts == default_world().parts
    assert [each.id for each in found.groups] == [BUILD_GROUP, other.id]
    assert [each.name for each in found.groups[0].rules] == ["deny-150"]


def test_the_default_network_changed() -> None:
    """Who changes the default network keeps the default channel."""
    network = default_world().network_of(BUILD_SUBNET)

    assert assembled([replace(network, flow_timeout_minutes=10)]).members == default_world().members


def test_a_network_alone() -> None:
    """Into a network alone goes what Image Builder would deploy, and the channel carries (azure.md 1.1)."""
    found = assembled([net()])

    assert addresses(found) == {
        "client": "10.61.0.4",
        "endpoint": "10.61.0.5",
        "nat": "10.20.1.5",
        "frontend": "10.20.1.6",
        "proxy": "10.20.1.7",
        "build-linux": "10.20.1.8",
        "build-windows": "10.20.1.9",
    }
    assert (found.topology, found.parts.subnet, arrives(found)) == ("existing-vnet", BUILD, True)
    assert {each.id.name: each.size for each in found.machines} == {
        "proxy": "Standard_A1_v2",
        "build-linux": "Standard_D2ds_v4",
        "build-windows": "Standard_D2ds_v4",
    }


def test_addresses_that_are_taken() -> None:
    """What is deployed takes addresses that nothing has; machines of others stay what they are."""
    found = assembled([net(), *machine("vm-tools", 6), *machine("vm-web", 8, group="rg-web")])

    assert addresses(found)["frontend"] == "10.20.1.7"
    assert [addresses(found)[hop] for hop in ("proxy", "build-linux", "build-windows")] == [
        "10.20.1.9",
        "10.20.1.10",
        "10.20.1.11",
    ]


# Address spaces of the customer's network, and the range of Image Builder's own beside it.
SPACES = [("10.20.0.0/16", "10.61.0.0/24"), ("10.61.0.0/16", "10.62.0.0/24"), ("10.0.0.0/8", "10.61.0.0/24")]


@pytest.mark.parametrize(("space", "expected"), SPACES)
def test_a_range_of_its_own(space: str, expected: str) -> None:
    """Image Builder's network lies beside the customer's; where no room is left they overlap, which Azure allows."""
    prefix = f"{space.split('/', maxsplit=1)[0].rsplit('.', 2)[0]}.1.0/24"
    found = assembled([net(prefix, space=space)])

    assert [str(each) for each in found.network_of(SERVICE_SUBNET).prefixes] == [expected]
    assert arrives(found)


def test_what_a_template_says() -> None:
    """A template chooses subnet, proxy size and build size, and is named among the parts."""
    chosen = template(size="Standard_D8", subnet=BUILD, proxy_size="Standard_A2_v2")
    other = Subnet(VNET.child("subnets", "other"), (IPv4Network("10.20.9.0/24"),))
    found = assembled([net("10.20.1.0/24", other), chosen])

    assert (found.parts.template, found.parts.subnet) == (chosen.id, BUILD)
    assert {each.id.name: each.size for each in found.machines} == {
        "proxy": "Standard_A2_v2",
        "build-linux": "Standard_D8",
        "build-windows": "Standard_D8",
    }
    assert assembled([net(), template(subnet=BUILD, proxy_size="")]).machines[0].size == "Standard_A1_v2"


def test_the_old_form_of_a_template() -> None:
    """`VirtualNetworkConfig` names the subnet by parts; the rest is the same."""
    chosen = template(name="net", subnet_name="build", resource_group="RG")

    assert assembled([net("10.20.1.0/24", aci()), chosen]).parts.subnet == BUILD


def test_several_templates() -> None:
    """Of several templates one must be named, which then decides."""
    given: list[Resource] = [
        net("10.20.1.0/24", aci()),
        template("one", subnet=BUILD),
        template("two", subnet=BUILD, container_subnet=ACI),
    ]

    with pytest.raises(InvalidInputError, match="found several image templates, expected the name of one: one, two"):
        assembled(given)
    assert assembled(given, Wanted(template="one")).topology == "existing-vnet"
    assert assembled(given, Wanted(template="two")).topology == "container-instance"
    assert assembled(given, Wanted("existing-vnet", "two")).topology == "existing-vnet"


def test_a_channel_that_is_optional() -> None:
    """Questions about other machines need no channel: where nothing says where builds run, that is a warning."""
    gone = BUILD.parent.child("subnets", "gone")
    given = (net(), template("one", subnet=BUILD), template("two", subnet=gone))
    found = assembled(given, Wanted(optional=True))

    assert (found.members, found.endpoint, found.networks) == ((), None, (net(),))
    assert found.warnings[0].startswith("there is no channel in this world: settings: template: found several image")
    assert assembled([net()], Wanted(optional=True)) == assembled([net()])


def test_a_template_without_a_network() -> None:
    """A template that names no network is built in public, over the default world."""
    chosen = template()
    found = assembled([net(), chosen])

    assert (found.topology, found.parts.template, found.parts.subnet) == ("public-ip", chosen.id, BUILD_SUBNET)
    assert VNET in {each.id for each in found.networks}
    (warning,) = found.warnings
    assert warning.startswith(f"{VNET}: is not what the build runs in: image template t names no subnet")


def test_a_network_beside_a_public_build() -> None:
    """Who asks for a public IP is told that the network that was loaded is not the build's."""
    found = assembled([net(), template(subnet=BUILD)], Wanted("public-ip"))

    assert found.parts.subnet == BUILD_SUBNET
    assert [each.partition(": ")[0] for each in found.warnings] == [VNET.text]
    assert "topology public-ip" in found.warnings[0]
    assert assembled([template()]).warnings == assembled([], Wanted("public-ip")).warnings == ()


def test_isolated_builds() -> None:
    """By a switch a build without a network has no public IP, but a container beside its VM (azure.md 1.1, A-new)."""
    isolated = Switches(isolated_builds=True)
    found = assembled([net(), template()], switches=isolated)

    assert (found.topology, found.parts.subnet, found.public_ips) == ("container-instance", BUILD_SUBNET, ())
    assert len(found.warnings) == 1
    assert arrives(found)
    assert assembled([template()], Wanted("public-ip"), isolated).topology == "public-ip"


def test_a_full_subnet() -> None:
    """A subnet without room is named, with what needs an address; such a world can be asked, and not be played."""
    said = f"{BUILD}: addressPrefix: found 10.20.1.0/29 with no address left for the build-linux VM, expected room"
    found = assembled([net("10.20.1.0/29"), template(subnet=BUILD)])

    assert found.warnings == tuple(each.sentence for each in found.parts.lacking)
    assert found.warnings[0].startswith(said)
    assert found.member("build-linux")
    with pytest.raises(InvalidInputError, match=said):
        playable(found)


def test_a_subnet_with_policies() -> None:
    """Where the subnet's policy is on Azure refuses the service: the world can be asked, and is not played."""
    network = net()
    policies = replace(network, subnets=(replace(network.subnets[0], private_link_service_policies="Enabled"),))
    found = assembled([policies])
    path = decide(client_flow(found, "linux", 1), found, assumed(found), "linux")

    said = "build: privateLinkServiceNetworkPolicies: found Enabled, expected Disabled"
    assert (path.carried, path.end().verdict.reason.name) == (False, "NotDeployed")
    assert said in path.end().verdict.sentence
    with pytest.raises(InvalidInputError, match=said):
        playable(found)
    there = assembled([policies, *linked()])
    assert arrives(there), "a service that is there was made before"


def test_a_subnet_that_azure_would_refuse() -> None:
    """Of less than eight addresses there is no subnet in Azure, and no world here."""
    with pytest.raises(InvalidInputError, match=r"found 10\.20\.1\.0/30 with no address left for the private link"):
        assembled([net("10.20.1.0/30")])


def test_one_system() -> None:
    """Where the template tells the system, that build VM alone is deployed: a /29 has room for no second one."""
    found = assembled([net("10.20.1.0/29", space="10.20.0.0/16"), linux_template()])

    assert [each.hop for each in found.members] == ["proxy", "build-linux"]
    windows = replace(linux_template(), properties={"customize": [{"type": "PowerShell", "inline": ["x"]}]})
    assert [each.hop for each in assembled([net(), windows]).members] == ["proxy", "build-windows"]


def linux_template() -> ImageTemplate:
    """A template that says Linux."""
    return replace(template(subnet=BUILD), properties={"customize": [{"type": "Shell", "inline": ["true"]}]})


def test_the_system_of_a_balancer() -> None:
    """Behind a balancer with a rule for one of the ports stands one build VM; a template comes first."""
    proxy, balancer, service = linked()
    assert isinstance(balancer, LoadBalancer)
    linux = replace(balancer, rules=tuple(each for each in balancer.rules if each.frontend_port == 60001))

    def hops(*given: Resource) -> list[str]:
        return [each.hop for each in assembled([net(), proxy, service, *given]).members]

    assert hops(linux) == ["proxy", "build-linux"]
    assert hops(balancer) == ["proxy", "build-linux", "build-windows"]
    windows = replace(linux_template(), properties={"customize": [{"type": "PowerShell", "inline": ["x"]}]})
    assert hops(linux, windows) == ["proxy", "build-windows"]


def test_containers() -> None:
    """With a subnet for containers the client is there, and nothing of private link is deployed (azure.md 1.1)."""
    found = assembled([net("10.20.1.0/24", aci()), template(subnet=BUILD, container_subnet=ACI)])

    assert addresses(found) == {
        "client": "10.20.2.4",
        "build-linux": "10.20.1.5",
        "build-windows": "10.20.1.6",
    }
    assert (found.endpoints, found.services, found.balancers, arrives(found)) == ((), (), (), True)


def test_containers_without_a_subnet() -> None:
    """Who wants containers needs a subnet for them, with an address free."""
    with pytest.raises(InvalidInputError, match=r"net: properties\.subnets: found no such subnet"):
        assembled([net()], Wanted("container-instance"))
    with pytest.raises(InvalidInputError, match="with no address left for the client"):
        assembled([net("10.20.1.0/24", aci("10.20.2.0/30"))], Wanted("container-instance", subnet="build"))


DEPLOYED: list[tuple[list[Resource], Wanted]] = [
    ([net()], Wanted()),
    ([net(), template(subnet=BUILD)], Wanted()),
    ([net("10.20.1.0/24", aci()), template(subnet=BUILD, container_subnet=ACI)], Wanted()),
    ([net("10.20.1.0/24", aci())], Wanted("container-instance", subnet="build")),
    ([nsg()], Wanted("public-ip")),
]


@pytest.mark.parametrize(("given", "wanted"), DEPLOYED)
def test_what_was_deployed_is_found_again(given: list[Resource], wanted: Wanted) -> None:
    """The resources of a world, put together again, are that world: nothing is deployed twice or moves."""
    found = assembled(given, wanted)
    documents = [("world.json", arm.dump(each)) for each in found.resources]

    assert assembled(arm.load(documents).resources, wanted) == found


def test_build_vms_of_the_staging_group() -> None:
    """Machines that Image Builder made are the build VMs; one of a system is enough for that system alone."""
    linux, other = machine("pkrvm1", 20, group=STAGING), machine("pkrvm0", 21)
    found = assembled([net(), *other, *linux])

    assert [(each.hop, each.id) for each in found.members if each.role != "proxy"] == [("build-linux", linux[0].id)]
    windows = machine("w", 22, group=STAGING, system="Windows")
    both = assembled([net(), *other, *linux, *windows])
    assert [each.id for each in both.members if each.role != "proxy"] == [linux[0].id, windows[0].id]


def test_a_staging_group_of_ones_own() -> None:
    """The group that the template builds in counts as a staging group, also without private link."""
    chosen = replace(
        template(subnet=BUILD, container_subnet=ACI), staging_group=ResourceId("/subscriptions/s/resourceGroups/Mine")
    )
    staged = machine("vm", 20, group="mine")
    found = assembled([net("10.20.1.0/24", aci()), chosen, *staged, *machine("tools", 21)])

    assert [each.id for each in found.members] == [staged[0].id]


def test_a_role_by_tag() -> None:
    """A tag makes any machine of the subnet a build VM, before those of the staging group; another's tag does not."""
    tagged = machine("mine", 20, tags=(("AIB-emulator-role", "Build-Linux"),))
    taken = machine("pkrvm1", 21, group=STAGING, tags=((ROLE_TAG, "none"),))
    staged = machine("pkrvm2", 22, group=STAGING)

    def build(*given: tuple[VirtualMachine, Interface]) -> list[ResourceId]:
        found = assembled([net(), *(each for pair in given for each in pair)])
        return [each.id for each in found.members if each.role == "build-linux"]

    assert build(staged, tagged) == [tagged[0].id]
    assert build(taken, staged) == [staged[0].id]
    assert build(taken) == [resource_id(deployed.MACHINES, "build-linux")]


def test_machines_elsewhere() -> None:
    """A machine in another subnet, without an address, or whose interface was not loaded, is no build VM."""
    vm, nic = machine("pkrvm1", 20, group=STAGING)
    elsewhere = replace(nic, configurations=(IpConfiguration("c", ACI, IPv4Address("10.20.2.9")),))
    bare = replace(nic, configurations=(IpConfiguration("c", BUILD),))

    for given in ((vm, elsewhere), (vm, bare), (vm,)):
        found = assembled([net("10.20.1.0/24", aci()), *given], Wanted(subnet="build"))
        assert [each.id.name for each in found.members] == ["proxy", "build-linux", "build-windows"]


def linked(*, frontends: int = 1, states: tuple[ConnectionState, ...] = ("Approved",)) -> list[Resource]:
    """A service and a balancer of the customer's, whose endpoints are in another subscription."""
    proxy = replace(deployed.interface("proxy", IPv4Address("10.20.1.7"), BUILD, pools=(deployed.POOL,)), group=None)
    balancer = deployed.balancer(IPv4Address("10.20.1.6"), BUILD, ())
    more = tuple(
        Frontend(
            deployed.BALANCER.child("frontendIPConfigurations", f"f{n}"), IPv4Address(f"10.20.1.{30 + n}"), BUILD
        )
        for n in range(1, frontends)
    )
    service = deployed.service(IPv4Address("10.20.1.5"), BUILD)
    gone = resource_id(NETWORK + "privateEndpoints", "elsewhere", subscription="microsoft")
    connections = tuple(
        replace(
            service.connections[0],
            id=service.id.child("privateEndpointConnections", str(n)),
            endpoint=gone,
            state=state,
        )
        for n, state in enumerate(states)
    )
    return [
        proxy,
        replace(balancer, frontends=(*more, *balancer.frontends)),
        replace(service, connections=connections),
    ]


# The states of a service's connections whose endpoints are elsewhere, and the state of the channel's.
STATES: list[tuple[tuple[ConnectionState, ...], str]] = [
    (("Approved",), "Approved"),
    (("Rejected",), "Rejected"),
    (("Pending", "Approved"), "Approved"),
    (("Pending", "Rejected"), "Pending"),
    ((), "Approved"),
]


@pytest.mark.parametrize(("states", "expected"), STATES)
def test_an_endpoint_in_another_subscription(states: tuple[ConnectionState, ...], expected: str) -> None:
    """An endpoint that nobody could export is put in its place, in the state that the service tells of it."""
    found = assembled([net(), *linked(states=states)])
    assert found.endpoint
    assert found.service

    assert connection_state(found.endpoint, found.service) == expected
    assert (addresses(found)["nat"], addresses(found)["frontend"]) == ("10.20.1.5", "10.20.1.6")
    assert arrives(found) == (expected == "Approved")


def test_a_balancer_without_a_service() -> None:
    """A service is put in front of a balancer that is there, at the frontend that its rules are of."""
    proxy, balancer, _ = linked(frontends=2)
    found = assembled([net(), proxy, balancer])

    assert found.service
    assert found.service.frontends == (deployed.FRONTEND,)
    assert [each.hop for each in found.proxies] == ["proxy"]
    assert arrives(found)


def test_a_balancer_of_another_purpose() -> None:
    """A balancer without a rule for the proxy's ports is not the channel's."""
    other = resource_id(NETWORK + "loadBalancers", "web")
    web = replace(deployed.balancer(IPv4Address("10.20.1.6"), BUILD, ()), id=other, rules=())
    found = assembled([net(), web])

    assert found.parts.balancer == deployed.BALANCER
    assert addresses(found)["frontend"] == "10.20.1.7"


def test_a_service_without_its_balancer() -> None:
    """A service whose balancer was not loaded, or that has no address, cannot be used, and another is deployed."""
    *_, service = linked()
    moved = replace(service, id=resource_id(NETWORK + "privateLinkServices", "own"))
    found = assembled([net(), moved])

    assert found.parts.service == deployed.SERVICE
    assert addresses(found)["nat"] == "10.20.1.6"


def test_several_proxies() -> None:
    """Every member of the balancer's pool is a proxy, also one whose machine was not loaded."""
    proxy, balancer, service = linked()
    second = deployed.interface("proxy-b", IPv4Address("10.20.1.40"), BUILD, pools=(deployed.POOL,))
    found = assembled([net(), proxy, replace(second, machine=None), balancer, service])

    assert [(each.hop, each.id) for each in found.proxies] == [
        ("proxy", resource_id(deployed.MACHINES, "proxy")),
        ("proxy-2", second.id),
    ]


def test_an_endpoint_of_ones_own() -> None:
    """An endpoint that was loaded with its network is the channel's, an approved one first, its client beside it."""
    temp = resource_id(NETWORK + "virtualNetworks", "temp", group=STAGING)
    subnets = [temp.child("subnets", name) for name in ("pe", "aci")]
    place = VirtualNetwork(
        temp,
        (IPv4Network("10.30.0.0/24"),),
        (
            Subnet(subnets[0], (IPv4Network("10.30.0.0/26"),)),
            Subnet(subnets[1], (IPv4Network("10.30.0.64/26"),), delegations=CONTAINERS),
        ),
    )
    pending, nic = deployed.endpoint(IPv4Address("10.30.0.5"), subnets[0])
    pending = replace(pending, connections=tuple(replace(each, state="Pending") for each in pending.connections))
    approved = replace(
        pending,
        id=resource_id(NETWORK + "privateEndpoints", "second"),
        connections=tuple(replace(each, state="Approved") for each in pending.connections),
    )
    found = assembled([net(), place, *linked(), nic, pending, approved], Wanted(subnet="build"))
    first = assembled([net(), place, *linked(), nic, pending], Wanted(subnet="build"))

    assert (found.parts.endpoint, first.parts.endpoint) == (approved.id, pending.id)
    assert (addresses(found)["client"], addresses(found)["endpoint"]) == ("10.30.0.68", "10.30.0.5")
    assert arrives(found)
