"""Random and mutated requests: whatever comes, the answer is a reply or a fault, and nothing grows."""

import asyncio
import base64
import contextlib
import gc
import os
import random
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import psrpcore
import psutil
import pytest

from emulator.errors import PeerError
from emulator.machines.settings import MachineSettings, WinrmSettings
from emulator.machines.winguest.computer import Computer
from emulator.machines.winrm import certificate, sealing
from emulator.machines.winrm.auth import Account, ConnectionAuth, Line
from emulator.machines.winrm.builtin import BuiltinHost
from emulator.machines.winrm.cmd_shell import CmdShells
from emulator.machines.winrm.psrp import PsrpShells
from emulator.machines.winrm.service import WsmanService
from emulator.wire.wsman import names, requests
from emulator.wire.wsman.faults import WsmanFaultError
from tests.windows_vm import SETTINGS, windows_vm
from tests.wsman_client import COMMAND_LINE, RECEIVE, SIGNAL, Reply, envelope

SHELL = "0123ABCD-0000-4000-8000-0123456789AB"
COMMAND = "0123ABCD-0000-4000-8000-0123456789AC"
PSRP = names.PSRP_RESOURCES[0]
WINRM = WinrmSettings(longest_poll=0.001, shell_patience=0.0)


@contextlib.asynccontextmanager
async def service() -> AsyncIterator[WsmanService]:
    """A whole machine's service, without its listener."""
    with tempfile.TemporaryDirectory() as root:
        async with asyncio.TaskGroup() as group:
            computer = Computer(SETTINGS, Path(root), lambda: None)
            hosts = {
                names.CMD_RESOURCE: CmdShells((BuiltinHost(computer, group),)),
                PSRP: PsrpShells(computer, group),
            }
            made = WsmanService("VM", hosts, lambda *_: None, WINRM)  # type: ignore[arg-type]
            yield made
            made.shells.close_all()
            computer.restarts.close()


def corpus() -> list[bytes]:
    """What clients send, one of a kind, in the order of a dialogue."""
    client = psrpcore.ClientRunspacePool()
    client.open()
    creation = client.data_to_send()
    pipeline = psrpcore.ClientPowerShell(client)
    pipeline.add_script("'a'; 1..3 | ForEach-Object { $_ * 2 }; Get-Item C:\\nope")
    assert creation is not None
    opened = base64.b64encode(creation.data).decode()
    shell = f'<rsp:Shell ShellId="{SHELL}">{{}}</rsp:Shell>'
    xml = f'<creationXml xmlns="{names.POWERSHELL}">{opened}</creationXml>'
    line = f'<rsp:CommandLine CommandId="{COMMAND}"><rsp:Command>{{}}</rsp:Command></rsp:CommandLine>'
    send = f'<rsp:Send><rsp:Stream Name="stdin" CommandId="{COMMAND}" End="true">aGk=</rsp:Stream></rsp:Send>'
    listing = f'<n:Enumerate xmlns:n="{names.ENUMERATION}"/>'
    return [
        envelope(names.CREATE, shell.format("")),
        envelope(names.COMMAND, line.format("more"), shell_id=SHELL),
        envelope(names.COMMAND, COMMAND_LINE.format("powershell -c &quot;1..3 | % { $_ }&quot;"), shell_id=SHELL),
        envelope(names.SEND, send, shell_id=SHELL),
        envelope(names.RECEIVE, RECEIVE.format(COMMAND), shell_id=SHELL),
        envelope(names.SIGNAL, SIGNAL.format(COMMAND, "ctrl_c"), shell_id=SHELL),
        envelope(names.ENUMERATE, listing, resource=names.SHELL),
        envelope(names.GET, "", resource=names.CONFIG),
        envelope(names.DISCONNECT, "<rsp:Disconnect/>", shell_id=SHELL),
        envelope(names.CONNECT, "<rsp:Connect/>", shell_id=SHELL),
        envelope(names.DELETE, "", shell_id=SHELL),
        envelope(names.CREATE, shell.format(xml), resource=PSRP),
        envelope(names.RECEIVE, "<rsp:Receive/>", shell_id=SHELL, resource=PSRP),
        envelope(names.DELETE, "", shell_id=SHELL, resource=PSRP),
    ]


def fragments() -> list[bytes]:
    """PowerShell remoting's own messages: those that open a pool, and those of a pipeline."""
    client = psrpcore.ClientRunspacePool()
    client.open()
    opened = client.data_to_send()
    assert opened is not None
    return [opened.data]


def mutated(chance: random.Random, data: bytes) -> bytes:
    """The same with something changed, doubled, dropped or put in; now and then not at all."""
    made = bytearray(data)
    for _ in range(chance.choice((0, 1, 1, 2, 5))):
        at, size = chance.randrange(len(made) + 1), chance.choice((1, 1, 2, 8, 64))
        match chance.randrange(5):
            case 0:
                made[at : at + size] = chance.randbytes(size)
            case 1:
                del made[at : at + size]
            case 2:
                made[at:at] = made[at : at + size]
            case 3:
                made[at:at] = chance.choice(
                    (b"<", b"&", b"\x00", b"</s:Body>", b"uuid:", b"-1", b"PT", b"\xff\xfe", b"==")
                )
            case 4:
                made[at : at + size] = chance.choice((b"<!DOCTYPE x>", b"]]>", b"%s%n", b"999999999999", b'"'))
    return bytes(made)


