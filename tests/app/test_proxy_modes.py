"""The proxy VM's modes on the running channel: what it speaks is documented nowhere, so each is a switch away."""

import asyncio
import shutil
from typing import Any

import pytest

from emulator.app.channel import Channel
from emulator.errors import PeerError
from emulator.model.world import SYSTEMS, System
from emulator.net import proxy_modes
from emulator.wire import http_connect, socks5
from tests.app.test_run import client, connects, deny, entry, hears, quick, seen

pytestmark = pytest.mark.network
MODES = ("http-connect", "socks5", "ssh-jump")
needs_ssh = pytest.mark.skipif(shutil.which("ssh") is None, reason="OpenSSH's client is not installed")


def mode(name: str, **switches: Any) -> dict[str, Any]:
    """The settings of a mode."""
    return {"switches": {"proxy_mode": name, **switches}}


@pytest.mark.parametrize("name", MODES)
async def test_commands_go_through(name: str) -> None:
    """A command reaches each build VM, and `status` says what a client has to ask for."""
    async with quick(**mode(name)) as channel:
        linux = await channel.run("linux", "echo linux")
        windows = await channel.run("windows", "echo windows")
        endpoints = channel.status.as_json()["endpoints"]
        outcomes = {found.outcome for found in channel.status.paths.values()}

    assert (linux.stdout, windows.stdout) == (b"linux\n", b"windows\r\n")
    assert [(endpoints[each]["mode"], endpoints[each]["target"]) for each in SYSTEMS] == [
        (name, "10.60.0.8:22"),
        (name, "10.60.0.9:5986"),
    ]
    assert outcomes == {"carried"}


async def answer(channel: Channel, said: bytes, system: System = "linux") -> bytes:
    """What the proxy says to a client's first bytes, up to the end of the connection."""
    with client() as connection:
        assert await connects(connection, entry(channel, system), 5) == "connected"
        await asyncio.get_running_loop().sock_sendall(connection, said)
        heard = b""
        while more := await hears(connection, 10):
            heard += more
        assert more == b""
        return heard


REFUSALS = [
    # asked for, the answer, whose doing
    (http_connect.request("10.60.0.8", 5985), 503, "NoListener"),
    (http_connect.request("10.60.0.6", 60001), 504, "Hairpin"),
    (http_connect.request("no-such-host", 22), 503, "UnknownHost"),
    (b"GET / HTTP/1.1\r\n\r\n", 400, ""),
]


@pytest.mark.parametrize(("said", "status", "reason"), REFUSALS)
async def test_what_connect_does_not_reach(said: bytes, status: int, reason: str) -> None:
    """A closed port is 503, silence (a hairpin, too) 504 once the proxy gives up, and what is no CONNECT 400."""
    async with quick(time_scale=10, **mode("http-connect", proxy_connect_timeout=5)) as channel:
        heard = await answer(channel, said)
        record = await seen(channel, lambda each: each.ended_by == "proxy", 5)

    assert http_connect.status(heard) == status
    assert (record.hop, record.reason.name) == ("proxy", reason)


async def test_a_deny_behind_a_proxy_that_is_told_its_target() -> None:
    """Proxy → build VM denied: by SOCKS the client hears nothing, then that nobody is there."""
    async with quick(time_scale=10, **mode("socks5", proxy_connect_timeout=5)) as channel:
        await channel.apply(deny("NoSsh", 300, 22))
        with client() as connection:
            assert await connects(connection, entry(channel), 5) == "connected"
            with pytest.raises(PeerError, match="answered 4 to a SOCKS 5 request"):
                await proxy_modes.ask("socks5", connection, "10.60.0.8", 22)
        record = await seen(channel, lambda each: each.reason.name == "NoSsh" and each.kind == "close", 5)
        refused = await answer(channel, b"\x04\x01")

    assert (record.hop, record.leg) == ("proxy", "proxy → build-linux")
    assert refused == b""
    assert socks5.VERSION == 5


@needs_ssh
async def test_openssh_jumps() -> None:
    """`ssh -W` to the proxy VM and `ssh` through it: both log in with the account's key."""
    async with quick(**mode("ssh-jump")) as channel:
        endpoint = channel.status.endpoints["linux"]
        common = (
            *("-F", "none", "-i", endpoint.private_key, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"),
            *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"),
        )
        jump = " ".join(["ssh", *common, "-W", "%h:%p", "-p", str(endpoint.port), f"packer@{endpoint.host}"])
        process = await asyncio.create_subprocess_exec(
            *("ssh", *common, "-o", f"ProxyCommand={jump}", "packer@10.60.0.8", "echo jumped"),
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(30):
            out, _ = await process.communicate()
        record = await seen(channel, lambda each: each.hop == "proxy" and each.bytes_to_client > 0, 5)

    assert (process.returncode, out) == (0, b"jumped\n")
    assert record.leg == "proxy → build-linux"


async def test_a_jump_to_a_build_vm_that_is_denied_says_so() -> None:
    """The jump's SSH server lets its client in, and cannot open the connection."""
    async with quick(time_scale=10, **mode("ssh-jump", proxy_connect_timeout=5)) as channel:
        await channel.apply(deny("NoSsh", 300, 22))
        with pytest.raises(PeerError):
            await channel.run("linux", "true", timeout=15)
        record = await seen(channel, lambda each: each.reason.name == "NoSsh" and each.kind == "close", 5)
        await channel.stop("proxy")

    assert record.leg == "proxy → build-linux"
