"""Private link's NAT ports: how many there are, and a flow for which none is left."""

from dataclasses import replace
from ipaddress import IPv4Address

from emulator.model.privatelink import NatConfiguration
from emulator.reason import Outcome, Reason, Verdict
from emulator.rules import nat_ports
from emulator.rules.condition import Condition
from emulator.rules.entry import entry_posture
from emulator.rules.posture import Answer
from tests.rules.test_path import ending, path_of
from tests.worlds import healthy, world


def test_capacity() -> None:
    """64k for each NAT address, or as many as the setting says; none without private link."""
    found = world()
    assert found.service
    more = NatConfiguration("nat-2", IPv4Address("10.60.0.20"), primary=False)
    two = found.laid(replace(found.service, nat=(*found.service.nat, more)))
    small = replace(two, switches=replace(two.switches, nat_ports_per_backend=3))

    assert [nat_ports.capacity(each, Condition()) for each in (found, two, small)] == [64_000, 128_000, 6]
    assert nat_ports.capacity(world(topology="public-ip"), Condition()) == 0


def test_a_backend_without_a_port_gets_no_new_flow() -> None:
    """The SYN is dropped at the leg to that proxy, and the sentence says what is taken."""
    found = world()
    full = healthy(found).with_ports("proxy", exhausted=True)
    path = path_of(found, condition=full)

    assert ending(path) == "load-balancer → proxy: dropped, NatPortsExhausted"
    assert path.end().verdict.sentence == (
        "private link service aib-pls has no NAT port left for proxy: all 64000 are taken"
    )
    assert entry_posture(found, full, "linux", {}).possible() == {Answer.DROP}
    assert path_of(found, condition=full.with_ports("proxy", exhausted=False)).carried


def test_a_fault_leaves_fewer() -> None:
    """It is named where it decides; where the service itself has no more, that is."""
    found = world()
    verdict = Verdict(Outcome.DROPPED, Reason("fault", "", "few"), "fault few")
    few = replace(healthy(found).with_ports("proxy", exhausted=True), budget=(2, verdict))
    small = replace(found, switches=replace(found.switches, nat_ports_per_backend=1))

    assert nat_ports.capacity(found, few) == 2
    assert ending(path_of(found, condition=few)) == "load-balancer → proxy: dropped, few"
    assert (
        path_of(found, condition=few).end().verdict.sentence.endswith("no NAT port left for proxy: all 2 are taken")
    )
    assert ending(path_of(small, condition=few)) == "load-balancer → proxy: dropped, NatPortsExhausted"
