"""How Azure writes load balancers (azure.md 3.1)."""

from typing import Any

from emulator.model.arm.findings import Place
from emulator.model.arm.kinds import ADDRESS, BOOLEAN, REFERENCE, TEXT, choice, each, whole
from emulator.model.arm.shape import Field, Shape, parts
from emulator.model.arm.terms import LOCATION, NETWORK_TYPE
from emulator.model.balancer import (
    BalancingRule,
    Frontend,
    LoadBalancer,
    NatRule,
    OutboundRule,
    Pool,
    PoolAddress,
    Probe,
)

TRANSPORT = Field("protocol", "protocol", choice("Tcp", "Udp", "All"), required=True)
FRONTEND = Shape(
    Frontend,
    (
        Field("address", "privateIPAddress", ADDRESS),
        Field("subnet", "subnet", REFERENCE),
        Field("public_ip", "publicIPAddress", REFERENCE),
    ),
)
POOL_ADDRESS = Shape(
    PoolAddress,
    (
        Field("address", "ipAddress", ADDRESS),
        Field("network", "virtualNetwork", REFERENCE),
        Field("admin_state", "adminState", choice("None", "Up", "Down")),
        Field("configuration", "networkInterfaceIPConfiguration", REFERENCE),
    ),
)
POOL = Shape(
    Pool,
    (
        Field("configurations", "backendIPConfigurations", each(REFERENCE)),
        Field("addresses", "loadBalancerBackendAddresses", parts("loadBalancerBackendAddresses", POOL_ADDRESS)),
        Field("drain_seconds", "drainPeriodInSeconds", whole(0, 1_000_000)),
    ),
)


def _probe_is_valid(probe: Probe, place: Place) -> None:
    if probe.protocol != "Tcp" and not probe.request_path:
        place.at("requestPath").wrong(None, f"a path, which a probe by {probe.protocol} needs")


PROBE = Shape(
    Probe,
    (
        Field("protocol", "protocol", choice("Tcp", "Http", "Https"), required=True),
        Field("port", "port", whole(1, 65535), required=True),
        Field("request_path", "requestPath", TEXT),
        Field("interval", "intervalInSeconds", whole(5, 2_147_483_646)),
        Field("threshold", "probeThreshold", whole(1, 100)),
        Field("number_of_probes", "numberOfProbes", whole(1, 2_147_483_646)),
        Field("all_down", "noHealthyBackendsBehavior", choice("AllProbedDown", "AllProbedUp")),
    ),
    check=_probe_is_valid,
)
TIMING: tuple[Field, ...] = (
    # 4 to 30 by the API's words, 4 to 100 by the newer page (azure.md 3.6): the wider one is taken.
    Field("idle_timeout_minutes", "idleTimeoutInMinutes", whole(4, 100)),
    Field("tcp_reset", "enableTcpReset", BOOLEAN),
    Field("floating_ip", "enableFloatingIP", BOOLEAN),
)


def _ports_of_protocol(rule: BalancingRule, place: Place) -> None:
    """Port 0 means every port, and only protocol All has it (azure.md 3.7)."""
    if (rule.frontend_port == 0) != (rule.protocol == "All"):
        place.at("frontendPort").wrong(rule.frontend_port, f"{'0' if rule.protocol == 'All' else '1 to 65534'}")


RULE = Shape(
    BalancingRule,
    (
        TRANSPORT,
        Field("frontend", "frontendIPConfiguration", REFERENCE),
        Field("frontend_port", "frontendPort", whole(0, 65534), required=True),
        Field("backend_port", "backendPort", whole(0, 65535), required=True),
        Field("pools", "backendAddressPool", REFERENCE, plural="backendAddressPools"),
        Field("probe", "probe", REFERENCE),
        Field("distribution", "loadDistribution", choice("Default", "SourceIP", "SourceIPProtocol")),
        *TIMING,
        Field("disable_outbound_snat", "disableOutboundSnat", BOOLEAN),
    ),
    check=_ports_of_protocol,
)
NAT_RULE = Shape(
    NatRule,
    (
        TRANSPORT,
        Field("frontend", "frontendIPConfiguration", REFERENCE),
        Field("configuration", "backendIPConfiguration", REFERENCE),
        Field("frontend_port", "frontendPort", whole(0, 65534)),
        Field("backend_port", "backendPort", whole(0, 65535)),
        *TIMING,
    ),
)
OUTBOUND_RULE = Shape(
    OutboundRule,
    (
        TRANSPORT,
        Field("frontends", "frontendIPConfigurations", each(REFERENCE)),
        Field("pool", "backendAddressPool", REFERENCE),
    ),
)


def _parts_exist(balancer: LoadBalancer, place: Place) -> None:
    """What a rule names of its own balancer is there."""
    known = {
        "frontendIPConfiguration": {each_.id for each_ in balancer.frontends},
        "probe": {each_.id for each_ in balancer.probes},
        "backendAddressPool": {each_.id for each_ in balancer.pools},
    }
    for rule in balancer.rules:
        named: dict[str, tuple[Any, ...]] = {
            "frontendIPConfiguration": (rule.frontend,),
            "probe": (rule.probe,),
            "backendAddressPool": rule.pools,
        }
        for field, found in named.items():
            for reference in found:
                if reference is not None and reference.parent == balancer.id and reference not in known[field]:
                    has = ", ".join(sorted(each_.name for each_ in known[field])) or "none"
                    place.of(rule.id.text).at(field).wrong(reference.text, f"one that the balancer has: {has}")


BALANCER = Shape(
    LoadBalancer,
    (
        LOCATION,
        Field("sku", "sku.name", TEXT, beside=True),
        Field("frontends", "frontendIPConfigurations", parts("frontendIPConfigurations", FRONTEND)),
        Field("pools", "backendAddressPools", parts("backendAddressPools", POOL)),
        Field("probes", "probes", parts("probes", PROBE)),
        Field("rules", "loadBalancingRules", parts("loadBalancingRules", RULE)),
        Field("nat_rules", "inboundNatRules", parts("inboundNatRules", NAT_RULE)),
        Field("outbound_rules", "outboundRules", parts("outboundRules", OUTBOUND_RULE)),
    ),
    type=NETWORK_TYPE + "loadBalancers",
    check=_parts_exist,
)
