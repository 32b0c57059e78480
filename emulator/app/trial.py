"""Try each path once, so that *ready* is a fact: carried to a build VM that speaks, or denied as the world says."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from emulator.app.status import PathState
from emulator.errors import PeerError
from emulator.model.switches import ProxyMode
from emulator.model.world import BUILD_PORTS, System, World, build_role
from emulator.net import proxy_modes
from emulator.net.dial import DialFailure, bound_for, dial
from emulator.reason import Outcome
from emulator.rules.legs import Path

SPEAKS = 10.0
"""Real seconds a build VM has to say its first word on a path that carries."""
SILENT = 0.25
"""Real seconds after which silence counts as such, on a path that the world denies."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a client has to tell a proxy that is not one that just forwards; see `switches.proxy_mode`."""

    mode: ProxyMode
    host: str
    port: int


def ask_of(world: World, system: System) -> Ask | None:
    """What a client of the build VM of `system` tells the proxy; None where it tells nothing."""
    build, mode = world.member(build_role(system)), world.switches.proxy_mode
    if build is None or mode == "tcp-forward" or world.topology != "existing-vnet":
        return None
    return Ask(mode, str(world.interface_of(build).address), BUILD_PORTS[system])


async def trial(
    entry: tuple[str, int], decide: Callable[[int], Path], system: System, ask: Ask | None = None
) -> PathState:
    """How one attempt at `entry` ended, against what is decided of its source port.

    Rules may tell source ports apart, and the balancer's hash sends them to different proxies. Behind a proxy with an
    SSH server of its own, that is what is tried, and the rules tell the rest.
    """
    bound = bound_for(entry)
    path = decide(bound.getsockname()[1])
    first, end = path.end(1).verdict, path.end().verdict
    connection = await dial(None, entry, seconds=SPEAKS if first.carried else SILENT, bound=bound)
    if isinstance(connection, DialFailure):
        expected = {"timeout": Outcome.DROPPED, "refused": Outcome.REFUSED}.get(connection.kind)
        denied = first.outcome is expected
        return PathState("denied" if denied else "failed", end.sentence if denied else connection.sentence)
    with contextlib.closing(connection):
        if ask is not None and ask.mode == "ssh-jump":
            return await _try_jump(connection, path)
        spoke = await _first_word(connection, system, SPEAKS if end.carried else SILENT, ask)
        if spoke and end.reason.name == "ProxyProtocolMismatch":  # an SSH server speaks first, and then sees garbage
            spoke = not await _is_over(connection)
    if end.carried:
        return PathState("carried", "") if spoke else PathState("failed", "the build VM said nothing")
    return PathState("failed" if spoke else "denied", end.sentence)


async def _try_jump(connection: socket.socket, path: Path) -> PathState:
    if not await _first_word(connection, "linux", SPEAKS, None):
        return PathState("failed", "the proxy VM's SSH server said nothing")
    return PathState("carried" if path.carried else "denied", "" if path.carried else path.end().verdict.sentence)


async def _first_word(connection: socket.socket, system: System, seconds: float, ask: Ask | None) -> bool:
    """Whether the far end says anything; an SSH server speaks first, a TLS server answers a hello."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            if ask is not None and ask.mode in ("http-connect", "socks5"):
                await proxy_modes.ask(ask.mode, connection, ask.host, ask.port)
            if system == "windows":
                await loop.sock_sendall(connection, client_hello())
            return bool(await loop.sock_recv(connection, 65536))  # all of it: unread bytes make a RST of our close
    except (TimeoutError, OSError, PeerError):
        return False


async def _is_over(connection: socket.socket) -> bool:
    """Whether the far end ends the connection."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(SPEAKS):
            while await loop.sock_recv(connection, 65536):
                pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def client_hello() -> bytes:
    """The first flight of a TLS client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    outgoing = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    return outgoing.read()
