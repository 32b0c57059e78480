"""Where Azure's addresses are on real networks: what control says of proxies, and names for the build VMs."""

import asyncio
import socket
from collections.abc import Mapping
from ipaddress import IPv4Address

from emulator.model.world import BUILD_PORTS, SYSTEMS, World, build_role

LOOK_AGAIN = 1.0
"""Real seconds between two looks at a name: a machine that was started anew has another address."""
NOWHERE = "192.0.2.1"
"""TEST-NET-1 (RFC 5737): nobody answers there, as nobody does at a machine that is gone."""


class Places:
    """Transport addresses by Azure's; sources are not told apart by them, but by the hop header."""

    exact = False

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = {hop: name.partition(":")[0] for hop, name in names.items()}
        self._ports = {hop: int(name.partition(":")[2]) for hop, name in names.items() if ":" in name}
        self._found: dict[str, str] = {}
        self._of: dict[IPv4Address, str] = {}

    def of(self, address: IPv4Address) -> str:
        """Where an Azure address is."""
        return self._of.get(address, NOWHERE)

    def found(self) -> tuple[str, ...]:
        """Where the build VMs were seen last."""
        return tuple(self._found.values())

    def sources(self) -> Mapping[str, IPv4Address]:
        """Nothing: a connection's source is told by its hop header."""
        return {}

    def update(self, world: World, proxies: Mapping[str, str]) -> None:
        """Follow a world: its build VMs by name, its proxies as control says."""
        self._of = {IPv4Address(azure): place for azure, place in proxies.items()}
        for member in world.members:
            place = self._found.get(self._names.get(member.hop, ""))
            if place is not None:
                self._of[world.interface_of(member).address] = place

    def ports(self, world: World) -> dict[tuple[IPv4Address, int], int]:
        """Ports of build VMs that are not Azure's own."""
        return {
            (world.interface_of(member).address, BUILD_PORTS[system]): self._ports[member.hop]
            for system in SYSTEMS
            if (member := world.member(build_role(system))) and member.hop in self._ports
        }

    async def look(self) -> bool:
        """Look every name up once; whether any has another address now. A name that is gone keeps its last."""
        loop = asyncio.get_running_loop()
        changed = False
        for name in self._names.values():
            try:
                answers = await loop.getaddrinfo(name, None, family=socket.AF_INET, type=socket.SOCK_STREAM)
            except OSError:
                continue
            place = str(answers[0][4][0])
            changed = changed or self._found.get(name) != place
            self._found[name] = place
        return changed
