"""Run a command on a build VM over WinRM, by pywinrm in a thread.

As Packer does it, the certificate is not verified: a build VM's never matches. The environment's proxies and
certificate bundles have no say.
"""

import asyncio
import contextlib
import math
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from xml.etree.ElementTree import ParseError  # pywinrm's parser raises it

from emulator.channels.base import Outcome, UnfinishedError
from emulator.errors import PeerError

if TYPE_CHECKING:
    from winrm.protocol import Protocol

Transport = Literal["ntlm", "basic"]

POLL_SECONDS = 20
"""How long one request for output waits, at most; pywinrm's figure."""
LEAST_HANDSHAKE = 3.0
"""Real seconds that a TLS handshake gets at least, however short a dial is: it is real work."""
FAREWELL = 5.0
"""Seconds to close a shell in, once the outcome is known."""


ANSWERS_WRONGLY = (ParseError, LookupError, ValueError, AssertionError, StopIteration)
"""What pywinrm lets out where an answer is none of WinRM's."""


async def run(
    url: str,
    username: str,
    password: str,
    command: str,
    *,
    timeout: float,  # noqa: ASYNC109  # the thread must know it, for it cannot be cancelled
    transport: Transport = "ntlm",
) -> Outcome:
    """Run one command line by cmd.exe and return how it ended; all of it within `timeout` real seconds.

    Raises:
        UnfinishedError: the channel, the login or the service failed, or it took too long; with what it had said.
    """
    deadline = time.monotonic() + timeout
    return await asyncio.to_thread(_run, url, username, password, command, deadline=deadline, transport=transport)


@dataclass(slots=True)
class _Heard:
    """Output as it comes."""

    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)


def _run(url: str, username: str, password: str, command: str, *, deadline: float, transport: Transport) -> Outcome:
    heard = _Heard()
    try:
        return _ran(protocol_at(url, username, password, transport), command, deadline, heard)
    except PeerError as error:
        raise UnfinishedError(str(error), bytes(heard.stdout), bytes(heard.stderr)) from None


def _ran(protocol: "Protocol", command: str, deadline: float, heard: _Heard) -> Outcome:
    import requests
    import urllib3
    from winrm.exceptions import InvalidCredentialsError, WinRMError, WinRMTransportError

    url, username = protocol.transport.endpoint, protocol.transport.username
    try:
        return _converse(protocol, command, deadline, heard)
    except InvalidCredentialsError:
        raise PeerError(f"{url} rejected the user name or password of {username}") from None
    except requests.Timeout:
        raise PeerError(f"{url} did not answer in time") from None
    except requests.ConnectionError as error:
        raise PeerError(f"{url} cannot be reached: {innermost(error)}") from None
    except (
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        WinRMError,
        WinRMTransportError,
        OSError,
    ) as error:
        raise PeerError(f"{url} failed: {one_line(error)}") from None
    except ANSWERS_WRONGLY:
        raise PeerError(f"{url} answered, but not as WinRM does") from None
    finally:
        protocol.transport.close_session()


def protocol_at(
    url: str,
    username: str,
    password: str,
    transport: Transport,
    *,
    dialling: Callable[[], None] = lambda: None,
    opened: Callable[[socket.socket], None] = lambda _: None,
    dial_seconds: float | None = None,
) -> "Protocol":
    """A client of pywinrm's; `dialling` may raise OSError before each dial, `opened` hears of each socket.

    `dial_seconds` limits how long one is dialled.
    """
    from winrm.protocol import Protocol

    protocol = Protocol(
        url,
        transport=transport,
        username=username,
        password=password,
        # None verifies nothing, as "ignore" does, but leaves the process's warning filters alone.
        server_cert_validation=None,
        # Not None: requests would then set `no_proxy` in the process's environment for a moment, in every thread.
        proxy="",
    )
    session = protocol.transport.build_session()
    session.trust_env = False
    session.proxies = {}
    session.mount("https://", _adapter(dialling, opened, dial_seconds))
    return protocol


def _adapter(
    dialling: Callable[[], None], opened: Callable[[socket.socket], None], dial_seconds: float | None
) -> Any:
    """An adapter whose connections do not warn of what is meant: that no certificate is verified."""
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    class QuietConnection(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            opened(self.sock)
            # urllib3 warns on each request unless this is set; the filters that would hide it are the process's.
            self.is_verified = True

        def _new_conn(self) -> socket.socket:
            dialling()
            patience, self.timeout = self.timeout, dial_seconds or self.timeout
            try:
                dialled: socket.socket = super()._new_conn()
            finally:
                self.timeout = patience
            if dial_seconds:
                # A hop that holds what it cannot carry connects, and says nothing: the handshake has a limit, too.
                dialled.settimeout(max(dial_seconds, LEAST_HANDSHAKE))
            return dialled

    class QuietPool(HTTPSConnectionPool):
        ConnectionCls = QuietConnection

    adapter = HTTPAdapter()
    adapter.poolmanager.pool_classes_by_scheme = {"http": HTTPConnectionPool, "https": QuietPool}
    return adapter


def _converse(protocol: "Protocol", command: str, deadline: float, heard: _Heard) -> Outcome:
    _allow(protocol, deadline)
    shell = protocol.open_shell(codepage=65001)
    try:
        _allow(protocol, deadline)
        identity = protocol.run_command(shell, command)
        outcome = _output(protocol, shell, identity, deadline, heard)
    except BaseException:
        with contextlib.suppress(Exception):  # the first failure is the one to tell
            _close(protocol, shell)
        raise
    _close(protocol, shell)
    return outcome


def _output(protocol: "Protocol", shell: str, command: str, deadline: float, heard: _Heard) -> Outcome:
    from winrm.exceptions import WinRMOperationTimeoutError

    code, done = 0, False
    while not done:
        _allow(protocol, deadline)
        with contextlib.suppress(WinRMOperationTimeoutError):  # no output yet; ask again
            more, more_errors, code, done = protocol.get_command_output_raw(shell, command)
            heard.stdout += more
            heard.stderr += more_errors
    _allow(protocol, max(deadline, time.monotonic() + FAREWELL))
    protocol.cleanup_command(shell, command)
    return Outcome(code, bytes(heard.stdout), bytes(heard.stderr))


def _close(protocol: "Protocol", shell: str) -> None:
    _allow(protocol, time.monotonic() + FAREWELL)
    protocol.close_shell(shell)


def _allow(protocol: "Protocol", deadline: float) -> None:
    """Give the next request what is left of the time."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise PeerError(f"{protocol.transport.endpoint} did not finish the command in time")
    protocol.transport.read_timeout_sec = math.ceil(left)
    # Whole seconds are all that pywinrm can say; a poll that outlasts `left` is cut by the read timeout.
    protocol.operation_timeout_sec = max(1, min(POLL_SECONDS, math.floor(left - 1)))


def innermost(error: BaseException) -> str:
    """What the first cause of an error says, on one line."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return one_line(error)


def one_line(error: BaseException) -> str:
    """What an error says, on one line and cut short."""
    return " ".join(str(error).split())[:300] or type(error).__name__
