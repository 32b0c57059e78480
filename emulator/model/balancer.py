"""The load balancer and its parts: frontends, pools, probes, rules."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Literal

from emulator.errors import NotLoadedError
from emulator.model.ids import ResourceId
from emulator.model.kept import NOTHING, Kept
from emulator.model.network import Address

ProbeProtocol = Literal["Tcp", "Http", "Https"]
TransportProtocol = Literal["Tcp", "Udp", "All"]
Distribution = Literal["Default", "SourceIP", "SourceIPProtocol"]
AdminState = Literal["None", "Up", "Down"]


@dataclass(frozen=True, slots=True)
class Frontend:
    """A frontend IP configuration: internal in a subnet, or public."""

    id: ResourceId
    address: Address | None = None
    subnet: ResourceId | None = None
    public_ip: ResourceId | None = None
    kept: Kept = field(default=NOTHING, compare=False, repr=False)

    @property
    def private_address(self) -> IPv4Address:
        """Its private IPv4 address.

        Raises:
            NotLoadedError: it has none.
        """
        if isinstance(self.address, IPv4Address):
            return self.address
        raise NotLoadedError(f"frontend {self.id} has no private IPv4 address")


@dataclass(frozen=True, slots=True)
class PoolAddress:
    """A member of an IP-configured pool, or the admin state of a member."""

    name: str
    address: Address | None = None
    network: ResourceId | None = None
    admin_state: AdminState = "None"
    configuration: ResourceId | None = None
    kept: Kept = field(default=NOTHING, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Pool:
    """A backend address pool; `configurations` are the IP configurations of interfaces in it."""

    id: ResourceId
    configurations: tuple[ResourceId, ...] = ()
    addresses: tuple[PoolAddress, ...] = ()
    drain_seconds: int | None = None
    kept: Kept = field(default=NOTHING, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Probe:
    """A health probe.

    Attributes:
        interval: seconds between probes.
        threshold: how many answers in a row, of one kind, change the verdict (azure.md 3.4).
        number_of_probes: Azure's older field, for failures alone; it counts where there is no `threshold`.
        all_down: what becomes of new flows when every backend is down.
    """

    id: ResourceId
    port: int
    protocol: ProbeProtocol = "Tcp"
    interval: int = 15
    threshold: int | None = None
    request_path: str = ""
    number_of_probes: int | None = None
    all_down: Literal["AllProbedDown", "AllProbedUp"] = "AllProbedDown"
    kept: Kept = field(default=NOTHING, compare=False, repr=False)

    @property
    def successes(self) -> int:
        """How many in a row mark a backend up again."""
        return self.threshold or 1

    @property
    def failures(self) -> int:
        """How many in a row mark a backend down."""
        return self.threshold or self.number_of_probes or 1


@dataclass(frozen=True, slots=True)
class BalancingRule:
    """A load-balancing rule: frontend port to backend port, gated by a probe where it has one.

    Port 0 with protocol `All` is every port (HA ports).

    Attributes:
        disable_outbound_snat: False where members of the pools reach the Internet by the rule's public frontend.
    """

    id: ResourceId
    frontend_port: int
    backend_port: int
    probe: ResourceId | None = None
    frontend: ResourceId | None = None
    pools: tuple[ResourceId, ...] = ()
    protocol: TransportProtocol = "Tcp"
    distribution: Distribution = "Default"
    idle_timeout_minutes: int = 4
    tcp_reset: bool = False
    floating_ip: bool = False
    disable_outbound_snat: bool = False
    kept: Kept = field(default=NOTHING, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class NatRule:
    """An inbound NAT rule: one frontend port to one member; port 0 where it has a range of them, for a pool."""

    id: ResourceId
    frontend_port: int = 0
    backend_port: int = 0
    frontend: ResourceId | None = None
    configuration: ResourceId | None = None
    protocol: TransportProtocol = "Tcp"
    idle_timeout_minutes: int = 4
    tcp_reset: bool = False
    floating_ip: bool = False
    kept: Kept = field(default=NOTHING, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class OutboundRule:
    """An outbound rule: members of a pool reach the Internet by a public frontend."""

    id: ResourceId
    frontends: tuple[ResourceId, ...] = ()
    pool: ResourceId | None = None
    protocol: TransportProtocol = "All"
    kept: Kept = field(default=NOTHING, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """A load balancer; private link and this emulator's channel need a Standard one."""

    id: ResourceId
    frontends: tuple[Frontend, ...] = ()
    pools: tuple[Pool, ...] = ()
    probes: tuple[Probe, ...] = ()
    rules: tuple[BalancingRule, ...] = ()
    nat_rules: tuple[NatRule, ...] = ()
    outbound_rules: tuple[OutboundRule, ...] = ()
    sku: str = "Standard"
    location: str = "westeurope"
    kept: Kept = field(default=NOTHING, compare=False, repr=False)

    @property
    def subnet(self) -> ResourceId | None:
        """The subnet of the first private frontend."""
        return next((each.subnet for each in self.frontends if each.subnet), None)

    def rule_for(self, frontend: ResourceId, port: int, protocol: str = "Tcp") -> BalancingRule | None:
        """The rule of a port of a frontend: each frontend has its own.

        https://learn.microsoft.com/azure/load-balancer/load-balancer-multivip-overview
        """
        here = (rule for rule in self.rules if rule.frontend in (None, frontend))
        ours = [rule for rule in here if rule.protocol in ("All", protocol)]
        exact = next((rule for rule in ours if rule.frontend_port == port), None)
        return exact or next((rule for rule in ours if rule.frontend_port == 0 and rule.protocol == "All"), None)

    def probe_of(self, rule: BalancingRule) -> Probe | None:
        """The probe that gates a rule; None where it has none, or one that the balancer has not."""
        return next((probe for probe in self.probes if probe.id == rule.probe), None)
