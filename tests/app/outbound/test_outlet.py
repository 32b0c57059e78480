"""What a build VM's own connections experience is what the rules say of them: real sockets, in a real guest."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator import explain
from emulator.app.channel import Channel
from emulator.app.outbound.atlas import Atlas
from emulator.app.outbound.outgoing import Outgoing
from emulator.app.outbound.outlet import Outlet
from emulator.channels.base import Outcome
from emulator.errors import PeerError
from emulator.machines.sandbox import messages
from emulator.model.default_world import BUILD_SUBNET
from emulator.model.ids import resource_id
from emulator.model.resources import Resource
from emulator.model.world import World
from emulator.observe import Record
from tests.app.test_flow_logs import BUILD, nsg_tuples, of_a
from tests.app.test_run import ALLOW, deny, quick, seen
from tests.beyond import PUBLIC, SAY, networked, recorded, tried
from tests.machines.test_sandbox_safety import descendants, is_alive
from tests.net.tcp import no_descriptor_left
from tests.worlds import DOCUMENTED, nsg, with_routes, with_subnet

pytestmark = pytest.mark.network
WAIT = "until test -e go; do sleep 0.1; done"
NAT_GATEWAY = resource_id("Microsoft.Network/natGateways", "way-out")


def network(world: World) -> list[Resource]:
    """The resources of a world that decide on the way out."""
    return [world.network_of(BUILD_SUBNET), *world.route_tables]


async def test_what_is_let_out_arrives() -> None:
    """Any port of a public address: bytes both ways, by bash and by curl; the record names the way out."""
    async with networked() as channel:
        assert await tried(channel, port=4711, then=SAY) == "you said hello"
        assert (await channel.run("linux", f"curl -sS --max-time 20 http://{PUBLIC}:8099/")).stdout == b"yes"
        record = await recorded(channel)

    assert (record.kind, record.how, record.leg) == ("close", "fin", "build-linux → Internet")
    assert (record.bytes_from_client, record.bytes_to_client) == (6, 15)
    assert record.source.startswith("10.60.0.8:")


async def test_a_rule_that_denies_is_silence() -> None:
    """A rule added live: no answer, one record with its name however often the SYN comes; removed, it connects."""
    async with networked() as channel:
        await channel.apply(deny("NoWeb", 300, 4711, "Outbound"))
        assert await tried(channel) == "silent"
        record = await recorded(channel)
        said = explain(channel.world, "build-linux", f"{PUBLIC}:4711").end().verdict
        await channel.apply(ALLOW)
        assert await tried(channel, then=SAY) == "you said hello"
        drops = [each for each in channel.events() if isinstance(each, Record) and each.to == record.to]
        counted = channel.tally.dropped["build-linux", "build-linux → Internet", "rule", "NoWeb"]

    assert (record.kind, record.reason) == ("drop", said.reason)
    assert record.reason.name == "NoWeb"
    assert [each.kind for each in drops] == ["drop", "close"]
    assert counted == 1


async def test_no_way_out_is_silence() -> None:
    """A private subnet, then a route to None: silence, and the record says which; a NAT gateway opens it."""
    async with networked() as channel:
        private = with_subnet(channel.world, BUILD_SUBNET, default_outbound=False)
        await channel.apply(network(private))
        assert await tried(channel, port=1001) == "silent"
        await channel.apply(network(with_subnet(private, BUILD_SUBNET, nat_gateway=NAT_GATEWAY)))
        assert await tried(channel, port=1002) == "connected"
        said = explain(channel.world, "build-linux", f"{PUBLIC}:1002").end().verdict
        await channel.apply(network(with_routes(channel.world, "0.0.0.0/0 -> None")))
        assert await tried(channel, port=1003) == "silent"
        reasons = [(await recorded(channel, port=port)).reason.name for port in (1001, 1003)]

    assert reasons == ["PrivateSubnet", "to-None"]
    assert said.reason.name == "NatGateway"


async def test_a_refusal_is_a_refusal() -> None:
    """A destination that answers RST answers the guest so: one beyond, and a machine without such a service."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{closed.getsockname()[1]}"
        async with networked(more={"203.0.113.51": place}) as channel:
            assert await tried(channel, "203.0.113.51") == "refused"
            assert await tried(channel, "10.60.0.9", 445) == "refused"
            record = await recorded(channel, "203.0.113.51")

    assert (record.kind, record.how, record.ended_by) == ("close", "rst", "203.0.113.51")


async def test_other_machines_of_the_network() -> None:
    """The Windows build VM, the proxy and the balancer's frontend answer; a rule there silences them."""
    async with networked() as channel:
        assert await tried(channel, "10.60.0.9", 5986) == "connected"
        assert (await tried(channel, "10.60.0.7", 60001, "head -c 7 <&3")).startswith("SSH-2.0")
        assert (await tried(channel, "10.60.0.6", 60001, "head -c 7 <&3")).startswith("SSH-2.0")
        await channel.apply(deny("NoWinRm", 300, 5986))
        assert await tried(channel, "10.60.0.9", 5986) == "silent"
        record = await recorded(channel, "10.60.0.9", 5986)

    assert record.kind == "close", "the first one"


