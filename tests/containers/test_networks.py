"""Who reaches whom: hops on their networks, and nobody past them; each denial beside a dial that shows it could fail.

Machines say their names on a port of their own, since a network outside may answer for any address: what matters is
who is heard.
"""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers.stack import (
    GATES,
    PASSWORD,
    SERVICES,
    SPEAKING,
    Stack,
    docker,
    inspected,
    speaking_here,
)

pytestmark = [pytest.mark.containers, pytest.mark.timeout(300), pytest.mark.xdist_group("containers")]
NETWORKS = {
    "control": {"control", "edge"},
    "load-balancer": {"service", "build", "control"},
    "proxy": {"build", "control"},
    "gateway": {"build", "control", "outside"},
    "build-linux": {"build"},
    "build-windows": {"build"},
    "client": {"service"},
}
BUILD_VMS = ("build-linux", "build-windows")
NOBODY = {"<silent>", "<unreachable>"}
OUTSIDE = ("1.1.1.1:443", "8.8.8.8:53", "9.9.9.9:443")
HOST = "the host"
ASK = """
import http.client, sys
for where, _, path in (each.partition("/") for each in sys.argv[1:]):
    connection = http.client.HTTPConnection(where, timeout=5)
    connection.request("GET", "/" + path, headers={"Host": "control"})
    print(connection.getresponse().status)
    connection.close()
"""
"""Prints the status of an answer to each HOST:PORT/PATH."""


@pytest.fixture(scope="module")
def voices(stack: Stack) -> Iterator[Stack]:
    """The stack, whose machines say their names."""
    with contextlib.ExitStack() as speaking:
        for service in ("control", "load-balancer", "proxy", "gateway", *BUILD_VMS):
            speaking.enter_context(stack.speaking(service))
        yield stack


@pytest.fixture(scope="module")
def host(stack: Stack) -> Iterator[list[str]]:
    """Where a service of this machine listens: at each of its addresses, the engine's gateways among them."""
    with speaking_here(HOST) as port:
        yield [f"{address}:{port}" for address in host_addresses()]


def host_addresses() -> list[str]:
    """This machine's addresses beyond loopback (the local table of the kernel's routes)."""
    found, last = set(), ""
    for line in Path("/proc/net/fib_trie").read_text("utf-8").splitlines():
        last = line.split()[-1] if "|--" in line else last
        if "host LOCAL" in line and not last.startswith("127."):
            found.add(last)
    return sorted(found)


def speaking(stack: Stack, service: str, *networks: str) -> list[str]:
    """Where a machine says its name, on some of its networks."""
    return [f"{stack.address(service, network)}:{SPEAKING}" for network in networks]


def inner(stack: Stack) -> list[str]:
    """Where the machines say their names that only the channel leads to."""
    return [target for service in (*BUILD_VMS, "proxy") for target in speaking(stack, service, "build")]


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_is_on_its_networks(stack: Stack, service: str) -> None:
    """A service is on the networks that its part needs; control's is for hops alone."""
    networks = stack.inspect(service)["NetworkSettings"]["Networks"]

    assert set(networks) == {stack.network(each) for each in NETWORKS[service]}


def test_fixed_addresses_are_the_default_world_s(stack: Stack) -> None:
    """Endpoint, frontend and build VMs end in the numbers of the default world; a proxy is in the upper half."""
    assert stack.address("load-balancer", "service") == f"{stack.service_net}.5"
    assert stack.address("load-balancer", "build") == f"{stack.build_net}.6"
    assert stack.address("gateway", "build") == f"{stack.build_net}.4"
    assert stack.address("build-linux", "build") == f"{stack.build_net}.8"
    assert stack.address("build-windows", "build") == f"{stack.build_net}.9"
    assert int(stack.address("proxy", "build").rpartition(".")[2]) >= 128


@pytest.mark.parametrize("service", ["control", *GATES])
def test_hops_forward_no_packet(stack: Stack, service: str) -> None:
    """A hop on two networks is no router, and its own connections leave 60000 and 60001 alone."""
    kernel = ("/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv4/ip_local_port_range")

    assert stack.run(service, "cat", *kernel).stdout.split() == ["0", "1024", "59999"]


