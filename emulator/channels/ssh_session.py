"""One SSH connection that stays open for a whole build, as Packer's communicator keeps it.

A dial that is closed at once, a second one for the login, a session for each command, files by SFTP; keepalives
every few seconds, so that no idle timer on the way fires.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import asyncssh

from emulator.channels.ssh import connection, exit_code_of, one_line
from emulator.errors import PeerError

Say = Callable[[bytes, bool], None]
"""Takes a piece of output as it comes, and whether it is of standard error."""
CHUNK_BYTES = 32_768
FAREWELL = 2.0
"""Real seconds to say goodbye in."""
UNANSWERED = 10
"""Keepalives without an answer after which a connection counts as lost; nine probes are the kernel's."""


class NotDialledError(PeerError):
    """No TCP connection: nobody answered in time, or somebody refused."""


class NotAdmittedError(PeerError):
    """The server was reached and does not let the account in."""


class DisconnectedError(PeerError):
    """The connection ended before the command did."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who logs in, and where."""

    host: str
    port: int
    username: str
    private_key: str | None = None
    password: str | None = None


async def knock(host: str, port: int, *, seconds: float) -> None:
    """Connect and close at once, as Packer does before each login.

    Raises:
        NotDialledError: `i/o timeout` or `connection refused`, in Go's words, since people search logs for them.
    """
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        raise NotDialledError("i/o timeout") from None
    except OSError as error:
        refused = isinstance(error, ConnectionRefusedError)
        raise NotDialledError("connect: connection refused" if refused else one_line(error)) from None
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


class SshSession:
    """A login that stays; see the module."""

    def __init__(self, open_connection: asyncssh.SSHClientConnection) -> None:
        self._connection = open_connection

    async def run(self, command: str, say: Say) -> int:
        """Run a command to its end, and say what it says while it runs; its exit code.

        Cancelled, it cuts the connection: whoever is at the other end may never answer a farewell.

        Raises:
            DisconnectedError: the connection ended first.
        """
        done, lost = None, None
        try:
            async with self._connection.create_process(command, encoding=None, stdin=asyncssh.DEVNULL) as process:
                done = await self._followed(process, say)
        except* (OSError, asyncssh.Error) as group:
            lost = group.exceptions[0]  # raised below: Python 3.11.2 raises a group out of here
        if lost is not None:
            raise DisconnectedError(one_line(lost))
        if done is None or done.exit_status is None:
            raise DisconnectedError("Remote command exited without exit status or exit signal.")
        return exit_code_of(done)

    async def _followed(
        self, process: "asyncssh.SSHClientProcess[bytes]", say: Say
    ) -> "asyncssh.SSHCompletedProcess":
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_follow(process.stdout, say, is_error=False))
                group.create_task(_follow(process.stderr, say, is_error=True))
            return await process.wait()
        except asyncio.CancelledError:
            self._connection.abort()
            raise

    async def upload(self, content: bytes, path: str) -> None:
        """Write a file on the build VM.

        Raises:
            DisconnectedError: the connection ended first.
            PeerError: the build VM did not take it; the message says why.
        """
        try:
            async with self._connection.start_sftp_client() as client, client.open(path, "wb") as file:
                for start in range(0, len(content), CHUNK_BYTES):
                    await file.write(content[start : start + CHUNK_BYTES])
        except asyncssh.SFTPError as error:
            if isinstance(error, (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection)):
                raise DisconnectedError(one_line(error)) from None
            raise PeerError(f"{path}: {one_line(error)}") from None
        except (OSError, asyncssh.Error) as error:
            raise DisconnectedError(one_line(error)) from None


async def _follow(stream: "asyncssh.SSHReader[bytes]", say: Say, *, is_error: bool) -> None:
    while piece := await stream.read(CHUNK_BYTES):
        say(piece, is_error)


@contextlib.asynccontextmanager
async def logged_in(account: Account, *, seconds: float, keepalive: float) -> AsyncIterator[SshSession]:
    """A session at an account, closed when the block ends.

    Args:
        account: who, and where.
        seconds: real seconds for the handshake and the login.
        keepalive: real seconds between keepalives.

    Raises:
        NotDialledError: no connection.
        NotAdmittedError: the account was not let in.
        PeerError: the handshake did not come to its end.
    """
    keeping = {"keepalive_interval": keepalive, "keepalive_count_max": UNANSWERED}
    try:
        async with asyncio.timeout(seconds):
            found = await connection(
                account.host, account.port, account.username, account.private_key, account.password, **keeping
            )
    except TimeoutError:
        raise PeerError("handshake timeout") from None
    except asyncssh.PermissionDenied as error:
        raise NotAdmittedError(f"ssh: unable to authenticate: {one_line(error)}") from None
    except ConnectionRefusedError:
        raise NotDialledError("connect: connection refused") from None
    except (OSError, asyncssh.Error) as error:
        raise PeerError(f"ssh: handshake failed: {_in_go(error)}") from None
    try:
        yield SshSession(found)
    finally:
        found.close()
        try:
            async with asyncio.timeout(FAREWELL):
                await found.wait_closed()
        except TimeoutError:
            found.abort()  # whoever is at the other end is not heard of any more


def _in_go(error: Exception) -> str:
    """Go's word for a server that closes before its banner is EOF."""
    return "EOF" if isinstance(error, asyncssh.ConnectionLost) else one_line(error)
