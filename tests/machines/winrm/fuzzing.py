"""What clients send, changed by chance, and a Windows machine's parts that take it.

Each kind feeds one input to a stand; it returns, whatever the input was, or something is wrong.
"""

import asyncio
import base64
import contextlib
import random
import re
import socket
import ssl
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import psrpcore
import spnego

from emulator.errors import PeerError
from emulator.machines.settings import MachineSettings, WinrmSettings
from emulator.machines.winguest.computer import Computer
from emulator.machines.winrm import certificate, sealing
from emulator.machines.winrm.auth import Account, ConnectionAuth, Line
from emulator.machines.winrm.builtin import BuiltinHost
from emulator.machines.winrm.cmd_shell import CmdShells
from emulator.machines.winrm.fragments import HEADER
from emulator.machines.winrm.http import FrontEnd
from emulator.machines.winrm.ntlm import MALFORMED
from emulator.machines.winrm.psrp import PsrpShells
from emulator.machines.winrm.psrp_pool import Pool
from emulator.machines.winrm.service import WsmanService
from emulator.wire.wsman import names, requests
from emulator.wire.wsman.faults import WsmanFaultError
from tests.wsman_client import COMMAND_LINE, RECEIVE, SIGNAL, Reply, envelope

SHELL = "0123ABCD-0000-4000-8000-0123456789AB"
COMMAND = "0123ABCD-0000-4000-8000-0123456789AC"
PSRP = names.PSRP_RESOURCES[0]
SETTINGS = MachineSettings(
    "windows", "vm", "10.60.0.9", "packer", "secret", winrm=WinrmSettings(longest_poll=0.001, shell_patience=0.0)
)
PATIENCE = 20.0
"""Seconds within which an input is done with, even on a busy machine."""


@dataclass(frozen=True, slots=True)
class Stand:
    """A whole machine without its listener."""

    service: WsmanService
    account: Account
    front_end: FrontEnd


@lru_cache
def identity() -> certificate.Identity:
    """One for all stands, since a key takes long to make."""
    return certificate.identity("vm", "")


@contextlib.asynccontextmanager
async def stand() -> AsyncIterator[Stand]:
    """A fresh one."""
    with tempfile.TemporaryDirectory() as root:
        async with asyncio.TaskGroup() as group:
            computer = Computer(SETTINGS, Path(root), lambda: None)
            hosts = {
                names.CMD_RESOURCE: CmdShells((BuiltinHost(computer, group),)),
                PSRP: PsrpShells(computer, group),
            }
            service = WsmanService("VM", hosts, lambda *_: None, SETTINGS.winrm)  # type: ignore[arg-type]
            account = Account(SETTINGS, identity())
            yield Stand(service, account, FrontEnd(service, account))
            service.shells.close_all()
            computer.restarts.close()


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


async def answered(service: WsmanService, data: bytes) -> Reply:
    """The reply or the fault; anything else is a bug, and so is an answer that does not come."""
    try:
        async with asyncio.timeout(PATIENCE):
            return Reply.of(await service.answer("packer", requests.parse(data)))
    except WsmanFaultError as fault:
        return Reply.of(service.fault(fault.relates_to, fault))


# Envelopes


@lru_cache
def corpus() -> list[bytes]:
    """What clients send, one of a kind, in the order of a dialogue."""
    opened = base64.b64encode(dialogue().creation).decode()
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


async def soap(at: Stand, chance: random.Random) -> None:
    """A changed envelope gets a well-formed reply or fault."""
    fresh = chance.randrange(1 << 30)
    message = chance.choice(corpus()).replace(b"uuid:1<", b"uuid:%d<" % fresh)
    await answered(at.service, mutated(chance, message))
    if fresh % 50 == 0:
        at.service.shells.close_all()


# PowerShell remoting


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A client's messages, as fragments: those that open a pool, a pool's, a pipeline's, and those that take over."""

    creation: bytes
    pool: tuple[bytes, ...]
    starts: tuple[tuple[str, bytes], ...]
    pipeline: tuple[bytes, ...]
    connection: bytes


@lru_cache
def dialogue() -> Dialogue:
    """What psrpcore's client says."""
    client = psrpcore.ClientRunspacePool()
    client.open()
    creation, server = _said(client), Pool()
    list(server.receive(creation))
    for _, fragment in server.fragments():
        client.receive_data(psrpcore.PSRPPayload(fragment, psrpcore.StreamType.default, None))
    while client.next_event() is not None:
        pass
    pool = []
    for ask in (client.get_available_runspaces, client.reset_runspace_state, client.exchange_key):
        ask()
        pool.append(_said(client))
    for change in (client.set_max_runspaces, client.set_min_runspaces):
        change(3)
        pool.append(_said(client))
    pipeline = psrpcore.ClientPowerShell(client)
    pipeline.metadata.no_input = False
    pipeline.add_script("'a'; $input; Get-Item C:\\nope; Read-Host")
    pipeline.add_command("Write-Output")
    pipeline.metadata.commands[-1].redirect_all()
    pipeline.start()
    start = _said(client)
    pipeline.send("text")
    pipeline.send([1, {"key": psrpcore.types.PSInt64(5)}, "x" * 100])
    inputs = _said(client)
    pipeline.send_eof()
    end = _said(client)
    listing = psrpcore.ClientGetCommandMetadata(client, ["Write-*", "Get-Item"])
    listing.start()
    starts = ((str(pipeline.pipeline_id), start), (str(listing.pipeline_id), _said(client)))
    return Dialogue(creation, tuple(pool), starts, (inputs, end), _connection(client.runspace_pool_id))


