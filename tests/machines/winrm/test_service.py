"""Shells and commands, asked for as clients do, with a command that ends when the test says so."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from emulator.machines.winrm.command_host import Chunk, Output, ShellContext
from emulator.machines.winrm.service import WsmanService
from emulator.machines.winrm.shells import Quotas
from emulator.wire.wsman import names, requests
from emulator.wire.wsman.faults import WsmanFaultError
from tests.wsman_client import COMMAND_LINE, RECEIVE, SIGNAL, Reply, envelope

SHELL = "<rsp:Shell><rsp:InputStreams>stdin</rsp:InputStreams></rsp:Shell>"


class Held:
    """A process that says and ends what it is told."""

    def __init__(self) -> None:
        self.chunks: asyncio.Queue[Chunk] = asyncio.Queue()
        self.given = b""
        self.signals: list[str] = []
        self.was_asked = asyncio.Event()

    async def read(self, limit: int) -> Chunk:
        self.was_asked.set()
        return await self.chunks.get()

    def write(self, data: bytes, *, end: bool) -> None:
        self.given += data + (b"<end>" if end else b"")

    def interrupt(self) -> None:
        self.signals.append("interrupt")

    def kill(self) -> None:
        self.signals.append("kill")
        self.chunks.put_nowait(Chunk((), -1))


class HeldHost:
    """A host that takes lines beginning with `hold`, and remembers their processes."""

    name = "held"

    def __init__(self) -> None:
        self.started: list[tuple[str, ShellContext, Held]] = []

    async def start(self, context: ShellContext, line: str) -> Held | None:
        if not line.startswith("hold"):
            return None
        self.started.append((line, context, Held()))
        return self.started[-1][2]


class LastHost(HeldHost):
    """A host that takes everything."""

    name = "last"

    async def start(self, context: ShellContext, line: str) -> Held:
        self.started.append((line, context, Held()))
        return self.started[-1][2]


class Client:
    """A user of the service, who reads replies."""

    def __init__(self, service: WsmanService, user: str = "packer") -> None:
        self.service = service
        self.user = user
        self.sent = 0

    async def ask(
        self, action: str, body: str = "", *, shell_id: str = "", message_id: str = "", within: str = "PT20S"
    ) -> Reply:
        self.sent += 1
        data = envelope(action, body, shell_id=shell_id, message_id=message_id or f"uuid:{self.sent}", timeout=within)
        return Reply.of(await self.service.answer(self.user, requests.parse(data)))

    async def open(self) -> str:
        return (await self.ask(names.CREATE, SHELL)).shell_id

    async def start(self, shell_id: str, line: str) -> str:
        return (await self.ask(names.COMMAND, COMMAND_LINE.format(line), shell_id=shell_id)).command_id


@pytest.fixture
async def hosts() -> tuple[HeldHost, LastHost]:
    """The chain of hosts."""
    return HeldHost(), LastHost()


@pytest.fixture
def told() -> list[tuple[str, int]]:
    """The commands that the service told of."""
    return []


@pytest.fixture
async def client(hosts: tuple[HeldHost, LastHost], told: list[tuple[str, int]]) -> AsyncIterator[Client]:
    """A client of a service with small quotas."""
    quotas = Quotas(shells_per_user=2, patience=0.05)
    service = WsmanService("VM", hosts, lambda host, code: told.append((host, code)), quotas=quotas)
    yield Client(service)
    service.shells.close_all()


async def refusal(client: Client, action: str, body: str = "", *, shell_id: str = "", within: str = "PT20S") -> int:
    """The code that a request is refused with."""
    with pytest.raises(WsmanFaultError) as raised:
        await client.ask(action, body, shell_id=shell_id, within=within)
    return raised.value.code


async def test_runs_a_command(client: Client, hosts: tuple[HeldHost, LastHost], told: list[tuple[str, int]]) -> None:
    """Create, Command, Receive, Signal, Delete: the dialogue of every client."""
    shell = await client.open()
    command = await client.start(shell, "hold on")
    held = hosts[0].started[0][2]
    held.chunks.put_nowait(Chunk((Output("stdout", b"a"), Output("stderr", b"b"))))
    held.chunks.put_nowait(Chunk((Output("stdout", b"c"),), 7))

    first = await client.ask(names.RECEIVE, RECEIVE.format(command), shell_id=shell)
    second = await client.ask(names.RECEIVE, RECEIVE.format(command), shell_id=shell)
    await client.ask(names.SIGNAL, SIGNAL.format(command, "terminate"), shell_id=shell)
    await client.ask(names.DELETE, shell_id=shell)

    assert (first.stream("stdout"), first.stream("stderr"), first.exit_code) == (b"a", b"b", None)
    assert (second.stream("stdout"), second.exit_code) == (b"c", 7)
    assert told == [("held", 7)]
    assert held.signals == ["kill"]


async def test_asks_hosts_in_order(client: Client, hosts: tuple[HeldHost, LastHost]) -> None:
    """What the first host leaves, the next takes."""
    shell = await client.open()

    await client.start(shell, "hold it")
    await client.start(shell, "other")

    assert [line for line, _, _ in hosts[0].started] == ["hold it"]
    assert [line for line, _, _ in hosts[1].started] == ["other"]


async def test_long_poll_times_out_without_losing_output(client: Client, hosts: tuple[HeldHost, LastHost]) -> None:
    """A Receive without output is answered with TimedOut; the next one gets what came then."""
    shell = await client.open()
    command = await client.start(shell, "hold")

    code = await refusal(client, names.RECEIVE, RECEIVE.format(command), shell_id=shell, within="PT0.05S")

    hosts[0].started[0][2].chunks.put_nowait(Chunk((Output("stdout", b"late"),)))
    reply = await client.ask(names.RECEIVE, RECEIVE.format(command), shell_id=shell)
    assert (code, reply.stream("stdout")) == (2150858793, b"late")


async def test_receive_waits_for_output(client: Client, hosts: tuple[HeldHost, LastHost]) -> None:
    """A Receive that waits is answered as soon as there is output."""
    shell = await client.open()
    command = await client.start(shell, "hold")

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(client.ask(names.RECEIVE, RECEIVE.format(command), shell_id=shell))
        await hosts[0].started[0][2].was_asked.wait()
        hosts[0].started[0][2].chunks.put_nowait(Chunk((Output("stdout", b"now"),)))

    assert waiting.result().stream("stdout") == b"now"


async def test_receive_is_answered_again(client: Client, hosts: tuple[HeldHost, LastHost]) -> None:
    """The same MessageID gets the same reply, and takes no further output."""
    shell = await client.open()
    command = await client.start(shell, "hold")
    for data in (b"one", b"two"):
        hosts[0].started[0][2].chunks.put_nowait(Chunk((Output("stdout", data),)))

    same = [
        await client.ask(names.RECEIVE, RECEIVE.format(command), shell_id=shell, message_id="uuid:same")
        for _ in range(2)
    ]
    other = await client.ask(names.RECEIVE, RECEIVE.format(command), shell_id=shell)

    assert [reply.stream("stdout") for reply in same] == [b"one", b"one"]
    assert other.stream("stdout") == b"two"


async def test_delete_aborts_a_waiting_receive(client: Client, hosts: tuple[HeldHost, LastHost]) -> None:
    """Who waits on a shell that is deleted is told so."""
    shell = await client.open()
    command = await client.start(shell, "hold")

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(refusal(client, names.RECEIVE, RECEIVE.format(command), shell_id=shell))
        await hosts[0].started[0][2].was_asked.wait()
        await client.ask(names.DELETE, shell_id=shell)

    assert waiting.result() == 995


async def test_knows_no_shell_but_its_own(client: Client) -> None:
    """An unknown shell, an unknown command and another user's shell are all unknown selectors."""
    shell = await client.open()
    stranger = Client(client.service, "stranger")

    assert await refusal(client, names.DELETE, shell_id="nope") == 2150858843
    assert await refusal(client, names.RECEIVE, RECEIVE.format("nope"), shell_id=shell) == 2150858843
    assert await refusal(stranger, names.DELETE, shell_id=shell) == 2150858843
    assert await refusal(client, names.RECEIVE, "<rsp:Receive/>", shell_id=shell) == 87


