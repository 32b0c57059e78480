"""Shells and commands, asked for as clients do, with a command that ends when the test says so."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from emulator.machines.settings import WinrmSettings
from emulator.machines.winrm.cmd_shell import CmdShells
from emulator.machines.winrm.command_host import Chunk, Output, ShellContext
from emulator.machines.winrm.service import WsmanService
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

    def take(self, limit: int) -> Chunk | None:
        return None if self.chunks.empty() else self.chunks.get_nowait()

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
        self,
        action: str,
        body: str = "",
        *,
        shell_id: str = "",
        message_id: str = "",
        within: str = "PT20S",
        resource: str = names.CMD_RESOURCE,
    ) -> Reply:
        self.sent += 1
        message = message_id or f"uuid:{self.sent}"
        data = envelope(action, body, shell_id=shell_id, message_id=message, timeout=within, resource=resource)
        return Reply.of(await self.service.answer(self.user, requests.parse(data)))

    async def open(self) -> str:
        return (await self.ask(names.CREATE, SHELL)).shell_id

    async def start(self, shell_id: str, line: str) -> str:
        return (await self.ask(names.COMMAND, COMMAND_LINE.format(line), shell_id=shell_id)).command_id


def machine(
    hosts: tuple[HeldHost, LastHost], told: list[tuple[str, int]] | None = None, **changes: float
) -> WsmanService:
    """A service whose settings are Windows', but for changes."""
    tell = (lambda host, code: told.append((host, code))) if told is not None else lambda *_: None
    settings = WinrmSettings(**changes)  # type: ignore[arg-type]
    return WsmanService("VM", {names.CMD_RESOURCE: CmdShells(hosts)}, tell, settings)


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
    service = machine(hosts, told, shells_per_user=2, shell_patience=0.05)
    yield Client(service)
    service.shells.close_all()


async def refusal(client: Client, action: str, body: str = "", *, shell_id: str = "", **more: str) -> int:
    """The code that a request is refused with."""
    with pytest.raises(WsmanFaultError) as raised:
        await client.ask(action, body, shell_id=shell_id, **more)
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
    service = machine(hosts, shells_per_user=1, shell_patience=10)
    client = Client(service)
    shell = await client.open()

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(client.open())
        await asyncio.sleep(0)
        await client.ask(names.DELETE, shell_id=shell)

    assert waiting.result() != shell


async def test_idle_shells_are_forgotten(hosts: tuple[HeldHost, LastHost]) -> None:
    """A shell that idled longer than it may is gone when somebody looks."""
    service = machine(hosts, idle_timeout=0.0)
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


async def test_anything_is_answered_again(client: Client, hosts: tuple[HeldHost, LastHost]) -> None:
    """A request that comes again with its MessageID is answered as before, and performed once."""
    shells = [await client.ask(names.CREATE, SHELL, message_id="uuid:same") for _ in range(2)]
    commands = [
        await client.ask(
            names.COMMAND, COMMAND_LINE.format("hold"), shell_id=shells[0].shell_id, message_id="uuid:again"
        )
        for _ in range(2)
    ]

    assert shells[0].shell_id == shells[1].shell_id
    assert commands[0].command_id == commands[1].command_id
    assert (len(client.service.shells), len(hosts[0].started)) == (1, 1)


async def test_another_users_message_is_another(client: Client) -> None:
    """A MessageID that somebody else used brings nothing of his."""
    mine = await client.ask(names.CREATE, SHELL, message_id="uuid:same")
    other = await Client(client.service, "other").ask(names.CREATE, SHELL, message_id="uuid:same")

    assert mine.shell_id != other.shell_id


async def test_quota_of_commands(hosts: tuple[HeldHost, LastHost]) -> None:
    """A shell has so many commands at one time; one that ended makes room."""
    client = Client(machine(hosts, processes_per_shell=1))
    shell = await client.open()
    command = await client.start(shell, "hold")

    assert await refusal(client, names.COMMAND, COMMAND_LINE.format("hold"), shell_id=shell) == 2150859241
    hosts[0].started[0][2].chunks.put_nowait(Chunk((), 0))
    await client.ask(names.RECEIVE, RECEIVE.format(command), shell_id=shell)
    await client.start(shell, "hold")


