"""Reach a build VM as Packer does: its timers, its retries, its words (azure.md 6.1 and 6.2).

Every attempt goes through the channel, and so each has its close record. The figures are Packer's and the service's
in emulated seconds; only a handshake gets real time to do its real work in.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from emulator.build.duration import in_go
from emulator.build.log import Log
from emulator.channels import ssh_session
from emulator.channels.ssh_session import Account, NotAdmittedError, NotDialledError, SshSession
from emulator.clock import Clock
from emulator.errors import EmulatorError, PeerError

SSH_SECONDS, WINRM_SECONDS = 1200.0, 600.0
"""How long Packer waits for each: 20 minutes by azure-arm, 10 as the service's logs have it."""
DIAL_SECONDS, WINRM_DIAL_SECONDS = 15.0, 30.0
HANDSHAKE_SECONDS, LEAST_HANDSHAKE = 60.0, 5.0
RETRY_SECONDS, AFTER_HANDSHAKE_SECONDS = 5.0, 2.0
HANDSHAKES = 10
"""Logins that are refused before Packer gives up."""
KEEPALIVE_SECONDS, LEAST_KEEPALIVE = 5.0, 1.0
DISCONNECTED = 2300218
"""Packer's exit code for a command whose connection ended first, CmdDisconnect."""


class NeverConnectedError(EmulatorError):
    """The build VM was not reached in time; the message is Packer's."""


class Communicator(Protocol):
    """A way to run commands on a build VM and to put files there."""

    async def run(self, command: str, say: Callable[[bytes, bool], None]) -> int:
        """Run a command to its end; its exit code.

        Raises:
            DisconnectedError: the connection ended first.
        """
        ...

    async def upload(self, content: bytes, path: str) -> None:
        """Write a file.

        Raises:
            PeerError: it was not written.
        """
        ...


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the loops below share.

    Attributes:
        azure: the build VM's own address and port, as the service's logs name it.
    """

    account: Account
    azure: str
    clock: Clock
    log: Log


@contextlib.asynccontextmanager
async def by_ssh(waiting: Waiting) -> AsyncIterator[SshSession]:
    """A session, once SSH is there.

    Raises:
        NeverConnectedError: within 20 minutes it was not, or it refused the account ten times.
    """
    log, account = waiting.log, waiting.account
    log.step("Waiting for SSH to become available...")
    log.err(f"[INFO] Waiting for SSH, up to timeout: {in_go(SSH_SECONDS)}")
    async with contextlib.AsyncExitStack() as stack:
        session = await _until(waiting, SSH_SECONDS, "SSH", lambda refused: _ssh_attempt(waiting, stack, refused))
        log.step("Connected to SSH!")
        log.err(f"[INFO] ssh: connected to {waiting.azure} as {account.username}")
        yield session


async def _ssh_attempt(waiting: Waiting, stack: contextlib.AsyncExitStack, refused: list[str]) -> SshSession | None:
    """One turn of Packer's loop: dial and close, dial again and log in; None where it was in vain."""
    account, clock, log = waiting.account, waiting.clock, waiting.log
    try:
        await ssh_session.knock(account.host, account.port, seconds=clock.real(DIAL_SECONDS))
    except NotDialledError as failure:
        log.err(f"[DEBUG] TCP connection to SSH ip/port failed: dial tcp {waiting.azure}: {failure}")
        return None
    log.err(f"[DEBUG] TCP connection to SSH ip/port succeeded: {waiting.azure}")
    log.err("[DEBUG] handshaking with SSH")
    patience = max(clock.real(HANDSHAKE_SECONDS), LEAST_HANDSHAKE)
    keepalive = max(clock.real(KEEPALIVE_SECONDS), LEAST_KEEPALIVE)
    try:
        return await stack.enter_async_context(
            ssh_session.logged_in(account, seconds=patience, keepalive=keepalive)
        )
    except PeerError as failure:
        log.err(f"[DEBUG] SSH handshake err: {failure}")
        if isinstance(failure, NotAdmittedError):
            refused.append(str(failure))
        await clock.sleep(AFTER_HANDSHAKE_SECONDS)
        return None


async def _until(
    waiting: Waiting, seconds: float, what: str, attempt: Callable[[list[str]], Awaitable["SshSession | None"]]
) -> "SshSession":
    """What an attempt comes to, tried every five seconds, within the limit."""
    refused: list[str] = []
    try:
        async with waiting.clock.timeout(seconds):
            while len(refused) < HANDSHAKES:
                found = await attempt(refused)
                if found is not None:
                    return found
                await waiting.clock.sleep(RETRY_SECONDS)
    except TimeoutError:
        raise NeverConnectedError(f"Timeout waiting for {what}.") from None
    raise NeverConnectedError(f"Error waiting for {what}: {refused[-1]}")