@pytest.mark.parametrize("network", ["build", "control"])
def test_the_host_has_no_address_on_an_inner_network(stack: Stack, network: str) -> None:
    """The host has no IPv4 address on the bridges of `build` and `control`; the latter is internal besides."""
    (found,) = json.loads(docker("network", "inspect", stack.network(network)).stdout)

    assert found["Internal"] is (network == "control")
    assert found["Options"]["com.docker.network.bridge.inhibit_ipv4"] == "true"
    assert stack.address("proxy", network).rpartition(".")[0] not in {
        address.rpartition(".")[0] for address in host_addresses()
    }


def test_hops_join_by_their_own_network_alone(stack: Stack) -> None:
    """Without the token nobody joins at control's published port or outer address, and a hop may do nothing else."""
    outer = (f"127.0.0.1:{stack.settings['AIB_EMULATOR_CONTROL_PORT']}", f"{stack.address('control', 'edge')}:8060")
    inner = f"{stack.address('control', 'control')}:8060"
    strangers = [sys.executable, "-c", ASK, *(f"{where}/emulator/hops" for where in outer)]
    hop = ("python3", "-c", ASK, f"{inner}/emulator/hops", f"{inner}/emulator/status")

    assert subprocess.run(strangers, capture_output=True, text=True, check=True).stdout.split() == ["401", "401"]
    # 400: it may, but asked for no web socket.
    assert stack.run("proxy", *hop).stdout.split() == ["400", "401"]


def test_a_command_travels_the_whole_channel(stack: Stack) -> None:
    """OpenSSH's client logs in to the build VM through endpoint, balancer and proxy."""
    options = ("-o", "StrictHostKeyChecking=accept-new", "-o", "UserKnownHostsFile=/dev/null")
    where = ("-p", "60001", f"packer@{stack.service_net}.5")
    done = stack.run("client", "sshpass", "-p", PASSWORD, "ssh", *options, *where, "hostname")

    assert done.stdout == "build-linux\n"


def test_machines_on_build_reach_each_other(voices: Stack) -> None:
    """From one build VM the other is heard, and so are proxy and balancer, by address and by name."""
    heard = voices.dial("build-linux", [*inner(voices), *speaking(voices, "load-balancer", "build")])

    assert list(heard.values()) == ["build-linux", "build-windows", "proxy", "load-balancer"]
    assert voices.dial("build-linux", [f"proxy:{SPEAKING}"]) == {f"proxy:{SPEAKING}": "proxy"}


@pytest.mark.parametrize("service", BUILD_VMS)
def test_a_build_vm_reaches_nothing_outside_but_by_the_gateway(stack: Stack, service: str) -> None:
    """Once the gateway decides on nothing (it is paused) no address outside answers, and no name is known."""
    docker("pause", stack.container("gateway"))
    try:
        heard = stack.dial(service, [*OUTSIDE, "example.com:80"])
    finally:
        docker("unpause", stack.container("gateway"))

    assert heard.pop("example.com:80") == "<no name>"
    assert set(heard.values()) <= NOBODY


@pytest.mark.parametrize("service", BUILD_VMS)
def test_a_build_vm_does_not_reach_the_host(stack: Stack, service: str, host: list[str]) -> None:
    """From `build` the host does not answer at any of its addresses; the router's is the gateway's, which refuses."""
    router = f"{stack.build_net}.1:{host[0].rpartition(':')[2]}"

    assert set(stack.dial(service, host).values()) <= NOBODY
    assert stack.dial(service, [router]) == {router: "<refused>"}


def test_the_host_is_heard_where_it_may_be(stack: Stack, host: list[str]) -> None:
    """From `service`, which is not internal, the same service of the host is heard at the gateway."""
    gateway = f"{stack.service_net}.1:{host[0].rpartition(':')[2]}"

    assert stack.dial("client", [gateway]) == {gateway: HOST}