async def test_refuses_what_it_has_not(client: Client) -> None:
    """Unknown actions and resources have their faults."""
    data = envelope(names.CREATE, SHELL, resource="http://schemas.microsoft.com/powershell/Microsoft.PowerShell")

    assert await refusal(client, "urn:other") == 2150858819
    with pytest.raises(WsmanFaultError) as raised:
        await client.service.answer("packer", requests.parse(data))
    assert raised.value.code == 2150858834


async def test_quota_of_shells(client: Client) -> None:
    """A user's shells are counted; one more is refused, another user's is not, a closed one makes room."""
    first = await client.open()
    await client.open()

    assert await refusal(client, names.CREATE, SHELL) == 2150859173
    await Client(client.service, "other").open()
    await client.ask(names.DELETE, shell_id=first)
    await client.open()


async def test_a_shell_that_closes_lets_the_next_in(hosts: tuple[HeldHost, LastHost]) -> None:
    """A Create over the quota waits for a moment, so that a burst of short sessions passes."""
    service = WsmanService("VM", hosts, lambda *_: None, quotas=Quotas(shells_per_user=1, patience=10))
    client = Client(service)
    shell = await client.open()

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(client.open())
        await asyncio.sleep(0)
        await client.ask(names.DELETE, shell_id=shell)

    assert waiting.result() != shell


