"""Draw a path through Azure's network: its hops as boxes, the broken leg in red."""

from collections.abc import Iterator

from rich.align import Align
from rich.box import ROUNDED
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from emulator.model.network import SecurityGroup, SecurityRule
from emulator.model.world import BUILD_PORTS, PROXY_PORTS, SYSTEMS, System, World, build_role

BOX_WIDTH = 13
"""Five boxes and their arrows fit a terminal of 80 columns."""
BOX_HEIGHT = 8
ARROW, CUT = "──▶", "──✗"
TITLES = ("AIB client", "private endpoint", "load balancer", "proxy VM")
NAMES = ("client", "private-endpoint", "load-balancer", "proxy")


def path(world: World) -> RenderableType:
    """The hops from the client to both build VMs, in Azure's addresses."""
    grid = Table.grid(padding=0)
    addresses = (str(world.client), *_middle(world))
    cells: list[RenderableType] = []
    for title, address in zip(TITLES, addresses, strict=True):
        cells += [_box(title, address), Align(Text(f" {ARROW[-1]} ", "cyan"), vertical="middle", height=BOX_HEIGHT)]
    grid.add_row(*cells, _box("build VMs", "\n".join(_builds(world))))
    return Group(grid, *_networks(world), *(line for group in world.groups for line in security_group(group)))


def leg(system: System, broken: str) -> Text:
    """One line: the path of a system, cut at the leg before the hop `broken`."""
    names = (*NAMES, build_role(system))
    drawn = Text()
    reached = True
    for name in names:
        if name != names[0]:
            drawn.append(f" {CUT if name == broken else ARROW} ", "bold red" if name == broken else _style(reached))
        reached = reached and name != broken
        drawn.append(name, "bold" if reached else "dim")
    return drawn


def security_group(group: SecurityGroup) -> Iterator[Text]:
    """Its name and its own rules, a line each."""
    title = ("network security group ", "dim")
    yield Text.assemble(title, (group.id.name, "bold"), (", then Azure's defaults", "dim"))
    for rule in sorted(group.rules, key=lambda each: (each.direction, each.priority)):
        yield rule_line(rule)


def rule_line(rule: SecurityRule) -> Text:
    """A rule in a line, as the portal shows it."""
    ports = ", ".join(str(each) for each in rule.destination_ports)
    ends = f"{', '.join(rule.source_prefixes)} → {', '.join(rule.destination_prefixes)}, {rule.protocol} {ports}"
    access = (rule.access.ljust(5), "green" if rule.access == "Allow" else "bold red")
    return Text.assemble(f"{rule.priority} ", access, f" {ends}  ", (rule.name, "dim"))


def _style(reached: bool) -> str:  # noqa: FBT001 - private
    return "cyan" if reached else "dim"


def _box(title: str, text: str) -> Panel:
    first, _, second = title.partition(" ")
    content = Text.assemble((f"{first}\n{second}\n", "bold"), (text, "cyan"), justify="center")
    return Panel(content, box=ROUNDED, width=BOX_WIDTH, padding=0, height=BOX_HEIGHT, border_style="dim")


def _middle(world: World) -> tuple[str, str, str]:
    """What stands in the boxes between the client and the build VMs."""
    ports = "\n".join(f":{port}" for port in PROXY_PORTS.values())
    endpoint = str(world.address_of(world.endpoint)) if world.endpoint else "–"
    frontend = str(world.frontend.private_address) if world.balancer else "–"
    proxy = str(world.interface_of(world.proxies[0]).address) if world.proxies else "–"
    return f"{endpoint}\n{ports}", f"{frontend}\n{ports}", f"{proxy}\n{ports}"


def _builds(world: World) -> Iterator[str]:
    for system in SYSTEMS:
        machine = world.member(build_role(system))
        if machine is not None:
            yield f"{world.interface_of(machine).address}\n:{BUILD_PORTS[system]}"


def _networks(world: World) -> Iterator[Text]:
    if world.service:
        nat = world.service.nat_address
        yield Text(f"the private link service sends on from its NAT address {nat}, in subnet build", "dim")