def _connection(pool_id: uuid.UUID) -> bytes:
    client = psrpcore.ClientRunspacePool(runspace_pool_id=pool_id)
    client.state = psrpcore.types.RunspacePoolState.Disconnected
    client.connect()
    return _said(client)


def _said(client: psrpcore.ClientRunspacePool) -> bytes:
    payload = client.data_to_send()
    assert payload is not None
    return bytes(payload.data)


def refragmented(chance: random.Random, data: bytes) -> bytes:
    """The same messages in other fragments, of which one is dropped, doubled, out of its turn or not as it says."""
    pieces: list[bytes] = []
    while data:
        object_id, _, _, length = HEADER.unpack_from(data)
        fragment, data = data[: HEADER.size + length], data[HEADER.size + length :]
        size = chance.choice((1, 16, 200, 4000))
        starts = range(0, length, size)
        for number, at in enumerate(starts):
            piece = fragment[HEADER.size + at : HEADER.size + min(at + size, length)]
            flags = (number == 0) | (2 if number == len(starts) - 1 else 0)
            pieces.append(HEADER.pack(object_id, number, flags, len(piece)) + piece)
    where, other = chance.randrange(len(pieces)), chance.randrange(len(pieces))
    match chance.randrange(5):
        case 0:
            del pieces[where]
        case 1:
            pieces.insert(other, pieces[where])
        case 2:
            pieces[where], pieces[other] = pieces[other], pieces[where]
        case 3:
            pieces[where] = mutated(chance, pieces[where])
    return b"".join(pieces)


_LEAF = re.compile(rb"<(\w+)((?: [^>]*)?)>([^<]*)</\1>|<Nil((?: [^>]*)?)/>")
_MESSAGE_HEAD = HEADER.size + 40


def reshaped(chance: random.Random, data: bytes) -> bytes:
    """A message whose XML is well-formed, and in it a value that is absent, null, doubled or of another type."""
    head, xml = data[:_MESSAGE_HEAD], data[_MESSAGE_HEAD:]
    leaves = list(_LEAF.finditer(xml))
    if not leaves or int.from_bytes(head[17:21], "big") != len(data) - HEADER.size:
        return mutated(chance, data)
    leaf = chance.choice(leaves)
    name = leaf[2] or leaf[4] or b""
    shapes = (
        "",
        "<Nil{}/>",
        "<S{}>text</S>",
        "<I32{}>-7</I32>",
        "<I32{}>99999999999</I32>",
        "<B{}>x</B>",
        "<Obj{}/>",
    )
    shape = chance.choice((*shapes, "<LST{}><S>a</S></LST>", "<Ref{}/>", "twice"))
    made = leaf[0] * 2 if shape == "twice" else shape.format(name.decode("utf-8", "replace")).encode()
    xml = xml[: leaf.start()] + made + xml[leaf.end() :]
    return head[:17] + (len(xml) + 40).to_bytes(4, "big") + head[21:] + xml


def changed(chance: random.Random, data: bytes) -> bytes:
    """A message as it is, or changed, or of another shape, or cut otherwise."""
    return chance.choice((lambda _, same: same, mutated, reshaped, refragmented))(chance, data)


async def psrp(at: Stand, chance: random.Random) -> None:
    """A pool and a pipeline of changed messages get replies or faults, and the next pool is as good as any."""
    is_opened_well = chance.random() < 0.7

    def change(data: bytes) -> bytes:
        return data if data is dialogue().creation and is_opened_well else changed(chance, data)

    await talk(at, chance.randrange(1 << 30), chance.randrange(20), change)


