"""The Windows build VM on real sockets: its clients, its strangers, and its hops."""

import asyncio
import secrets
import socket
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path

import pytest
import winrm

from emulator.channels.winrm import run
from emulator.net import hop_header
from emulator.observe import Observation
from emulator.wire.hop import HopHeader
from emulator.wire.proxy_v2 import Addresses
from tests.windows_vm import Vm, windows_vm, wrapped

pytestmark = pytest.mark.network

KEY = secrets.token_bytes(32)
HEADER = HopHeader("00112233aabbccdd", Addresses(IPv4Address("10.60.0.7"), 40000, IPv4Address("10.60.0.9"), 5986))


def session(vm: Vm, transport: str, **settings: object) -> winrm.Session:
    """A pywinrm session as people make it."""
    login = (vm.settings.username, vm.settings.password)
    return winrm.Session(
        vm.url, auth=login, transport=transport, server_cert_validation="ignore", proxy="", **settings
    )


def ended(stranger: socket.socket) -> bytes:
    """What the VM says until it closes the connection."""
    said = b""
    try:
        while chunk := stranger.recv(65536):
            said += chunk
    except ConnectionResetError:
        pass
    return said


@pytest.mark.parametrize("transport", ["basic", "ntlm"])
async def test_pywinrm_runs_commands(transport: str) -> None:
    """`run_cmd` brings output, errors and the exit code, arguments included."""
    async with windows_vm() as vm:
        response = await asyncio.to_thread(session(vm, transport).run_cmd, "cmd", ["/c", "echo a&echo b>&2&exit 5"])

    assert (response.std_out, response.std_err, response.status_code) == (b"a\r\n", b"b\r\n", 5)


async def test_pywinrm_seals_messages() -> None:
    """With message encryption forced, requests and replies are sealed by NTLM."""
    async with windows_vm() as vm:
        response = await asyncio.to_thread(session(vm, "ntlm", message_encryption="always").run_cmd, "ver")

    assert b"Microsoft Windows [Version 10.0" in response.std_out


async def test_pywinrm_runs_powershell() -> None:
    """`run_ps` brings what was written, and an error that pywinrm can read."""
    async with windows_vm() as vm:
        good = await asyncio.to_thread(session(vm, "ntlm").run_ps, "Write-Output 'hi'; exit 3")
        bad = await asyncio.to_thread(session(vm, "ntlm").run_ps, "Get-Foo foo")

    assert (good.std_out, good.status_code) == (b"hi\r\n", 3)
    assert bad.status_code == 1
    assert bad.std_err.startswith(b"Get-Foo : The term 'Get-Foo' is not recognized")


async def test_tells_of_each_command() -> None:
    """Each command answered is observed: its host and exit code, not its text."""
    async with windows_vm() as vm:
        await run(vm.url, vm.settings.username, vm.settings.password, "echo secret & exit 4", timeout=20)
        answered = [event for event in vm.events if isinstance(event, Observation)]

    assert [event.event for event in answered] == ["CommandAnswered"]
    assert answered[0].data == {"host": "built-in command host", "exit_code": 4}
    assert "secret" not in repr(answered)


@pytest.mark.parametrize("transport", ["basic", "ntlm"])
async def test_fifty_at_once(transport: str) -> None:
    """Fifty sessions at once all get their own output."""

    async def one(vm: Vm, number: int) -> bytes:
        response = await asyncio.to_thread(session(vm, transport).run_cmd, f"echo {number}")
        return response.std_out

    async with windows_vm() as vm:
        said = await asyncio.gather(*(one(vm, number) for number in range(50)))

    assert said == [f"{number}\r\n".encode() for number in range(50)]


