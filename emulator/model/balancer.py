"""The Standard internal load balancer: frontend, pool, probe, rule."""

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Literal

from emulator.model.ids import ResourceId

ProbeProtocol = Literal["Tcp", "Http", "Https"]


@dataclass(frozen=True, slots=True)
class Probe:
    """A health probe; `threshold` answers in a row, of one kind, change the verdict (azure.md 3.4)."""

    id: ResourceId
    port: int
    protocol: ProbeProtocol = "Tcp"
    interval: int = 5
    threshold: int = 2


@dataclass(frozen=True, slots=True)
class BalancingRule:
    """A load-balancing rule: frontend port to backend port, gated by a probe."""

    id: ResourceId
    frontend_port: int
    backend_port: int
    probe: ResourceId
    distribution: Literal["Default", "SourceIP", "SourceIPProtocol"] = "Default"
    idle_timeout_minutes: int = 4
    tcp_reset: bool = False


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """A load balancer with one frontend and one pool of interfaces."""

    id: ResourceId
    frontend: IPv4Address
    subnet: ResourceId
    pool: tuple[ResourceId, ...]
    probes: tuple[Probe, ...]
    rules: tuple[BalancingRule, ...]
    location: str = "westeurope"

    def rule_for(self, port: int) -> BalancingRule | None:
        """The rule of a frontend port."""
        return next((rule for rule in self.rules if rule.frontend_port == port), None)

    def probe_of(self, rule: BalancingRule) -> Probe:
        """The probe that gates a rule."""
        return next(probe for probe in self.probes if probe.id == rule.probe)
