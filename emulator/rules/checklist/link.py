"""Private link and the load balancer: approval, SKU, rules, probes, pool, PROXY v2."""

from collections.abc import Iterator

from emulator.model.balancer import BalancingRule, LoadBalancer, Pool
from emulator.model.privatelink import EndpointConnection, PrivateEndpoint, PrivateLinkService
from emulator.model.world import Topology, World
from emulator.rules import condition, frontend, link_header, pool
from emulator.rules.checklist import mends, scene
from emulator.rules.checklist.finding import Answer, Item
from emulator.rules.checklist.mends import az, within


def approved(world: World) -> Iterator[Answer]:
    """The connection is Approved on both sides."""
    endpoint, service, _ = world.linked
    theirs = next((each for each in service.connections if each.endpoint == endpoint.id), None)
    found = f"the connection of {endpoint.id.name} is {endpoint.state} at the private endpoint, "
    if theirs is None:
        show = az("network", "private-link-service", "show", "--ids", service.id.text, "-o", "json")
        found += f"and private link service {service.id.name} lists none of it"
        yield Answer("unknown", service.id, found, show)
        return
    found += f"{theirs.state} at private link service {service.id.name}"
    if (endpoint.state, theirs.state) == ("Approved", "Approved"):
        yield Answer("ok", endpoint.id, found)
    else:
        yield Answer("failed", endpoint.id, found, _approval(endpoint, service, theirs))


def _approval(endpoint: PrivateEndpoint, service: PrivateLinkService, theirs: EndpointConnection) -> str:
    """Approve it; where the provider removed it, only a new endpoint helps (azure.md 4.3)."""
    if not {"Disconnected", "Removed"} & {endpoint.state, theirs.state}:
        return az("network", "private-endpoint-connection", "approve", "--id", theirs.id.text)
    create = az(
        *("network", "private-endpoint", "create", *within(endpoint.id), "-n", endpoint.id.name),
        *("--subnet", str(endpoint.subnet), "--private-connection-resource-id", service.id.text),
        *("--connection-name", service.id.name),
    )
    return mends.joined([az("network", "private-endpoint", "delete", "--ids", endpoint.id.text), create])


def visible(world: World) -> Iterator[Answer]:
    """The service can be seen from the endpoint's subscription."""
    endpoint, service, _ = world.linked
    listed = {each.lower() for each in service.visibility}
    own = endpoint.id.subscription
    if not listed or listed & {"*", own.lower()}:
        who = ", ".join(service.visibility) or "by roles alone"
        yield Answer("ok", service.id, f"private link service {service.id.name} is visible: {who}")
        return
    found = f"private link service {service.id.name} is visible to {', '.join(service.visibility)}, not to {own}"
    mend = az(
        *("network", "private-link-service", "update", "--ids", service.id.text),
        *("--visibility", *service.visibility, own),
    )
    yield Answer("warning" if endpoint.state == "Approved" else "failed", service.id, found, mend)


def proxy_protocol(world: World) -> Iterator[Answer]:
    """Private link puts PROXY v2 before the bytes if, and only if, the proxy VM expects it."""
    _, service, _ = world.linked
    on, verdict = service.proxy_protocol, link_header.mismatch(world)
    if verdict is None:
        yield Answer("ok", service.id, f"enableProxyProtocol of {service.id.name} is {'on' if on else 'off'}")
        return
    found = f"{verdict.sentence}; nothing documents what Image Builder's proxy VM reads"
    wanted = ("--enable-proxy-protocol", "false" if on else "true")
    mend = az("network", "private-link-service", "update", "--ids", service.id.text, *wanted)
    yield Answer("failed", service.id, found, mend)


def standard(world: World) -> Iterator[Answer]:
    """The balancer is a Standard one: private link needs that."""
    _, _, balancer = world.linked
    found = f"load balancer {balancer.id.name} has SKU {balancer.sku}"
    if balancer.sku.lower() == "standard":
        yield Answer("ok", balancer.id, found)
        return
    home = scene.build_subnet(world).id
    mend = az(
        *("network", "lb", "create", *within(balancer.id), "-n", f"{balancer.id.name}-standard", "--sku", "Standard"),
        *("--subnet", home.text, "--frontend-ip-name", "frontend", "--backend-pool-name", "proxies"),
    )
    yield Answer("failed", balancer.id, found, mend)


