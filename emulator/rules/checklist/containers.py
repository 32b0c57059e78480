"""The container's own subnet (`containerInstanceSubnetId`): delegated, apart, in the same network, let through."""

from collections.abc import Iterator

from emulator.model.flow import Flow
from emulator.model.world import Topology, World
from emulator.reason import Verdict
from emulator.rules.checklist import mends, scene
from emulator.rules.checklist.finding import Answer, Item
from emulator.rules.checklist.mends import Opening
from emulator.rules.checklist.security import asked, judged
from emulator.rules.topology import CONTAINERS

GROUPS = "Microsoft.ContainerInstance/containerGroups"
DELEGATED = ("--delegations", GROUPS)
VNET = "VirtualNetwork"
TO_BUILD = Opening("AllowContainerToBuildOutbound", "Outbound", VNET, VNET, ("22", "5986"), 3)
AT_BUILD = Opening("AllowContainerToBuildInbound", "Inbound", VNET, VNET, ("22", "5986"), 3)
CLIENT_PLACE = 4


def delegation(world: World) -> Iterator[Answer]:
    """The container's subnet is delegated to container groups."""
    home = scene.container_subnet(world)
    if CONTAINERS in map(str.lower, home.delegations):
        yield Answer("ok", home.id, f"subnet {home.id.name} is delegated to {GROUPS}")
    else:
        found = f"subnet {home.id.name} is delegated to {', '.join(home.delegations) or 'nothing'}"
        yield Answer("failed", home.id, found, mends.subnet(home.id, *DELEGATED))


def apart(world: World) -> Iterator[Answer]:
    """The container's subnet is another one than the build's."""
    home, build = scene.container_subnet(world), scene.build_subnet(world)
    if home.id != build.id:
        yield Answer("ok", home.id, f"the container is in {home.id.name}, the build VM in {build.id.name}")
    else:
        mend = mends.new_subnet(world.network_of(build.id), f"{build.id.name}-aci", *DELEGATED)
        yield Answer("failed", home.id, f"container and build VM are both in subnet {home.id.name}", mend)


def same_network(world: World) -> Iterator[Answer]:
    """The container's subnet is in the network of the build's."""
    home, build = scene.container_subnet(world).id, scene.build_subnet(world).id
    if home.parent == build.parent:
        yield Answer("ok", home, f"subnets {home.name} and {build.name} are in {home.parent.name}")
    else:
        found = f"subnet {home.name} is in {home.parent.name}, the build's subnet in {build.parent.name}"
        mend = mends.new_subnet(world.network_of(build), f"{build.name}-aci", *DELEGATED)
        yield Answer("failed", home, found, mend)


def outbound(world: World) -> Iterator[Answer]:
    """The container's subnet lets it reach the build VM on 22 and 5986."""
    container = scene.container(world)
    flows = [scene.flow_between(container, build, port) for build, port in scene.builds(world)]
    yield from judged(world, container.subnet, asked(world, container, "Outbound", flows), TO_BUILD)


def inbound(world: World) -> Iterator[Answer]:
    """The build VM lets the container in on 22 and 5986."""
    builds = scene.builds(world)
    yield from judged(world, builds[0][0].id, _at_build(world), AT_BUILD)


def public_inbound(world: World) -> Iterator[Answer]:
    """The build VM lets the client on the Internet in on 22 and 5986."""
    opening = Opening("AllowClientToBuild", "Inbound", str(world.client), "*", ("22", "5986"), CLIENT_PLACE)
    yield from judged(world, scene.builds(world)[0][0].id, _at_build(world), opening)


def _at_build(world: World) -> list[Verdict]:
    """What the client's connections meet at the build VMs."""
    ends = [(build, Flow(world.client, scene.ANY_PORT, build.address, port)) for build, port in scene.builds(world)]
    return [verdict for build, flow in ends for verdict in asked(world, build, "Inbound", [flow])]


REFERENCE = "https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json"
DIRECT: tuple[Topology, ...] = ("container-instance",)
ITEMS = (
    Item(
        "container-delegation",
        f"Container instances can be deployed only into a subnet that is delegated to {GROUPS}",
        REFERENCE,
        delegation,
        DIRECT,
    ),
    Item(
        "container-subnet-apart",
        "`containerInstanceSubnetId` must not be the subnet of `subnetId`: no VM can be in a delegated subnet",
        REFERENCE,
        apart,
        DIRECT,
    ),
    Item(
        "container-same-network",
        "`containerInstanceSubnetId` must be on the same virtual network as `subnetId`",
        REFERENCE,
        same_network,
        DIRECT,
    ),
    Item(
        "container-to-build-outbound",
        "The container connects to the build VM on 22 (SSH) and 5986 (WinRM): its subnet must let it out",
        REFERENCE,
        outbound,
        DIRECT,
    ),
    Item(
        "container-to-build-inbound",
        "The container connects to the build VM on 22 (SSH) and 5986 (WinRM): the build's subnet must let it in",
        REFERENCE,
        inbound,
        DIRECT,
    ),
    Item(
        "client-to-build-inbound",
        "Without a virtual network of one's own, commands come to the build VM's public address on 22 and 5986; "
        "builds that Azure isolates have no such address any more",
        "https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-networking",
        public_inbound,
        ("public-ip",),
    ),
)
