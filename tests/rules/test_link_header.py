"""Who sends private link's PROXY v2, who reads it, and what becomes of a path where they differ."""

from dataclasses import replace

import pytest

from emulator.model import deployed
from emulator.model.default_world import default_world
from emulator.model.ids import resource_id
from emulator.model.switches import Switches
from emulator.model.world import TOPOLOGIES, Topology, World
from emulator.rules import link_header
from emulator.rules.path import client_flow, decide
from tests.rules.test_path import ending, path_of
from tests.worlds import healthy, world


def linked(*, sent: bool, read: bool) -> World:
    """The default world with `enableProxyProtocol` and the proxy VM set so."""
    found = default_world(switches=Switches(proxy_vm_reads_proxy_v2=read))
    assert found.service
    return found.laid(replace(found.service, proxy_protocol=sent))


CASES = [
    (False, False, "proxy → build-linux: carried"),
    (True, True, "proxy → build-linux: carried"),
    (True, False, "proxy → build-linux: refused, ProxyProtocolMismatch"),
    (False, True, "proxy → build-linux: dropped, ProxyProtocolMismatch"),
]


@pytest.mark.parametrize(("sent", "read", "end"), CASES)
def test_both_sides_must_agree(sent: bool, read: bool, end: str) -> None:  # noqa: FBT001 - columns of a table
    """The header is sent and read, or neither; else the path ends at the build VM, or before it."""
    found = linked(sent=sent, read=read)
    path = path_of(found)

    assert ending(path).startswith(end)
    assert (link_header.mismatch(found) is None) == path.carried
    assert link_header.on_connections(found) is link_header.on_probes(found) is sent
    assert link_header.is_read(found) is read


def test_an_earlier_verdict_stands() -> None:
    """What stops the flow anyway is what is said of it."""
    found = linked(sent=True, read=False)
    stopped = healthy(found, stopped=["build-linux"])
    path = decide(client_flow(found, "linux", 50000), found, stopped, "linux")

    assert path.end().verdict.reason.name == "ServiceStopped"


def test_one_service_puts_it_on_every_probe() -> None:
    """Services that share a balancer share its probes (azure.md 4.5); one of another balancer has no say."""
    found = world()
    assert found.service
    other = replace(found.service, id=resource_id(deployed.NETWORK + "privateLinkServices", "other"))
    elsewhere = resource_id(deployed.NETWORK + "loadBalancers", "x").child("frontendIPConfigurations", "f")
    sharing = found.laid(replace(other, proxy_protocol=True))
    apart = found.laid(replace(other, proxy_protocol=True, frontends=(elsewhere,)))

    assert link_header.on_probes(sharing)
    assert not link_header.on_connections(sharing)
    assert not link_header.on_probes(apart)


def test_the_link_id_is_the_connections() -> None:
    """LINKID is `linkIdentifier` of the service's connection; 0 where nobody says it."""
    found = world()
    assert found.service
    (own,) = found.service.connections
    marked = found.laid(replace(found.service, connections=(replace(own, link=7),)))
    unknown = found.laid(replace(found.service, connections=(replace(own, link=None),)))
    unlisted = found.laid(replace(found.service, connections=()))

    assert [link_header.link_id(each) for each in (marked, unknown, unlisted)] == [7, 0, 0]


@pytest.mark.parametrize("topology", [each for each in TOPOLOGIES if each != "existing-vnet"])
def test_without_private_link_there_is_none(topology: Topology) -> None:
    """Other topologies have no private link, whatever the switch says."""
    found = default_world(topology)
    switched = replace(found, switches=Switches(proxy_vm_reads_proxy_v2=True))

    assert not link_header.on_connections(switched)
    assert not link_header.is_read(switched)
    assert link_header.mismatch(switched) is None
