"""How a world travels to the hops: its resources as Azure's JSON, and beside them what the channel makes of them."""

import dataclasses
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

from emulator.errors import InvalidInputError, PeerError
from emulator.model import arm
from emulator.model.compute import Member
from emulator.model.ids import ResourceId
from emulator.model.resources import Parts
from emulator.model.switches import Switches
from emulator.model.world import World

NAMES = ("endpoint", "service", "balancer", "subnet", "template")


def packed(world: World) -> dict[str, Any]:
    """A world as JSON."""
    parts = {name: getattr(world.parts, name) for name in NAMES}
    return {
        "topology": world.topology,
        "client": str(world.client),
        "switches": dataclasses.asdict(world.switches),
        "parts": {name: found.text for name, found in parts.items() if found is not None},
        "members": [[each.id.text, each.role, each.hop, each.interface.text] for each in world.members],
        "resources": [arm.dump(resource) for resource in world.resources],
    }


def unpacked(packed_world: dict[str, Any]) -> World:
    """The world in JSON.

    Raises:
        PeerError: it is none.
    """
    try:
        parts: dict[str, Any] = {name: ResourceId(text) for name, text in packed_world["parts"].items()}
        members = tuple(
            Member(ResourceId(one), role, hop, ResourceId(nic)) for one, role, hop, nic in packed_world["members"]
        )
        bare = World(
            packed_world["topology"],
            IPv4Address(packed_world["client"]),
            parts=Parts(**parts, members=members),
            switches=Switches(**packed_world["switches"]),
        )
        return bare.laid(*arm.load([("control", packed_world["resources"])]).resources)
    except (KeyError, TypeError, ValueError, AttributeError, InvalidInputError) as error:
        raise PeerError(f"control sent a world that is none: {error!r}") from None


def with_members(world: World, *members: Member) -> World:
    """The world with other machines on its channel."""
    return replace(world, parts=replace(world.parts, members=members))
