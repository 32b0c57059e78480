"""A build VM's own faults: told in a line, found by their kind, and played while they are there."""

import asyncio
import contextlib
import os
import signal
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest

from emulator import start
from emulator.app.channel import Channel
from emulator.channels.base import UnfinishedError
from emulator.errors import InvalidInputError, PeerError
from emulator.machines.faults import MachineFaults, line_of
from emulator.rules.faults.fault import Fault
from emulator.rules.faults.guest_kinds import MaxAuthTries, Winrm500, WinrmSlow
from emulator.rules.faults.kinds import Delay
from tests.app.test_run import seen

SLOW = Fault("slow", WinrmSlow(seconds=8), "build-windows")


def test_a_machine_hears_its_own_faults_alone() -> None:
    """Others' and the network's are none of its business; the clock comes along."""
    faults = MachineFaults()
    others = (Fault("a", Winrm500(), "build-other"), Fault("b", Delay(seconds=1), "build-windows"))
    faults.tell(line_of("build-windows", (SLOW, *others), 4))

    assert faults.running == (SLOW,)
    assert faults.find(WinrmSlow) == WinrmSlow(seconds=8)
    assert faults.find(MaxAuthTries) is None
    assert faults.real(8) == 2


def test_each_line_is_the_whole_and_is_told() -> None:
    """The next line replaces it; who asked hears of each."""
    faults, heard = MachineFaults(), []
    faults.changed.append(lambda: heard.append(len(faults.running)))
    faults.tell(line_of("build-windows", (SLOW,), 1))
    faults.tell(line_of("build-windows", (), 1))

    assert heard == [1, 0]


@pytest.mark.parametrize(
    "line", ["", "[]", '{"name": 1}', '{"name": "x", "faults": [{"kind": "y"}], "time_scale": 1}']
)
def test_a_wrong_line_is_refused(line: str) -> None:
    """And raises only our error."""
    with pytest.raises(InvalidInputError):
        MachineFaults().tell(line)


@contextlib.asynccontextmanager
async def faulty(kind: str, **values: Any) -> AsyncIterator[Channel]:
    """A channel whose build VM has a fault; healed, it is used once more."""
    system: Any = "windows" if kind.startswith("winrm") else "linux"
    async with start(guest="builtin", time_scale=10) as channel:
        channel.add_fault(kind, hop=f"build-{system}", **values)
        yield channel
        channel.remove_fault(kind)
        healed = await channel.run(system, "echo well", timeout=60)
        assert healed.stdout.split() == [b"well"]


@pytest.mark.network
async def test_ssh_too_many_logins() -> None:
    """A second login on a connection is too many: OpenSSH's words."""
    async with faulty("max-auth-tries", tries=1) as channel:
        endpoint = channel.status.endpoints["linux"]
        from emulator.channels import ssh

        with pytest.raises(PeerError, match="Too many authentication failures"):
            await ssh.run(
                *(endpoint.host, endpoint.port, "packer"),
                private_key=None,
                password="wrong",
                command="true",
                timeout=30,
            )


@pytest.mark.network
async def test_ssh_a_key_by_another_algorithm() -> None:
    """A key whose signatures are not accepted does not log in."""
    async with faulty("ssh-algorithms", accept="rsa-sha2-512") as channel:
        endpoint = channel.status.endpoints["linux"]
        from emulator.channels import ssh

        with pytest.raises(PeerError, match=r"[Pp]ermission denied|not admitted|authentication"):
            await ssh.run(
                *(endpoint.host, endpoint.port, "packer"),
                private_key=endpoint.private_key,
                password=None,
                command="true",
                timeout=30,
            )


@pytest.mark.network
async def test_ssh_without_an_exit_status() -> None:
    """The command's output comes, its exit status does not; the record at the proxy names the fault."""
    async with faulty("no-exit-status") as channel:
        with pytest.raises(PeerError, match="ended before the command did"):
            await channel.run("linux", "echo said", timeout=30)
        record = await seen(channel, lambda found: found.faults == ("no-exit-status",), 20)
        assert record.hop == "proxy"


@pytest.mark.network
async def test_ssh_a_session_that_hangs() -> None:
    """The client logs in, and its command never begins; one that still waits when the fault goes, begins then."""
    async with faulty("session-hangs") as channel:
        with pytest.raises(PeerError, match="no answer within"):
            await channel.run("linux", "echo said", timeout=2)
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(channel.run("linux", "echo late", timeout=60))
            await asyncio.wait({waiting}, timeout=1)
            assert not waiting.done()
            channel.remove_fault("session-hangs")
        assert waiting.result().stdout == b"late\n"
        channel.add_fault("session-hangs", hop="build-linux")