def rules(world: World) -> Iterator[Answer]:
    """The frontend of the service has a rule for each of the proxy's ports, to the same port."""
    _, _, balancer = world.linked
    for port in scene.proxy_ports(world):
        rule = frontend.rule_of(world, port)
        leads = rule.backend_port or port if rule else None
        if rule and leads == port:
            yield Answer("ok", rule.id, f"rule {rule.id.name} of {balancer.id.name} leads {port} to {port}")
        elif rule:
            found = f"rule {rule.id.name} of {balancer.id.name} leads {port} to {leads}"
            where = (*within(balancer.id), "--lb-name", balancer.id.name, "-n", rule.id.name)
            mend = az("network", "lb", "rule", "update", *where, "--backend-port", str(port))
            yield Answer("failed", rule.id, found, mend)
        else:
            found = f"load balancer {balancer.id.name} has no rule for port {port} at the frontend of the service"
            yield Answer("failed", balancer.id, found, _new_rule(world, port))


def _new_rule(world: World, port: int) -> str:
    _, service, balancer = world.linked
    frontend = next((each.name for each in service.frontends if each.parent == balancer.id), "frontend")
    pools = balancer.pools[0].id.name if balancer.pools else "proxies"
    probe = next((each.id.name for each in balancer.probes if each.port == port), None)
    return az(
        *("network", "lb", "rule", "create", *within(balancer.id), "--lb-name", balancer.id.name),
        *("-n", f"rule-{port}", "--protocol", "Tcp", "--frontend-port", str(port), "--backend-port", str(port)),
        *("--frontend-ip-name", frontend, "--backend-pool-name", pools),
        *(("--probe-name", probe) if probe else ()),
    )


def floating_ip(world: World) -> Iterator[Answer]:
    """No rule has floating IP on: packets would keep the frontend's address, which the proxy VM has nowhere."""
    _, _, balancer = world.linked
    for port in scene.proxy_ports(world):
        rule = frontend.rule_of(world, port)
        if rule is not None and rule.floating_ip:
            where = (*within(balancer.id), "--lb-name", balancer.id.name, "-n", rule.id.name)
            mend = az("network", "lb", "rule", "update", *where, "--enable-floating-ip", "false")
            yield Answer("failed", rule.id, f"enableFloatingIP of rule {rule.id.name} is on", mend)
        elif rule is not None:
            yield Answer("ok", rule.id, f"enableFloatingIP of rule {rule.id.name} is off")


def probes(world: World) -> Iterator[Answer]:
    """Each rule has a probe that asks a port on which the proxy listens."""
    _, _, balancer = world.linked
    for port in scene.proxy_ports(world):
        rule = frontend.rule_of(world, port)
        if rule is not None:
            yield _probe(balancer, rule, port)


def _probe(balancer: LoadBalancer, rule: BalancingRule, port: int) -> Answer:
    probe = balancer.probe_of(rule)
    who = f"rule {rule.id.name} of {balancer.id.name}"
    if rule.probe is None:
        found = f"{who} has no probe: it sends to a proxy VM that is gone, too"
        return Answer("warning", rule.id, found, _new_probe(balancer, rule, port))
    if probe is None:
        found = f"{who} names probe {rule.probe.name}, which the load balancer does not have"
        return Answer("failed", rule.id, found, _new_probe(balancer, rule, port))
    found = f"probe {probe.id.name} of {rule.id.name} asks {probe.protocol} {probe.port}"
    if probe.protocol == "Tcp" and probe.port in condition.SERVED["proxy"]:
        return Answer("ok", probe.id, found)
    return Answer(
        "failed", probe.id, f"{found}, to which the proxy VM has no answer", _new_probe(balancer, rule, port)
    )


def _new_probe(balancer: LoadBalancer, rule: BalancingRule, port: int) -> str:
    where = (*within(balancer.id), "--lb-name", balancer.id.name)
    name = f"probe-{port}"
    create = az("network", "lb", "probe", "create", *where, "-n", name, "--protocol", "Tcp", "--port", str(port))
    update = az("network", "lb", "rule", "update", *where, "-n", rule.id.name, "--probe-name", name)
    return mends.joined([create, update])