async def test_names_are_answered_where_the_rules_let_a_question_out() -> None:
    """A mapped name has an address, and its traffic arrives; another is not known; a rule silences the resolver."""
    async with networked() as channel:
        assert await tried(channel, "www.example.com", 80, SAY) == "you said hello"
        assert (await channel.run("linux", "getent hosts nobody.example.org")).exit_code == 2
        assert (await channel.run("linux", "cat /etc/resolv.conf")).stdout == b"nameserver 168.63.129.16\n"
        await channel.apply(network(with_routes(channel.world, "0.0.0.0/0 -> None")))
        assert (await channel.run("linux", "getent hosts www.example.com")).exit_code == 0, "no route leads away"
        await channel.apply(nsg(DOCUMENTED, "300 deny out * -> AzurePlatformDNS:53 Udp"))
        assert (await channel.run("linux", "timeout 2 getent hosts www.example.com")).exit_code == 124
        assert (await recorded(channel, "168.63.129.16", 53)).reason.name == "deny-300"


async def test_the_guest_sees_its_own_address() -> None:
    """Its interface has the build VM's address, its subnet and its router."""
    async with networked() as channel:
        said = (await channel.run("linux", "cat /proc/net/fib_trie /proc/net/route")).stdout.decode()

    assert "10.60.0.8" in said
    assert "0100003C0A" not in said
    assert "eth0\t00000000\t01003C0A" in said


async def test_nobody_plays_the_platform() -> None:
    """The metadata service is let through and silent: the record says that nobody plays it, and is approximated."""
    async with networked() as channel:
        assert await tried(channel, "169.254.169.254", 80) == "silent"
        record = await recorded(channel, "169.254.169.254", 80)

    assert record.approximated
    assert "outbound.map" in record.sentence


async def opened(channel: Channel) -> None:
    """Wait until a command that holds a connection open has it."""
    while (await channel.run("linux", "test -e open")).exit_code:
        pass


async def broken(command: Coroutine[Any, Any, Outcome]) -> None:
    """Run a command whose machine goes away under it."""
    with contextlib.suppress(PeerError):
        await command


async def test_an_open_connection_outlives_the_rule_that_let_it_out() -> None:
    """A denial touches new connections; `rule_change: cut` cuts it, silently."""
    for switch, expected in (("keep", "you said late"), ("cut", "")):
        async with networked(switches={"rule_change": switch}) as channel:
            line = f"exec 3<>/dev/tcp/{PUBLIC}/4711; touch open; {WAIT}; echo late >&3; timeout 2 cat <&3; rm open go"
            async with asyncio.TaskGroup() as group:
                running = group.create_task(channel.run("linux", line))
                await opened(channel)
                await channel.apply(deny("NoWeb", 300, 4711, "Outbound"))
                await channel.run("linux", "touch go")
            assert running.result().stdout.decode().strip() == expected


async def test_it_is_logged_at_the_build_vms_interface(tmp_path: Path) -> None:
    """Flow logs: allowed outbound by the default rule, begun and ended; denied by the rule's name."""
    async with networked(flow_logs=tmp_path) as channel:
        assert await tried(channel, port=1001, then=SAY) == "you said hello"
        await channel.apply(deny("NoWeb", 300, 1002, "Outbound"))
        assert await tried(channel, port=1002) == "silent"
    gathered = nsg_tuples(tmp_path)

    allowed = of_a(gathered, BUILD, PUBLIC, 1001)
    assert allowed == [("DefaultRule_AllowInternetOutBound", "O", "A" + state) for state in "BE"]
    assert of_a(gathered, BUILD, PUBLIC, 1002) == [("UserRule_NoWeb", "O", "DB")]


@contextlib.contextmanager
def bait() -> Iterator[socket.socket]:
    """A server of this machine's, on every address that it has."""
    with socket.create_server(("0.0.0.0", 0)) as serving:
        serving.setblocking(False)
        yield serving


async def test_this_machine_is_not_reached() -> None:
    """Neither its loopback nor an address of its own, and not its control API, mapped or not."""
    with bait() as serving, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("10.255.255.255", 9))
        own, port = probe.getsockname()[0], serving.getsockname()[1]
        async with networked(more={"203.0.113.52": f"127.0.0.1:{port}"}) as channel:
            channel.control = f"http://127.0.0.1:{port}"
            assert await tried(channel, "127.0.0.1", port) == "refused"
            assert await tried(channel, own, port) in ("silent", "refused")
            assert await tried(channel, "203.0.113.52", 80) == "silent"
        with pytest.raises(BlockingIOError):
            serving.accept()