@pytest.mark.parametrize("service", BUILD_VMS)
def test_a_build_vm_does_not_reach_control(voices: Stack, service: str) -> None:
    """From `build` control does not answer, by any of its addresses or by name."""
    targets = speaking(voices, "control", "control", "edge")

    assert set(voices.dial(service, targets).values()) <= NOBODY
    assert voices.dial(service, ["control:8060"]) == {"control:8060": "<no name>"}


def test_a_client_does_not_reach_control(voices: Stack) -> None:
    """From `service` control is not heard, by any of its addresses or by name."""
    heard = voices.dial("client", [*speaking(voices, "control", "control", "edge"), f"control:{SPEAKING}"])

    assert "control" not in heard.values()
    assert heard[f"control:{SPEAKING}"] == "<no name>"


@pytest.mark.parametrize("service", GATES)
def test_a_hop_reaches_control(voices: Stack, service: str) -> None:
    """From balancer and proxy control is heard by address and by name."""
    targets = [*speaking(voices, "control", "control"), f"control:{SPEAKING}"]

    assert set(voices.dial(service, targets).values()) == {"control"}


@pytest.mark.parametrize("way", ["router", "gateway", "load-balancer", "proxy"])
def test_no_route_leads_out_of_build(voices: Stack, host: list[str], way: str) -> None:
    """A stranger on `build` with NET_ADMIN reaches neither control, nor the host, nor outside, by any neighbour."""
    gateway = f"{voices.build_net}.1" if way == "router" else voices.address(way, "build")
    targets = [*speaking(voices, "control", "control", "edge"), *host, *OUTSIDE]

    assert set(voices.dial_by("build", gateway, targets).values()) <= NOBODY


def test_a_client_does_not_reach_the_build_vms(voices: Stack) -> None:
    """From `service` no build VM and no proxy is heard, by address or by name: the channel is the only way."""
    names = [f"{service}:{SPEAKING}" for service in (*BUILD_VMS, "proxy")]
    heard = voices.dial("client", [*inner(voices), *names])

    assert {heard.pop(name) for name in names} == {"<no name>"}
    assert set(heard.values()) & {*BUILD_VMS, "proxy"} == set()


def test_no_route_leads_through_the_balancer(voices: Stack) -> None:
    """A stranger on `service` with NET_ADMIN and a route by the balancer gets no answer from `build` or control."""
    targets = [*inner(voices), *speaking(voices, "control", "control", "edge")]

    assert set(voices.dial_by("service", f"{voices.service_net}.5", targets).values()) <= NOBODY


def test_no_route_leads_through_the_host(voices: Stack) -> None:
    """A stranger on `service` with NET_ADMIN and a route by the host hears nobody of `build`, and not control."""
    targets = [*inner(voices), *speaking(voices, "control", "control", "edge")]

    heard = voices.dial_by("service", f"{voices.service_net}.1", targets)
    assert set(heard.values()) & {*BUILD_VMS, "proxy", "control"} == set()


@pytest.mark.parametrize("service", BUILD_VMS)
def test_a_build_vm_has_no_second_way(stack: Stack, service: str) -> None:
    """A build VM has no IPv6 address but loopback's, by which it could meet the host's bridge."""
    rows = stack.run(service, "cat", "/proc/net/if_inet6", check=False).stdout.splitlines()

    assert {row.split()[-1] for row in rows} <= {"lo"}


def test_proxies_scale(stack: Stack) -> None:
    """A second proxy starts beside the first, with an address of its own, and nothing else is started anew."""
    before = stack.inspect("load-balancer")["State"]["StartedAt"]
    try:
        stack.up("--no-recreate", "--scale", "proxy=2")
        proxies = [inspected(each) for each in stack.containers("proxy")]
        network = stack.network("build")
        assert len({each["NetworkSettings"]["Networks"][network]["IPAddress"] for each in proxies}) == 2
        assert {each["State"]["Health"]["Status"] for each in proxies} == {"healthy"}
        assert stack.inspect("load-balancer")["State"]["StartedAt"] == before
    finally:
        stack.up("--no-recreate", "--scale", "proxy=1")
