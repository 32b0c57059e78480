"""What control knows of its hops, and the world it gives them: a proxy for each that says hello."""

import asyncio
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from emulator.app.fleet.messages import Hello, Report, Scenery, place_of
from emulator.app.fleet.world import packed, with_members
from emulator.errors import PeerError
from emulator.model import deployed
from emulator.model.compute import Member
from emulator.model.network import Subnet
from emulator.model.world import World
from emulator.rules import space
from emulator.rules.condition import Condition, Silence
from emulator.rules.faults.fault import Fault
from emulator.rules.faults.reading import values_of
from emulator.wire.hop import KEY_BYTES

SECOND = 128
"""The second proxy has this address in the build's subnet, the third the next, and so on (design section 2)."""
FORGOTTEN = 30.0
"""Real seconds after which a proxy that is gone leaves the pool, if its probe has failed too."""


@dataclass(slots=True)
class Joined:
    """One connection of a hop that said hello.

    Attributes:
        place: its number among the hops of its role, from 1.
        connected: whether the connection stands.
        left: loop time at which it broke.
    """

    hello: Hello
    place: int
    connected: bool = True
    report: Report = field(default_factory=lambda: Report("down"))
    left: float = 0.0


class Registry:
    """The hops, and the world that each of them plays."""

    def __init__(
        self,
        world: World,
        time_scale: float,
        on_change: Callable[[], None],
        *,
        flow_logs: bool = False,
        outbound: Mapping[str, Any] | None = None,
    ) -> None:
        self._outbound = dict(outbound or {})
        self._base = world
        self._time_scale = time_scale
        self._on_change = on_change
        self._flow_logs = flow_logs
        self._key = secrets.token_bytes(KEY_BYTES)
        self._hops: dict[str, Joined] = {}
        self._condition = Condition()
        self._faults: tuple[Fault, ...] = ()
        self.world = world
        self.changed = asyncio.Event()

    @property
    def hops(self) -> tuple[Joined, ...]:
        """Every hop that is known, in order of its role and place."""
        return tuple(sorted(self._hops.values(), key=lambda each: (each.hello.role, each.place)))

    @property
    def balancer(self) -> Joined | None:
        """The load balancer's hop, once it said hello."""
        return next((each for each in self._hops.values() if each.hello.role == "load-balancer"), None)

    def proxies(self) -> list[Joined]:
        """The proxies in order of their places."""
        return [each for each in self.hops if each.hello.role == "proxy"]

    def joins(self, hello: Hello) -> Joined:
        """A hop says hello: it gets the place that it has, or asks for, or else the first that is free.

        The first hop of all brings the key along that the hops have of a control before this one: connections that
        they make meanwhile are believed.

        Raises:
            PeerError: its key is none.
        """
        if hello.key and not self._hops:
            self._key = hop_key(hello.key)
        known = self._hops.pop(hello.instance, None)
        others = {each.place: each for each in self._hops.values() if each.hello.role == hello.role}
        wanted = hello.place or (known.place if known else 0)
        holder = others.get(wanted)
        if holder is not None and not holder.connected:  # a machine that the engine made anew has another name
            del self._hops[holder.hello.instance]
        elif holder is not None or not wanted:
            wanted = next(number for number in range(1, len(others) + 2) if number not in others)
        # Not the object of before: its connection may break later than this one is made.
        joined = Joined(hello, wanted, report=known.report if known else Report("down"))
        self._hops[hello.instance] = joined
        self._renew()
        return joined

    def moves(self, joined: Joined, hello: Hello) -> None:
        """A hop has another address."""
        joined.hello = replace(joined.hello, address=hello.address)
        self._renew()

    def leaves(self, joined: Joined, now: float) -> bool:
        """A hop's connection broke: it plays on, as far as it still lives; whether it had no newer connection."""
        joined.connected, joined.left = False, now
        if self._hops.get(joined.hello.instance) is not joined:
            return False
        joined.report = replace(joined.report, state="down")
        self._on_change()
        return True

    def forget(self, now: float) -> None:
        """Take proxies out of the pool that have been gone for long; the first is the world's own, and stays.

        One whose probe succeeds stays too: a machine that hangs is silent towards control, but its kernel still
        completes handshakes, and Azure takes no member out of a pool.
        """
        gone = [
            name
            for name, each in self._hops.items()
            if not each.connected and each.place > 1 and now - each.left > FORGOTTEN and not self._is_healthy(each)
        ]
        for name in gone:
            del self._hops[name]
        if gone:
            self._renew()

    def _is_healthy(self, proxy: Joined) -> bool:
        """Whether a probe of the balancer believes a proxy up; if no balancer serves, it stays."""
        balancer = self.balancer
        if balancer is None or balancer.report.state != "up":
            return True
        name = proxy_name(proxy.place)
        interfaces = {each.interface.text for each in self.world.proxies if each.hop == name}
        return any(interface in interfaces for _, interface in balancer.report.healthy)

    def reports(self, joined: Joined, report: Report) -> None:
        """A hop says how it is."""
        joined.report = report
        self._on_change()

    def plays(self, world: World) -> None:
        """Another world is played from now on."""
        self._base = world
        self._renew()

    def set_machine(self, hop: str, *, stopped: bool = False, silence: Silence | None = None) -> None:
        """Have every hop play what a machine does from now on."""
        self._condition = self._condition.with_machine(hop, stopped=stopped, silence=silence)
        self._renew()

    def set_faults(self, faults: tuple[Fault, ...]) -> None:
        """Have every hop play these faults from now on."""
        self._faults = faults
        self._renew()

    def _renew(self) -> None:
        self.world = scaled(self._base, [each.place for each in self.proxies()])
        self.changed.set()
        self.changed = asyncio.Event()
        self._on_change()

    def scenery(self, joined: Joined) -> Scenery:
        """What a hop is told."""
        members = {member.hop: member for member in self.world.proxies}
        places = {}
        for each in self.proxies():
            member = members.get(proxy_name(each.place))
            if member is not None:
                places[str(self.world.interface_of(member).address)] = each.hello.address
        world = packed(self.world)
        return Scenery(
            hop_name(joined),
            self._key.hex(),
            world,
            self._time_scale,
            places,
            self._flow_logs,
            tuple(sorted(self._condition.stopped)),
            tuple(sorted(self._condition.silent)),
            tuple(values_of(each) for each in self._faults),
            self._outbound,
        )


