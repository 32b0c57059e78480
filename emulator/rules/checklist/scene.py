"""What the items ask about: who plays which hop, in which subnet, with which template."""

from collections.abc import Sequence

from emulator.model.compute import Member
from emulator.model.flow import Flow
from emulator.model.ids import resource_id
from emulator.model.image import ImageTemplate, NetworkConfig
from emulator.model.network import Interface, IpConfiguration, Subnet
from emulator.model.world import BUILD_PORTS, PROBE_SOURCE, PROXY_PORTS, SYSTEMS, System, World, build_role
from emulator.rules import legs
from emulator.rules.checklist.finding import LackingError

ANY_PORT = 49152
"""A source port that stands for any."""
CONTAINER = resource_id("Microsoft.ContainerInstance/containerGroups", "vmimagebuilder-build-container")


def templates(world: World) -> Sequence[ImageTemplate]:
    """The image template of the build, if one was loaded."""
    found = world.find("templates", world.parts.template) if world.parts.template else None
    return [found] if found else []


def template_of(world: World) -> ImageTemplate:
    """The image template of the build.

    Raises:
        NotLoadedError: none was loaded.
    """
    for found in templates(world):
        return found
    raise LackingError("no image template was loaded", "az image builder list -o json")


def build_subnet(world: World) -> Subnet:
    """The subnet that the build VM is in.

    Raises:
        NotLoadedError: it was not loaded.
    """
    if world.parts.subnet is None:
        raise LackingError("nothing says which subnet builds run in", "az network vnet list -o json")
    return world.subnet(world.parts.subnet)


def container_subnet(world: World) -> Subnet:
    """The subnet of Image Builder's container: the template's, or where the client stands.

    Raises:
        NotLoadedError: it was not loaded.
    """
    for template in templates(world):
        named = (template.network or NetworkConfig()).container_subnet
        if named is not None:
            return world.subnet(named)
    found = legs.home_of(world, world.client, world.network_of(build_subnet(world).id))
    if found is None:
        raise LackingError(f"no subnet holds the container at {world.client}", "az network vnet list -o json")
    return found


def container(world: World) -> Interface:
    """Image Builder's container as an interface: Azure prints none for it."""
    return Interface(CONTAINER, (IpConfiguration("container", container_subnet(world).id, world.client),))


def proxies(world: World) -> Sequence[Member]:
    """The proxy VMs.

    Raises:
        NotLoadedError: there is none.
    """
    if not world.proxies:
        raise LackingError("the load balancer's pool has no proxy VM", "az network nic list -o json")
    return world.proxies


def systems(world: World) -> Sequence[System]:
    """The operating systems that there is a build VM of.

    Raises:
        NotLoadedError: there is none.
    """
    found = [system for system in SYSTEMS if world.member(build_role(system))]
    if not found:
        raise LackingError("there is no build VM", "az vm list -o json")
    return found


def builds(world: World) -> Sequence[tuple[Interface, int]]:
    """The interface of each build VM, and the port that commands arrive at: 22 on Linux, 5986 on Windows."""
    members = ((system, world.member(build_role(system))) for system in systems(world))
    return [(world.interface_of(member), BUILD_PORTS[system]) for system, member in members if member]


def proxy_ports(world: World) -> Sequence[int]:
    """The proxy's ports that the build VMs are reached by."""
    return [PROXY_PORTS[system] for system in systems(world)]


def probe_flow(proxy: Interface, port: int) -> Flow:
    """A health probe of a proxy."""
    return Flow(PROBE_SOURCE, ANY_PORT, proxy.address, port)


def flow_between(source: Interface, target: Interface, port: int) -> Flow:
    """A connection from one interface to another."""
    return Flow(source.address, ANY_PORT, target.address, port)
