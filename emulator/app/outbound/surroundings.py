"""What a build VM sees of the network around it."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network

from emulator.machines.outside.wish import Wish
from emulator.model.compute import Member
from emulator.model.kept import Kept
from emulator.model.world import PROBE_SOURCE, World
from emulator.rules.flow_points import mac_of


def surroundings(world: World, machine: Member) -> Wish | None:
    """Its interface and what is around it; None where its subnet was not loaded.

    The subnet's router has its first address (https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq).
    """
    interface = world.interface_of(machine)
    if not world.has_subnet(interface.subnet):
        return None
    prefixes = (each for each in world.subnet(interface.subnet).prefixes if interface.address in each)
    prefix = next((each for each in prefixes if isinstance(each, IPv4Network)), None)
    if prefix is None:
        return None
    network = world.network_of(interface.subnet)
    known = _servers(interface.kept, "dnsSettings") or _servers(network.kept, "dhcpOptions") or [str(PROBE_SOURCE)]
    router = str(prefix.network_address + 1)
    return Wish(str(interface.address), prefix.prefixlen, router, mac_of(interface), tuple(known))


def _servers(kept: Kept, key: str) -> list[str]:
    """The DNS servers of an interface or a network; `AzureProvidedDNS` is a word for Azure's own."""
    settings = kept.within.get(key)
    servers = settings.get("dnsServers") if isinstance(settings, Mapping) else None
    return [each for each in servers if _is_address(each)] if isinstance(servers, Iterable) else []


def _is_address(value: object) -> bool:
    try:
        return bool(IPv4Address(str(value)))
    except ValueError:
        return False