async def test_the_windows_build_vm_meets_the_same_verdicts() -> None:
    """Test-NetConnection: reached, by address and by name; refused; an unknown name; silent, with the rule's name."""
    script = "(Test-NetConnection {} -Port {} -WarningAction Ignore).TcpTestSucceeded"
    async with networked() as channel, asyncio.TaskGroup() as group:

        async def told(host: str, port: int) -> str:
            line = f'powershell -Command "{script.format(host, port)}"'
            return (await channel.run("windows", line)).stdout.decode().strip()

        assert [await told(host, 443) for host in (PUBLIC, "www.example.com")] == ["True", "True"]
        assert [await told(*each) for each in (("10.60.0.8", 445), ("nobody.example.org", 443))] == ["False", "False"]
        await channel.apply(deny("NoWeb", 300, 4711, "Outbound"))
        silent = group.create_task(told(PUBLIC, 4711))
        record = await seen(channel, lambda each: each.hop == "build-windows" and each.kind == "drop", 30)
        assert record.reason.name == "NoWeb"
        assert await silent == "False"


async def test_nothing_is_left_of_it() -> None:
    """Once the channel has ended, with a connection open, no descriptor and no task is left (see `leak_check`)."""
    async with asyncio.TaskGroup() as group:
        async with networked() as channel:
            holding = channel.run("linux", f"exec 3<>/dev/tcp/{PUBLIC}/4711; touch open; sleep 60")
            running = group.create_task(broken(holding))
            await opened(channel)
        await running

    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_switchboard_that_breaks_the_protocol_is_left_alone() -> None:
    """Whatever it sends, the outlet closes; nothing else ends."""
    async with quick() as channel, asyncio.TaskGroup() as group:
        outgoing = Outgoing(channel.scene, "build-linux", Atlas())
        outlet = Outlet(lambda _: outgoing, group)
        odds: tuple[messages.Message, ...] = (
            {"first": ["x", 1, "nowhere", 2, 3]},
            {"accepted": [1]},
            {"first": 7},
            {"first": ["10.60.0.8", 1, "203.0.113.50", 1 << 16, 3]},
            {"connect": 1, "host": "localhost", "port": 70000},
            {"resolver": "a"},
        )
        for odd in odds:
            with outlet.opened() as theirs:
                messages.send(theirs, odd)
                theirs.settimeout(5)
                reply = await asyncio.to_thread(theirs.recv, 100)
                assert reply == b""
        assert channel.ready


async def test_no_socket_as_a_resolver_is_left_alone() -> None:
    """A descriptor that is something else breaks the protocol as well."""
    async with quick() as channel, asyncio.TaskGroup() as group:
        outgoing = Outgoing(channel.scene, "build-linux", Atlas())
        with Outlet(lambda _: outgoing, group).opened() as theirs:
            odd = os.pipe()
            messages.send(theirs, {"resolver": "168.63.129.16"}, odd[:1])
            messages.close(odd)
            theirs.settimeout(20)
            assert await asyncio.to_thread(theirs.recv, 100) == b""


async def test_a_connection_without_a_descriptor_for_it_is_lost_alone() -> None:
    """Where this process can open nothing more, the guest keeps its network; it had lost all of it."""
    async with asyncio.TaskGroup() as group, asyncio.timeout(20):
        outlet = Outlet(lambda _: None, group)
        with outlet.opened() as theirs, socket.socket() as given:
            messages.send(theirs, {"accepted": ["10.60.0.8", 1, "203.0.113.50", 2]}, (given.fileno(),))
            messages.send(theirs, {"ready": True})
            with no_descriptor_left():
                await outlet.settled()
            assert outlet.ready


async def test_a_switchboard_that_ends_is_told_of() -> None:
    """One that had served is missed, one that is ended on purpose is not."""
    async with asyncio.TaskGroup() as group, asyncio.timeout(20):
        outlet = Outlet(lambda _: None, group)
        with outlet.opened() as theirs:
            messages.send(theirs, {"ready": True})
            await outlet.settled()
        assert not outlet.ended
        with outlet.opened() as theirs:
            messages.send(theirs, {"ready": True})
            await outlet.settled()
            theirs.shutdown(socket.SHUT_RDWR)
            while outlet.ready:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert outlet.ended


async def test_a_killed_machine_takes_its_network_with_it() -> None:
    """SIGKILL of the build VM's process: nobody of its family lives on; started again, it has a network as before."""
    async with networked() as channel:
        assert await tried(channel) == "connected"
        running = channel.keepers["build-linux"].running
        assert running
        family = descendants(running.pid)
        os.kill(running.pid, signal.SIGKILL)
        async with asyncio.timeout(20):
            while any(is_alive(pid) for pid in family) or channel.keepers["build-linux"].running:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await channel.start("build-linux")
        assert await tried(channel) == "connected"

    assert len(family) >= 2