def hop_key(text: str) -> bytes:
    """The hop header's key from its hexadecimal form.

    Raises:
        PeerError: it is none.
    """
    if re.fullmatch(f"[0-9a-f]{{{2 * KEY_BYTES}}}", text) is None:
        raise PeerError(f"a hop's key has {2 * KEY_BYTES} hexadecimal digits")
    return bytes.fromhex(text)


def hop_name(joined: Joined) -> str:
    """The name of a hop on the channel."""
    return proxy_name(joined.place) if joined.hello.role == "proxy" else joined.hello.role


def proxy_name(place: int) -> str:
    """The name of the proxy at a place: `proxy`, then `proxy-2` and so on."""
    return "proxy" if place == 1 else f"proxy-{place}"


def scaled(world: World, places: Iterable[int]) -> World:
    """The world with a proxy VM in its pool for each place; the first is the world's own."""
    if world.topology != "existing-vnet" or world.balancer is None or world.parts.subnet is None:
        return world
    known = {member.hop for member in world.proxies}
    found = world
    for place in places:
        if proxy_name(place) not in known:
            found = _with_proxy(found, place)
    builds = [member for member in found.members if member.role != "proxy"]
    proxies = sorted(found.proxies, key=lambda member: place_of(member.hop))
    return with_members(found, *proxies, *builds)


def _with_proxy(world: World, place: int) -> World:
    """One more proxy VM, as Image Builder would deploy it, in the balancer's first pool."""
    if world.balancer is None or world.parts.subnet is None:
        raise AssertionError("only a world with a balancer has proxies")
    subnet = world.subnet(world.parts.subnet)
    pools = tuple(pool.id for pool in world.balancer.pools[:1])
    name = proxy_name(place)
    nic = deployed.interface(name, _address(world, subnet, SECOND + place - 2), subnet.id, pools=pools)
    machine, member = deployed.machine("proxy", name, deployed.PROXY_SIZE)
    return with_members(world.laid(nic, machine), *world.members, member)


def _address(world: World, subnet: Subnet, number: int) -> IPv4Address:
    """The first free address from the one of a number on, else any."""
    free = list(space.free(world, subnet))
    first = next((net for net in subnet.prefixes if isinstance(net, IPv4Network)), None)
    start = int(first.network_address) + number if first else 0
    return next((each for each in sorted(free) if int(each) >= start), free[0])


def member_of(world: World, name: str) -> Member | None:
    """The machine that plays a hop."""
    return next((member for member in world.members if member.hop == name), None)