@pytest.mark.network
async def test_ssh_a_session_that_closes() -> None:
    """The client logs in, its channel is opened and closed, and its command has not begun; healed, it runs."""
    async with faulty("session-closes") as channel:
        with pytest.raises(UnfinishedError, match="ended before the command did") as caught:
            await channel.run("linux", "echo said", timeout=30)
        channel.remove_fault("session-closes")
        assert (await channel.run("linux", "echo said", timeout=30)).stdout == b"said\n"
        channel.add_fault("session-closes", hop="build-linux")

    assert caught.value.stdout == b""


@pytest.mark.network
async def test_a_machine_that_ends_by_itself_is_told() -> None:
    """Its path is denied from then on, and its state says that it serves no more."""
    async with start(guest="builtin") as channel:
        running = channel.keepers["build-linux"].running
        assert running
        os.kill(running.pid, signal.SIGKILL)
        async with asyncio.timeout(20):
            async for event in channel.follow():
                if getattr(event, "event", "") == "MachineEnded":
                    break
        assert channel.machine_states()["build-linux"] == "service-stopped"
        assert channel.status.paths["linux"].outcome == "denied"
        await channel.start("build-linux")
        assert (await channel.run("linux", "echo well", timeout=60)).stdout == b"well\n"


@pytest.mark.network
async def test_winrm_one_scheme_alone() -> None:
    """The 401 offers Negotiate and nothing else."""
    async with faulty("winrm-schemes", offer="negotiate") as channel:
        assert await challenges(channel) == ["Negotiate"]


@pytest.mark.network
@pytest.mark.parametrize("problem", ["expired", "wrong-name"])
async def test_winrm_a_certificate_that_is_not_to_be_believed(problem: str) -> None:
    """It is another than before, over or for another name, and logins by NTLM are bound to it."""
    async with faulty("winrm-certificate", problem=problem) as channel:
        shown = await certificate(channel)
        assert (b"not-build-windows" in shown) is (problem == "wrong-name")
        assert (await channel.run("windows", "echo bound", timeout=60)).exit_code == 0
        channel.add_fault("delay", hop="proxy", seconds=0)
        channel.remove_fault("delay")
        assert await certificate(channel) == shown


@pytest.mark.network
async def test_winrm_without_tls_on_its_port() -> None:
    """A TLS client finds none; what answers speaks HTTP."""
    async with faulty("winrm-plaintext") as channel:
        with pytest.raises(PeerError, match=r"SSL|TLS"):
            await channel.run("windows", "echo said", timeout=30)


@pytest.mark.network
async def test_winrm_a_500_that_is_no_fault() -> None:
    """Pywinrm's `Bad HTTP response` (pywinrm#123)."""
    async with faulty("winrm-500") as channel:
        with pytest.raises(PeerError, match="500"):
            await channel.run("windows", "echo said", timeout=30)


@pytest.mark.network
@pytest.mark.parametrize("quota", ["shells", "operations"])
async def test_winrm_a_quota_that_is_spent(quota: str) -> None:
    """Refused as Windows refuses it."""
    async with faulty("winrm-quota", of=quota) as channel:
        with pytest.raises(PeerError, match=r"maximum number of (30 )?concurrent"):
            await channel.run("windows", "echo said", timeout=30)


@pytest.mark.network
async def test_winrm_slow() -> None:
    """Each operation of a command takes at least its seconds, on the emulated clock."""
    async with faulty("winrm-slow", seconds=2) as channel:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await channel.run("windows", "echo said", timeout=60)
        assert loop.time() - began >= 3 * 0.2


@pytest.mark.network
async def test_what_a_guest_cannot_be_told_is_refused() -> None:
    """A fault of Windows is none of the Linux machine's, and has no moment of a connection."""
    async with start(guest="builtin") as channel:
        with pytest.raises(InvalidInputError, match="hop: found 'build-linux', expected one of build-windows"):
            channel.add_fault("winrm-500", hop="build-linux")
        with pytest.raises(InvalidInputError, match="winrm-500 is the build VM's, for all connections"):
            channel.add_fault("winrm-500", hop="build-windows", at="login")


async def challenges(channel: Channel) -> list[str]:
    """What a 401 of the Windows machine offers."""
    endpoint = channel.status.endpoints["windows"]
    reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port, ssl=unverified())
    writer.write(b"POST /wsman HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    writer.close()
    return [line.partition(": ")[2] for line in head.splitlines() if line.lower().startswith("www-authenticate")]


async def certificate(channel: Channel) -> bytes:
    """The certificate that the Windows machine shows, DER."""
    endpoint = channel.status.endpoints["windows"]
    _, writer = await asyncio.open_connection(endpoint.host, endpoint.port, ssl=unverified())
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return bytes(shown)


def unverified() -> ssl.SSLContext:
    """A client that believes any certificate."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found.check_hostname, found.verify_mode = False, ssl.CERT_NONE
    return found