def members(world: World) -> Iterator[Answer]:
    """The pools behind the rules hold interfaces, and not only addresses."""
    _, _, balancer = world.linked
    used = {
        each for port in scene.proxy_ports(world) if (rule := frontend.rule_of(world, port)) for each in rule.pools
    }
    for each in balancer.pools:
        if each.id in used or not used:
            yield _members(world, balancer, each)


def _members(world: World, balancer: LoadBalancer, wanted: Pool) -> Answer:
    who = f"backend pool {wanted.id.name} of {balancer.id.name}"
    alone = LoadBalancer(balancer.id, pools=(Pool(wanted.id, wanted.configurations),))
    inside = [each.interface.name for each in pool.backends(world.laid(alone), alone)]
    named = [each for each in wanted.configurations if world.find("interfaces", each.parent) is None]
    if inside:
        return Answer("ok", wanted.id, f"{who} holds {', '.join(inside)}")
    if named:
        show = az("network", "nic", "show", "--ids", named[0].parent.text, "-o", "json")
        return Answer("unknown", wanted.id, f"{who} holds {named[0].parent}, which was not loaded", show)
    mend = _joining(world, balancer, wanted)
    if any(each.address for each in wanted.addresses):
        return Answer("failed", wanted.id, f"{who} is configured by IP address; private link needs interfaces", mend)
    return Answer("failed", wanted.id, f"{who} is empty: nothing answers behind the load balancer", mend)


def _joining(world: World, balancer: LoadBalancer, wanted: Pool) -> str:
    """The command that puts an interface of the proxy VM into a pool."""
    proxy = world.find("interfaces", world.proxies[0].interface) if world.proxies else None
    where = within(proxy.id) if proxy else within(balancer.id)
    name = proxy.id.name if proxy else "proxy-nic"
    configuration = proxy.primary.name if proxy and proxy.primary else "ipconfig"
    return az(
        *("network", "nic", "ip-config", "address-pool", "add", *where, "--nic-name", name),
        *("--ip-config-name", configuration, "--lb-name", balancer.id.name, "--address-pool", wanted.id.name),
    )


LINKED: tuple[Topology, ...] = ("existing-vnet",)
SERVICE = "https://learn.microsoft.com/azure/private-link/private-link-service-overview"
TROUBLESHOOTING = "https://learn.microsoft.com/azure/private-link/troubleshoot-private-link-connectivity"
PROBES = "https://learn.microsoft.com/azure/load-balancer/load-balancer-custom-probe-overview"
COMPONENTS = "https://learn.microsoft.com/azure/load-balancer/components"
ITEMS = (
    Item(
        "endpoint-approved",
        "Only an Approved connection carries traffic, and both sides have a say",
        "https://learn.microsoft.com/azure/private-link/manage-private-endpoint",
        approved,
        LINKED,
    ),
    Item(
        "service-visibility",
        "A service that a subscription does not see cannot be connected to from there",
        TROUBLESHOOTING,
        visible,
        LINKED,
    ),
    Item(
        "proxy-protocol",
        "With PROXY v2 on, the backend must read the header, and probes carry it, too; else connections fail "
        "(azure-docs #64867)",
        "https://github.com/MicrosoftDocs/azure-docs/issues/64867",
        proxy_protocol,
        LINKED,
    ),
    Item("balancer-sku", "Private link works with a Standard load balancer only", SERVICE, standard, LINKED),
    Item(
        "balancer-rules",
        "A frontend port without a rule is silent, and a proxy VM pairs 60001 with Linux and 60000 with Windows",
        COMPONENTS,
        rules,
        LINKED,
    ),
    Item(
        "balancer-floating-ip",
        "With floating IP a packet keeps the frontend's address, and a guest that has it on no interface is silent",
        "https://learn.microsoft.com/azure/load-balancer/load-balancer-floating-ip",
        floating_ip,
        LINKED,
    ),
    Item(
        "balancer-probes",
        "A probe to a port on which nothing listens marks every proxy VM down, and new connections go nowhere",
        PROBES,
        probes,
        LINKED,
    ),
    Item(
        "balancer-pool",
        "An empty pool has nobody to answer; behind private link a pool must hold interfaces, not only addresses",
        SERVICE,
        members,
        LINKED,
    ),
)