async def test_quota_of_operations(hosts: tuple[HeldHost, LastHost]) -> None:
    """A user has so many requests at one time; one more is refused with the WMI error that Ansible looks for."""
    client = Client(machine(hosts, operations_per_user=1))
    shell = await client.open()
    command = await client.start(shell, "hold")

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(client.ask(names.RECEIVE, RECEIVE.format(command), shell_id=shell))
        await hosts[0].started[0][2].was_asked.wait()
        with pytest.raises(WsmanFaultError) as raised:
            await client.ask(names.DELETE, shell_id=shell)
        hosts[0].started[0][2].chunks.put_nowait(Chunk((), 0))

    assert waiting.result().exit_code == 0
    assert raised.value.code == 2150859174
    assert f"error_Code>{raised.value.code}<" in client.service.fault("uuid:1", raised.value).decode()


async def test_polls_are_no_longer_than_windows_are(hosts: tuple[HeldHost, LastHost]) -> None:
    """Packer asks for half an hour; MaxTimeoutms is what it gets."""
    client = Client(machine(hosts, longest_poll=0.05))
    shell = await client.open()
    command = await client.start(shell, "hold")

    code = await refusal(client, names.RECEIVE, RECEIVE.format(command), shell_id=shell, within="PT30M")

    assert code == 2150858793


async def test_a_left_shell_waits_for_its_client(client: Client, hosts: tuple[HeldHost, LastHost]) -> None:
    """Disconnect ends waiting requests and lets commands be; Reconnect goes on where the client left."""
    shell = await client.open()
    command = await client.start(shell, "hold")

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(refusal(client, names.RECEIVE, RECEIVE.format(command), shell_id=shell))
        await hosts[0].started[0][2].was_asked.wait()
        await client.ask(names.DISCONNECT, "<rsp:Disconnect/>", shell_id=shell)
    hosts[0].started[0][2].chunks.put_nowait(Chunk((Output("stdout", b"kept"),)))
    left = await refusal(client, names.RECEIVE, RECEIVE.format(command), shell_id=shell)
    await client.ask(names.RECONNECT, "<rsp:Reconnect/>", shell_id=shell)
    reply = await client.ask(names.RECEIVE, RECEIVE.format(command), shell_id=shell)

    assert (waiting.result(), left) == (2150859194, 2150859194)
    assert reply.stream("stdout") == b"kept"


async def test_a_left_shell_can_be_taken_over(client: Client) -> None:
    """Connect takes over a shell that was left, and none that is in use."""
    shell = await client.open()

    assert await refusal(client, names.CONNECT, "<rsp:Connect/>", shell_id=shell) == 2150859189
    await client.ask(names.DISCONNECT, "<rsp:Disconnect/>", shell_id=shell)
    await client.ask(names.CONNECT, "<rsp:Connect/>", shell_id=shell)

    assert (await client.ask(names.GET, shell_id=shell)).text(names.SHELL, "State") == "Connected"


async def test_lists_shells_and_commands(client: Client) -> None:
    """Enumerate shows a user's shells, and the commands of one; never another user's."""
    shell = await client.open()
    command = await client.start(shell, "hold")
    await Client(client.service, "other").open()
    listing = f'<n:Enumerate xmlns:n="{names.ENUMERATION}">{{}}</n:Enumerate>'
    chosen = f'<w:Filter><w:SelectorSet><w:Selector Name="ShellId">{shell}</w:Selector></w:SelectorSet></w:Filter>'

    shells = await client.ask(names.ENUMERATE, listing.format(""), resource=names.SHELL)
    commands = await client.ask(names.ENUMERATE, listing.format(chosen), resource=names.COMMAND_RESOURCE)

    assert [node.text for node in shells.tree.iter(f"{{{names.SHELL}}}ShellId")] == [shell]
    assert (commands.command_id, commands.text(names.SHELL, "CommandState")) == (command, "Running")


async def test_tells_its_configuration(client: Client) -> None:
    """The envelope's size and the quotas are where clients ask for them."""
    config = await client.ask(names.GET, resource=names.CONFIG)

    assert config.text(names.CONFIG, "MaxEnvelopeSizekb") == "500"
    assert config.text(names.CONFIG, "CbtHardeningLevel") == "Relaxed"
    assert await refusal(client, names.GET, resource="urn:other") == 2150858834
