"""The way from one loaded subnet to another: groups and routes, up to the network of the destination."""

from collections.abc import Iterator

from emulator.model.flow import Flow
from emulator.model.ids import ResourceId
from emulator.model.network import Subnet
from emulator.model.world import World
from emulator.reason import Outcome, Reason, Verdict
from emulator.rules import legs
from emulator.rules.ends import End
from emulator.rules.routes import next_hop


def to_network(world: World, source: End, target: End, flow: Flow) -> Iterator[Verdict]:
    """Groups and routes on the way to another network: by a peering, or by a route of the user's to an appliance.

    Azure's own routes lead nowhere between networks that are not peered, even where the networks overlap.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    if source.subnet is None or target.subnet is None:
        return
    no_route = Verdict(
        Outcome.DROPPED,
        Reason("state", target.subnet.id.text, "NoRoute"),
        f"{flow} has no route: the networks of {source} and {target} are not peered",
    )
    own = next_hop(world, source.subnet.id, flow.destination).source == "Default"
    if own and not _connected(world, source.subnet.id, target.subnet):
        yield no_route
    last = yield from legs.leaving_checks(world, source.interface or source.subnet.id, flow)
    if last is not None and not _connected(world, last, target.subnet):
        yield no_route


def _connected(world: World, source: ResourceId, target: Subnet) -> bool:
    """Whether two subnets lie in one network, or in networks that are peered."""
    home = world.network_of(source)
    return world.network_of(target.id) in (home, *world.peers(home))
