"""A build's resources as the running world has them: each says what the part of the channel says that it stands for.

The channel's hops are there before a build and after it, under names of their own; while a build is under way they
are its resources, too. So a staged load balancer has the frontend, the rules and the pool of the channel's own, and
refers to the build's other resources where that one refers to their counterparts.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from emulator.build.staging import Staged, Staging
from emulator.model import arm
from emulator.model.ids import ResourceId
from emulator.model.world import World, build_role

Body = Mapping[str, Any]
CONNECTIONS = "privateEndpointConnections"


def as_deployed(staging: Staging, world: World) -> Sequence[dict[str, Any]]:
    """Every resource of a build that there is now, as Azure prints it."""
    parts = dict(_parts(staging, world))
    new = {
        ResourceId(parts[each.part]["id"]): each.id for each in staging.resources if "id" in parts.get(each.part, {})
    }
    here = {each.id for each in staging.resources}
    return [_body(each, _renamed(parts.get(each.part, {}), new), here) for each in staging.resources]


def _parts(staging: Staging, world: World) -> Iterator[tuple[str, Body]]:
    """The parts of the channel that a build's resources stand for; one without an ID is none of its own."""
    if world.topology == "existing-vnet":
        endpoint, service, balancer = world.linked
        yield "endpoint", arm.dump(endpoint)
        yield "balancer", arm.dump(balancer)
        body = arm.dump(service)
        yield "service", body
        yield "service-nic", {"properties": {"ipConfigurations": body["properties"]["ipConfigurations"][:1]}}
        yield from (("connection", each) for each in body["properties"].get(CONNECTIONS, [])[:1])
    for front, member in (("proxy", world.member("proxy")), ("build", world.member(build_role(staging.system)))):
        if member is not None:
            nic = world.interface_of(member)
            ip = nic.primary.public_ip if nic.primary else None
            found = {
                front: world.find("machines", member.id),
                f"{front}-nic": nic,
                f"{front}-group": world.find("groups", nic.group) if nic.group else None,
                f"{front}-ip": world.find("public_ips", ip) if ip else None,
            }
            yield from ((name, arm.dump(part)) for name, part in found.items() if part is not None)


def _body(staged: Staged, part: Body, here: set[ResourceId]) -> dict[str, Any]:
    """A resource with what its part of the channel says, but its own name, place, tags and size."""
    found = {**part, **staged.body, "properties": {**part.get("properties", {}), **staged.body["properties"]}}
    if staged.part == "service":
        ours = [each for each in found["properties"].get(CONNECTIONS, []) if ResourceId(each["id"]) in here]
        found["properties"][CONNECTIONS] = [{**each, "name": ResourceId(each["id"]).name} for each in ours]
    return found


def _renamed(body: Body, new: Mapping[ResourceId, ResourceId]) -> Body:
    """A body in which the build's names stand where the channel's own did, also in the IDs of parts of them."""
    text = json.dumps(body)
    for old, to in sorted(new.items(), key=lambda each: len(each[0].text), reverse=True):
        text = re.sub(re.escape(old.text) + r'(?=["/])', to.text.replace("\\", r"\\"), text, flags=re.IGNORECASE)
    renamed: Body = json.loads(text)
    return renamed