@pytest.mark.parametrize(
    "words",
    [
        b"POST /wsman HTTP/1.1\r\nHost: x\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        bytes(range(256)) * 8,
        b"\x16\x03\x01\xff\xff" + bytes(600),
    ],
)
async def test_garbage_is_closed_and_observed(words: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    """Plaintext or garbage on the TLS port ends the connection, with an observation and without a traceback."""
    async with windows_vm() as vm:
        with vm.dial() as stranger:
            stranger.sendall(words)
            said = await asyncio.to_thread(ended, stranger)
        await run(vm.url, vm.settings.username, vm.settings.password, "ver", timeout=20)

    assert b"HTTP" not in said
    assert "HandshakeFailed" in vm.observed
    assert capfd.readouterr().err == ""


async def test_half_a_hello_is_cut_at_the_end(capfd: pytest.CaptureFixture[str]) -> None:
    """A client that stops within its TLS hello does not keep the VM from stopping."""
    async with windows_vm() as vm:
        stranger = vm.dial()
        stranger.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
        await run(vm.url, vm.settings.username, vm.settings.password, "ver", timeout=20)

    with stranger:
        assert await asyncio.to_thread(ended, stranger) == b""
    assert capfd.readouterr().err == ""


async def test_garbage_within_tls_gets_no_page() -> None:
    """What is no HTTP within TLS is refused with an empty answer."""
    async with windows_vm() as vm:
        stranger = await asyncio.to_thread(vm.dial_tls)
        with stranger:
            stranger.sendall(b"\x00\x01\x02 garbage\r\n\r\n")
            said = await asyncio.to_thread(ended, stranger)

    assert said.split(b"\r\n")[0].endswith(b" 400 Bad Request")
    assert b"Content-Length: 0\r\n" in said


async def test_idle_connections_end_with_the_vm() -> None:
    """Connections that are logged in nowhere are cut when the VM stops."""
    async with windows_vm() as vm:
        stranger = await asyncio.to_thread(vm.dial_tls)

    with stranger:
        assert await asyncio.to_thread(ended, stranger) == b""


def forged(connection: socket.socket) -> None:
    """A header whose key is another's."""
    hop_header.send(connection, HEADER, secrets.token_bytes(32))


def malformed(connection: socket.socket) -> None:
    """No header at all."""
    connection.sendall(b"GET / HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize("send", [forged, malformed])
async def test_refuses_a_false_hop(send: Callable[[socket.socket], None]) -> None:
    """A hop's address without the right header is closed and observed."""
    async with windows_vm(hops=("127.0.0.1",), hop_key=KEY.hex()) as vm:
        with vm.dial() as hop:
            send(hop)
            said = await asyncio.to_thread(ended, hop)

    assert said == b""
    assert vm.observed == ["HopHeaderRefused"]


async def test_serves_a_hop() -> None:
    """After a hop's header come TLS and HTTP."""
    async with windows_vm(hops=("127.0.0.1",), hop_key=KEY.hex()) as vm:
        hop = vm.dial()
        hop_header.send(hop, HEADER, KEY)
        tls = await asyncio.to_thread(wrapped, hop)
        with tls:
            tls.sendall(b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            said = await asyncio.to_thread(ended, tls)

    assert said.startswith(b"HTTP/1.1 404 ")


def _wrapped(connection: socket.socket) -> socket.socket:
    import ssl

    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connection)


async def test_keeps_its_certificate(tmp_path: Path) -> None:
    """A second start in the same folder shows the same certificate."""
    shown = []
    for _ in range(2):
        async with windows_vm(folder=str(tmp_path)) as vm:
            with await asyncio.to_thread(vm.dial_tls) as client:
                shown.append(client.getpeercert(binary_form=True))

    assert shown[0] == shown[1]


async def test_leaves_nothing() -> None:
    """After it stopped no task is left, and its port is free."""
    before = asyncio.all_tasks()
    async with windows_vm() as vm:
        await run(vm.url, vm.settings.username, vm.settings.password, "ver", timeout=20)
        idle = await asyncio.to_thread(vm.dial_tls)

    idle.close()
    assert asyncio.all_tasks() == before
    with socket.socket() as again, pytest.raises(ConnectionRefusedError):
        again.connect(("127.0.0.1", vm.port))