async def talk(at: Stand, first_id: int, which: int, change: Callable[[bytes], bytes]) -> list[Reply]:
    """The answers to a dialogue over a pool and a pipeline in it, of which each message is changed."""
    known, replies = dialogue(), list[Reply]()
    pipeline_id, start = known.starts[which % 4 == 0]

    async def ask(action: str, body: str) -> None:
        number = f"uuid:{first_id + len(replies)}"
        told = envelope(action, body, shell_id=SHELL, resource=PSRP, message_id=number, timeout="PT0.001S")
        replies.append(await answered(at.service, told))

    def encoded(data: bytes) -> str:
        return base64.b64encode(change(data)).decode()

    def sent(data: bytes, owner: str) -> str:
        return f'<rsp:Send><rsp:Stream Name="stdin"{owner}>{encoded(data)}</rsp:Stream></rsp:Send>'

    xml = f'<creationXml xmlns="{names.POWERSHELL}">{encoded(known.creation)}</creationXml>'
    await ask(names.CREATE, f'<rsp:Shell ShellId="{SHELL}">{xml}</rsp:Shell>')
    await ask(names.SEND, sent(known.pool[which % len(known.pool)], ""))
    line = f'<rsp:CommandLine CommandId="{pipeline_id}"><rsp:Command/><rsp:Arguments>{{}}</rsp:Arguments>'
    await ask(names.COMMAND, f"{line.format(encoded(start))}</rsp:CommandLine>")
    for data in known.pipeline:
        await ask(names.SEND, sent(data, f' CommandId="{pipeline_id.upper()}"'))
    # What the pipeline does before it is asked.
    for _ in range(20):
        await asyncio.sleep(0)
    await ask(names.RECEIVE, RECEIVE.format(pipeline_id.upper()))
    await ask(names.RECEIVE, "<rsp:Receive/>")
    await ask(names.DISCONNECT, "<rsp:Disconnect/>")
    connect = f'<connectXml xmlns="{names.POWERSHELL}">{encoded(known.connection)}</connectXml>'
    await ask(names.CONNECT, f"<rsp:Connect>{connect}</rsp:Connect>")
    at.service.shells.close_all()
    # What was closed ends before the next one begins.
    await asyncio.sleep(0)
    return replies


# Logins


async def _half(at: Stand, chance: random.Random, protocol: str, word: str) -> None:
    """A login that begins well, and whose message at some turn, and all that follow, are changed."""
    client, auth = spnego.client("packer", "secret", protocol=protocol), ConnectionAuth(at.account, Line())
    good, told = chance.randrange(6), b""
    for turn in range(8):
        try:
            token = client.step(told or None) or b""
        except (*MALFORMED, ssl.SSLError):
            token = chance.randbytes(40)
        verdict = auth.judge(f"{word} {base64.b64encode(token if turn < good else mutated(chance, token)).decode()}")
        if verdict.user:
            return
        answers = [each.partition(" ")[2] for each in verdict.challenges if each.startswith(f"{word} ")]
        told = base64.b64decode(answers[0]) if answers else chance.randbytes(30)


async def ntlm(at: Stand, chance: random.Random) -> None:
    """Half of an NTLM login ends."""
    await _half(at, chance, "ntlm", "Negotiate")


async def credssp(at: Stand, chance: random.Random) -> None:
    """Half of a CredSSP handshake ends."""
    await _half(at, chance, "credssp", "CredSSP")


class Plain:
    """A session that seals by a signature alone."""

    protocol = "application/HTTP-SPNEGO-session-encrypted"

    def unwrap(self, signature: bytes, data: bytes) -> bytes:
        if signature != b"s" * 16:
            raise PeerError("another's")
        return data

    def wrap(self, data: bytes) -> tuple[bytes, bytes]:
        return b"s" * 16, data


async def sealed(at: Stand, chance: random.Random) -> None:
    """A sealed body that was changed is opened or refused."""
    with contextlib.suppress(PeerError):
        sealing.open_sealed(Plain(), mutated(chance, sealing.seal(Plain(), b"envelope" * 5)[1]))


# HTTP

_BASIC = base64.b64encode(b"packer:secret")
_HEAD = (
    b"POST /wsman HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\nContent-Type: application/soap+xml\r\n"
    b"Content-Length: %d\r\n\r\n"
)


async def http(at: Stand, chance: random.Random) -> None:
    """Whatever bytes come, the connection ends when its client says that nothing more comes."""
    body = chance.choice(corpus())
    request = _HEAD % (_BASIC, len(body)) + body
    data = chance.randbytes(200) if chance.random() < 0.2 else mutated(chance, request[: chance.choice((300, 5000))])
    ours, theirs = socket.socketpair()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        group.create_task(_served(at, theirs))
        reader, writer = await asyncio.open_connection(sock=ours)
        writer.write(data)
        with contextlib.suppress(OSError):
            writer.write_eof()
            await reader.read()
        writer.close()


async def _served(at: Stand, connection: socket.socket) -> None:
    """Serve a connection and close it, as its listener does."""
    with connection:
        await at.front_end.serve(connection, is_tls=False)


Kind = Callable[[Stand, random.Random], Awaitable[None]]
KINDS: Mapping[Kind, int] = {soap: 50, psrp: 12, ntlm: 14, sealed: 14, http: 8, credssp: 2}
"""Each kind, and how many of a hundred inputs are of it; the dear ones are the fewest."""
