"""Reach a build VM as Packer does: its timers, its retries, its words (azure.md 6.1 and 6.2).

Every attempt goes through the channel, and so each has its close record. The figures are Packer's and the service's
in emulated seconds; only a handshake gets real time to do its real work in.
"""

import base64
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from emulator.build.duration import in_go
from emulator.build.log import BUILDER, Log
from emulator.channels import ssh_session
from emulator.channels.ssh_session import Account, NotAdmittedError, NotDialledError, SshSession
from emulator.channels.winrm_session import WinrmSession
from emulator.clock import Clock
from emulator.errors import EmulatorError, PeerError

SSH_SECONDS, WINRM_SECONDS = 1200.0, 600.0
"""How long Packer waits for each: 20 minutes by azure-arm, 10 as the service's logs have it."""
DIAL_SECONDS, WINRM_DIAL_SECONDS = 15.0, 30.0
HANDSHAKE_SECONDS, LEAST_HANDSHAKE = 60.0, 5.0
RETRY_SECONDS, AFTER_HANDSHAKE_SECONDS = 5.0, 2.0
ANSWER_SECONDS, LEAST_ANSWER = 600.0, 20.0
"""How long one answer of WinRM may take: as long as the wait, and real time to do real work in."""
CONNECTED = "WinRM connected."
QUIET = (
    "if (Test-Path variable:global:ProgressPreference){set-variable -name variable:global:ProgressPreference "
    "-value 'SilentlyContinue'};"
)
"""What Packer puts before each PowerShell command of its own."""
HANDSHAKES = 10
"""Logins that are refused before Packer gives up."""
KEEPALIVE_SECONDS, LEAST_KEEPALIVE = 5.0, 1.0
DISCONNECTED = 2300218
"""Packer's exit code for a command whose connection ended first, CmdDisconnect."""


Session = TypeVar("Session")


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


@dataclass(frozen=True, slots=True)
class Collected:
    """Hears output, and keeps it."""

    pieces: list[bytes]

    def __call__(self, piece: bytes, is_error: bool) -> None:  # noqa: FBT001 - the form that channels call
        if not is_error:
            self.pieces.append(piece)

    @property
    def text(self) -> str:
        """All of the standard output so far."""
        return b"".join(self.pieces).decode(errors="replace")


def powershell_line(script: str) -> str:
    """The command line of a short script, as Packer encodes it."""
    return f"powershell -executionpolicy bypass -encodedCommand {encoded(QUIET + script)}"


def encoded(script: str) -> str:
    """A script as powershell.exe's `-EncodedCommand` takes it."""
    return base64.b64encode(script.encode("utf-16-le")).decode()


@contextlib.asynccontextmanager
async def by_winrm(waiting: Waiting, url: str) -> AsyncIterator[WinrmSession]:
    """A session, once WinRM is there: a shell that is made and closed, then a command that answers.

    Raises:
        NeverConnectedError: within 10 minutes it was not.
    """
    log, account, clock = waiting.log, waiting.account, waiting.clock
    log.step("Waiting for WinRM to become available...")
    log.err(f"[INFO] Waiting for WinRM, up to timeout: {in_go(WINRM_SECONDS)}")
    session = WinrmSession(
        url,
        account.username,
        account.password or "",
        clock.real(WINRM_DIAL_SECONDS),
        max(clock.real(ANSWER_SECONDS), LEAST_ANSWER),
    )
    found = await _until(waiting, WINRM_SECONDS, "WinRM", lambda _: _winrm_attempt(waiting, session))
    found = await _until(waiting, WINRM_SECONDS, "WinRM", lambda _: _winrm_answer(waiting, found))
    log.out(f"    {BUILDER}: {CONNECTED}")
    log.step("Connected to WinRM!")
    yield found


async def _winrm_attempt(waiting: Waiting, session: WinrmSession) -> WinrmSession | None:
    try:
        await session.knock()
    except PeerError as failure:
        waiting.log.err(
            f"[ERROR] WinRM connection err: {failure}".replace(session.url, f"https://{waiting.azure}/wsman")
        )
        return None
    return session


async def _winrm_answer(waiting: Waiting, session: WinrmSession) -> WinrmSession | None:
    """The check that PowerShell answers, too."""
    heard = Collected([])
    try:
        await session.run(powershell_line(f'echo "{CONNECTED}"'), heard)
    except PeerError as failure:
        waiting.log.err(
            f"Communication connection err: {failure}".replace(session.url, f"https://{waiting.azure}/wsman")
        )
        return None
    return session if CONNECTED in heard.text else None


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
        return await stack.enter_async_context(ssh_session.logged_in(account, seconds=patience, keepalive=keepalive))
    except PeerError as failure:
        log.err(f"[DEBUG] SSH handshake err: {failure}")
        if isinstance(failure, NotAdmittedError):
            refused.append(str(failure))
        await clock.sleep(AFTER_HANDSHAKE_SECONDS)
        return None


async def _until(
    waiting: Waiting, seconds: float, what: str, attempt: Callable[[list[str]], Awaitable[Session | None]]
) -> Session:
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