async def test_idle_shells_are_forgotten(hosts: tuple[HeldHost, LastHost]) -> None:
    """A shell that idled longer than it may is gone when somebody looks."""
    service = WsmanService("VM", hosts, lambda *_: None, quotas=Quotas(idle_timeout=0.0))
    client = Client(service)
    shell = await client.open()
    await asyncio.sleep(0)

    assert await refusal(client, names.DELETE, shell_id=shell) == 2150858843
    assert len(service.shells) == 0


async def test_input_and_interrupt_reach_the_command(client: Client, hosts: tuple[HeldHost, LastHost]) -> None:
    """Send and Ctrl+C go to the command they name."""
    shell = await client.open()
    command = await client.start(shell, "hold")
    body = f'<rsp:Send><rsp:Stream Name="stdin" CommandId="{command}" End="true">aGk=</rsp:Stream></rsp:Send>'

    await client.ask(names.SEND, body, shell_id=shell)
    await client.ask(names.SIGNAL, SIGNAL.format(command, "ctrl_c"), shell_id=shell)

    held = hosts[0].started[0][2]
    assert (held.given, held.signals) == (b"hi<end>", ["interrupt"])


async def test_uses_the_clients_ids(client: Client) -> None:
    """A client that names its shell or command finds it under that name."""
    identity = "0123ABCD-0000-4000-8000-0123456789AB"

    created = await client.ask(names.CREATE, f'<rsp:Shell ShellId="{identity.lower()}"/>')
    line = f'<rsp:CommandLine CommandId="{identity}"><rsp:Command>hold</rsp:Command></rsp:CommandLine>'
    started = await client.ask(names.COMMAND, line, shell_id=identity.lower())

    assert (created.shell_id, started.command_id) == (identity, identity)


async def test_skips_no_shell(client: Client) -> None:
    """Without cmd.exe there is no program file to start."""
    shell = await client.open()
    data = envelope(
        names.COMMAND, COMMAND_LINE.format("hold"), shell_id=shell, options={"WINRS_SKIP_CMD_SHELL": "TRUE"}
    )

    with pytest.raises(WsmanFaultError) as raised:
        await client.service.answer("packer", requests.parse(data))
    assert raised.value.code == 2147942402
