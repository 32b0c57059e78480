"""The clients of a script: each does its work at an address, and says what it saw."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from emulator.channels import ssh_session, winrm
from emulator.channels.ssh_session import Account, DisconnectedError, NotDialledError
from emulator.channels.winrm_session import WinrmSession
from emulator.errors import PeerError
from emulator.scenarios.judging import Seen
from emulator.scenarios.step import SshClient, Symptom, TcpClient, TlsClient, WinrmClient

CONNECTS = 10.0
"""Real seconds for a connection that is expected to come about."""
KEEPALIVES = (getattr(socket, "TCP_KEEPIDLE", 4), getattr(socket, "TCP_KEEPINTVL", 5))
Hear = Callable[[str], None]
"""Takes what a client says as it says it."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a client works, and as whom.

    Attributes:
        azure: the build VM's own address and port, as clients of Azure name it.
    """

    host: str
    port: int
    username: str
    password: str
    private_key: str
    url: str
    azure: str


Sessions = dict[str, socket.socket]
"""Connections that stay open between two steps."""


async def tcp(target: Target, client: TcpClient, sessions: Sessions) -> Seen:
    """A plain socket; a session that is not there yet is opened."""
    opened = sessions.get(client.session)
    if opened is not None:
        return await _speak(opened, client)
    with contextlib.ExitStack() as stack:
        fresh = stack.enter_context(contextlib.closing(socket.socket()))
        fresh.setblocking(False)
        if client.keepalive:
            _keep_alive(fresh)
        seen = await _connect(fresh, (target.host, target.port), client) or await _speak(fresh, client)
        if client.session:
            sessions[client.session] = fresh
            stack.pop_all()
        return seen


def _keep_alive(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option in KEEPALIVES:
        connection.setsockopt(socket.IPPROTO_TCP, option, 1)


async def _connect(connection: socket.socket, where: tuple[str, int], client: TcpClient) -> Seen | None:
    """Nothing where it connected."""
    patience = client.seconds if client.sees.outcome == "silent" else max(CONNECTS, client.seconds)
    try:
        async with asyncio.timeout(patience):
            await asyncio.get_running_loop().sock_connect(connection, where)
    except TimeoutError:
        return Seen("silent", f"no answer within {patience:g} s")
    except ConnectionRefusedError:
        return Seen("refused", "connection refused")
    except OSError as error:
        return Seen("fails", str(error))
    return None


async def _speak(connection: socket.socket, client: TcpClient) -> Seen:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(client.seconds):
            if client.send:
                await loop.sock_sendall(connection, client.send.encode())
            if not client.listens:
                return Seen("works", "connected")
            heard = await loop.sock_recv(connection, 4096)
    except TimeoutError:
        return Seen("mute", f"connected, and heard nothing within {client.seconds:g} s")
    except OSError as error:
        return Seen("reset", str(error))
    return Seen("works", heard.decode(errors="replace")) if heard else Seen("closed", "the connection was closed")


async def tls(target: Target, client: TlsClient) -> Seen:
    """A TLS handshake; in a thread, since the errors of blocking sockets tell more."""
    return await asyncio.to_thread(_tls, target, client)


def _tls(target: Target, client: TlsClient) -> Seen:
    context = ssl.create_default_context()
    if not client.verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((target.host, target.port), timeout=client.seconds) as plain,
            context.wrap_socket(plain, server_hostname=client.server_name) as secured,
        ):
            return Seen("works", secured.version() or "")
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
        return Seen("closed", f"EOF in the TLS handshake: {error}")
    except OSError as error:
        return Seen(_outcome_of(error), str(error))


def _outcome_of(error: OSError) -> Symptom:
    kinds: tuple[tuple[type[OSError], Symptom], ...] = (
        (ssl.SSLError, "fails"),
        (TimeoutError, "mute"),
        (ConnectionRefusedError, "refused"),
        (ConnectionError, "reset"),
    )
    return next((symptom for kind, symptom in kinds if isinstance(error, kind)), "fails")


async def ssh(target: Target, client: SshClient, hear: Hear) -> Seen:
    """A command over SSH as Packer runs it: a dial that is closed, a login, a session."""
    account = Account(
        target.host,
        target.port,
        client.username or target.username,
        target.private_key if client.key else None,
        client.password or (None if client.key else target.password),
    )
    heard = _Heard(hear)
    try:
        await ssh_session.knock(account.host, account.port, seconds=client.gives_up)
        async with ssh_session.logged_in(account, seconds=client.gives_up, keepalive=5.0) as session:
            code = await session.run(client.command, heard)
    except NotDialledError as error:
        return Seen("fails", f"TCP connection to SSH ip/port failed: dial tcp {target.azure}: {error}")
    except DisconnectedError as error:
        return Seen("fails", f"{heard.text}{error}", exit_code=2300218)
    except PeerError as error:
        return Seen("fails", f"{error}")
    return Seen("works", heard.text, code)


async def by_winrm(target: Target, client: WinrmClient, hear: Hear) -> Seen:
    """A command over WinRM."""
    username, password = client.username or target.username, client.password or target.password
    heard = _Heard(hear)
    try:
        if client.transport == "basic":
            limit = client.gives_up
            done = await winrm.run(
                target.url, username, password, client.command, timeout=limit, transport=client.transport
            )
            return Seen("works", (done.stdout + done.stderr).decode(errors="replace"), done.exit_code)
        session = WinrmSession(target.url, username, password, client.gives_up, client.gives_up)
        code = await session.run(client.command, heard)
    except PeerError as error:
        said = str(error).replace(target.url, f"https://{target.azure}/wsman")
        return Seen("fails", f"{heard.text}WinRM connection err: {said}")
    return Seen("works", heard.text, code)


class _Heard:
    """Keeps what comes of a command, and passes it on."""

    def __init__(self, hear: Hear) -> None:
        self._hear = hear
        self.text = ""

    def __call__(self, piece: bytes, is_error: bool) -> None:  # noqa: ARG002, FBT001 - the form that channels call
        said = piece.decode(errors="replace")
        self.text += said
        self._hear(said)
