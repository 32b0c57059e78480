"""The items of the checklist, from top to bottom."""

from emulator.model.world import World
from emulator.rules.checklist import access, containers, egress, idle, link, routes, security, subnet, template
from emulator.rules.checklist.finding import Finding, Item

ITEMS: tuple[Item, ...] = (
    *template.ITEMS,
    *subnet.ITEMS,
    *containers.ITEMS,
    *security.ITEMS,
    *routes.ITEMS,
    *link.ITEMS,
    *idle.ITEMS,
    *egress.ITEMS,
    *access.ITEMS,
)


def findings(world: World) -> tuple[Finding, ...]:
    """What the documentation's checklist, and what failure reports add to it, say of a world, item by item."""
    return tuple(found for item in ITEMS for found in item.findings(world))
