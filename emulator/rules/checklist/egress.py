"""The ways to the Internet: a build may need one, the container always does."""

from collections.abc import Iterator

from emulator.model.flow import Flow
from emulator.model.ids import ResourceId
from emulator.model.network import Interface
from emulator.model.world import Topology, World
from emulator.reason import Verdict
from emulator.rules.checklist import mends, scene
from emulator.rules.checklist.finding import Answer, Item, State
from emulator.rules.checklist.mends import Opening
from emulator.rules.checklist.security import asked, denied_of, first_of, told
from emulator.rules.outbound import SOMEWHERE, outbound_access, unknown_appliance
from emulator.rules.routes import EVERYWHERE

FROM_BUILD = Opening("AllowBuildToInternet", "Outbound", "*", "Internet", ("443",), 1)
FROM_PROXY = Opening("AllowProxyToInternet", "Outbound", "*", "Internet", ("443",), 2)
FROM_CONTAINER = Opening("AllowContainerToInternet", "Outbound", "*", "Internet", ("443", "445"), 4)


def build_egress(world: World) -> Iterator[Answer]:
    """The build VM has a way to the Internet, and rules let it take it: what it downloads comes that way."""
    for build, _ in scene.builds(world):
        yield _denied(world, build, FROM_BUILD, "warning") or _way_out(world, build, "warning")


def proxy_egress(world: World) -> Iterator[Answer]:
    """The proxy VM's way to the Internet.

    As a member of an internal balancer's pool it has none by itself: that is how Azure means it, and commands need
    none. The documentation's sentence that it gives the build VM Internet access is not explained anywhere.
    """
    for member in scene.proxies(world):
        proxy = world.interface_of(member)
        way = outbound_access(world, proxy)
        if way.reason.name == "LoadBalancerMember":
            yield Answer("ok", proxy.id, f"{way.sentence}; commands need none")
        else:
            yield _denied(world, proxy, FROM_PROXY, "warning") or _way_out(world, proxy, "warning")


def container_egress(world: World) -> Iterator[Answer]:
    """The container pulls its image by 443 and mounts a file share by 445: its subnet must let it."""
    container = scene.container(world)
    yield _denied(world, container, FROM_CONTAINER, "failed") or _way_out(world, container, "failed")


def _denied(world: World, source: Interface, opening: Opening, bad: State) -> Answer | None:
    """What a group denies on the way out; None where none does."""
    flows = [Flow(source.address, scene.ANY_PORT, SOMEWHERE, int(port)) for port in opening.ports]
    denied = denied_of(asked(world, source, "Outbound", flows))
    if not denied:
        return None
    mend = mends.allow(world, first_of(world, denied), opening)
    return Answer(bad, ResourceId(denied[0].reason.id), told(denied), mend)


def _way_out(world: World, source: Interface, bad: State) -> Answer:
    """Whether there is a way at all, and whether it is going to stay."""
    way = outbound_access(world, source)
    if not way.carried and unknown_appliance(world, source):
        found = f"{way.sentence}; what it does is not known (the switch unknown_appliance can say that it forwards)"
        return Answer("unknown", ResourceId(way.reason.id), found, mends.az("network", "nic", "list", "-o", "json"))
    if not way.carried:
        return Answer(bad, ResourceId(way.reason.id), way.sentence, _opened(world, source, way))
    if way.reason.name == "DefaultOutboundAccess":
        found = f"{way.sentence} alone, which networks made after 31 March 2026 do not have"
        return Answer("warning", source.subnet, found, _opened(world, source, way))
    return Answer("ok", source.id, way.sentence)


def _opened(world: World, source: Interface, way: Verdict) -> str:
    """The commands that open a way: a route back to the Internet, or a NAT gateway."""
    if way.reason.kind == "route":
        return mends.route(world, way, EVERYWHERE, "Internet")
    home = world.subnet(source.subnet)
    return mends.nat_gateway(world.network_of(home.id), home)


DEFAULT_ACCESS = "https://learn.microsoft.com/azure/virtual-network/ip-services/default-outbound-access"
LINKED: tuple[Topology, ...] = ("existing-vnet",)
ITEMS = (
    Item(
        "build-egress",
        "Packages, scripts and updates come to the build VM from the Internet; new networks give their machines no "
        "default outbound access any more (release notes, March 2026)",
        DEFAULT_ACCESS,
        build_egress,
    ),
    Item(
        "proxy-egress",
        "Members of an internal Standard load balancer's pool have no outbound access of their own; the proxy VM is "
        "there so that the build VM need not be one",
        "https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-networking",
        proxy_egress,
        LINKED,
    ),
    Item(
        "container-egress",
        "The container's subnet must reach the Internet on 443 (its image) and 445 (the file share of the build)",
        "https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json",
        container_egress,
        ("container-instance",),
    ),
)