async def answered(machine: WsmanService, data: bytes) -> bytes:
    """The reply or the fault; anything else is a bug, and so is an answer that does not come."""
    try:
        async with asyncio.timeout(10):
            return await machine.answer("packer", requests.parse(data))
    except WsmanFaultError as fault:
        return machine.fault(fault.relates_to, fault)


async def soak(count: int) -> tuple[int, int]:
    """Answer that many mutated requests; the resident bytes after the first thousand, and at the end."""
    chance, known = random.Random(5), corpus()
    process, early = psutil.Process(os.getpid()), 0
    async with service() as machine:
        for number in range(count):
            message = known[number % len(known)].replace(b"uuid:1<", b"uuid:%d<" % number)
            Reply.of(await answered(machine, mutated(chance, message)))
            if number % 100 == 99:
                machine.shells.close_all()
                await asyncio.sleep(0)
            if number == 999:
                gc.collect()
                early = process.memory_info().rss
    gc.collect()
    return early, process.memory_info().rss


async def test_mutated_requests_are_answered() -> None:
    """Each of some thousand mutated requests gets a well-formed reply or fault."""
    await soak(1500)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_twenty_thousand_requests_leave_nothing() -> None:
    """Twenty thousand mutated requests later the process is at most 20 MiB larger than after a thousand."""
    early, late = await soak(20_000)

    assert late - early < 20 * 1024 * 1024


async def test_mutated_fragments_are_refused() -> None:
    """Messages of PowerShell remoting that were changed open a pool or are a fault, never anything else."""
    chance = random.Random(6)
    async with service() as machine:
        for number in range(600):
            xml = base64.b64encode(
                mutated(chance, chance.choice(fragments() if number % 50 == 0 else [KNOWN]))
            ).decode()
            body = f'<rsp:Shell><creationXml xmlns="{names.POWERSHELL}">{xml}</creationXml></rsp:Shell>'
            await answered(machine, envelope(names.CREATE, body, resource=PSRP, message_id=f"uuid:{number}"))
            machine.shells.close_all()


KNOWN = fragments()[0]


def test_mutated_tokens_and_seals_are_refused() -> None:
    """Tokens of NTLM and CredSSP and sealed bodies that nobody made log nobody in and raise nothing but our error."""
    chance = random.Random(7)
    settings = MachineSettings("windows", "vm", "10.60.0.9", "packer", "secret")
    account = Account(settings, certificate.identity("vm", ""))
    ntlm = b"NTLMSSP\x00\x01\x00\x00\x00\x97\x82\x08\xe2" + bytes(24)
    hello = b"\x16\x03\x01\x00\x50\x01\x00\x00\x4c\x03\x03" + bytes(70)
    for _ in range(2000):
        auth = ConnectionAuth(account, Line())
        for scheme, token in (("Negotiate", ntlm), ("CredSSP", hello)):
            for _ in range(2):
                header = f"{scheme} {base64.b64encode(mutated(chance, token)).decode()}"
                assert auth.judge(header).user == ""


@pytest.mark.network
async def test_random_http_ends() -> None:
    """Whatever bytes a stranger sends within TLS, the connection ends, and the next one is served."""
    chance = random.Random(8)
    request = b"POST /wsman HTTP/1.1\r\nHost: x\r\nAuthorization: Basic cGFja2VyOng=\r\nContent-Length: 4\r\n\r\nabcd"

    def knock(vm: object) -> None:
        with vm.dial_tls() as client:  # type: ignore[attr-defined]
            client.settimeout(5)
            client.sendall(mutated(chance, request) if chance.random() < 0.7 else chance.randbytes(200))
            with contextlib.suppress(TimeoutError, OSError):
                client.unwrap()

    async with windows_vm() as vm:
        for _ in range(60):
            await asyncio.to_thread(knock, vm)
        assert vm.observed.count("CommandAnswered") == 0


def test_seals_are_refused() -> None:
    """A sealed body that was changed is refused."""
    chance = random.Random(9)

    class Plain:
        protocol = "application/HTTP-SPNEGO-session-encrypted"

        def unwrap(self, signature: bytes, data: bytes) -> bytes:
            if signature != b"s" * 16:
                raise PeerError("another's")
            return data

        def wrap(self, data: bytes) -> tuple[bytes, bytes]:
            return b"s" * 16, data

    body = sealing.seal(Plain(), b"envelope")[1]
    for _ in range(3000):
        with contextlib.suppress(PeerError):
            sealing.open_sealed(Plain(), mutated(chance, body))
