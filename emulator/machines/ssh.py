"""Present a guest over SSH (asyncssh's first door): who may log in, and how bytes reach the guest.

Nothing acts on this machine: a command, SFTP and SCP act in the guest, and every kind of forwarding is off.
"""

import asyncio
import contextlib
import hmac
import logging
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from emulator.errors import InvalidInputError, PeerError, UnavailableError
from emulator.machines.faults import MachineFaults
from emulator.machines.guest import Command, Ending, Guest, Output, Process, Terminal
from emulator.machines.settings import MachineSettings
from emulator.net.handing import handed
from emulator.rules.faults.guest_kinds import MaxAuthTries, NoExitStatus, SessionCloses, SessionHangs, SshAlgorithms

LOGIN_TIMEOUT = 60.0
"""Real seconds a stranger has to log in; half of OpenSSH's, twice what Packer takes to fail."""
WINDOW_BYTES = 16 * 1024 * 1024
READ_BYTES = 256 * 1024
CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes256-ctr",
)
HOST_KEY = "ssh_host_ed25519_key"
SERVER_VERSION = "AIB_build_VM"
TERMINAL_PATIENCE = 0.5
"""Real seconds to read a terminal that a background process holds open after its shell has ended."""
OPTIONS: dict[str, Any] = {
    "config": None,
    "server_version": SERVER_VERSION,
    "encoding": None,
    "line_editor": False,
    "login_timeout": LOGIN_TIMEOUT,
    "encryption_algs": CIPHERS,
    "compression_algs": None,
    "gss_host": None,
    "host_based_auth": False,
    "x509_trusted_certs": None,
    "x509_trusted_cert_paths": [],
    "agent_forwarding": False,
    "x11_forwarding": False,
    "allow_pty": True,
    "rdns_lookup": False,
    "window": WINDOW_BYTES,
}


@dataclass(frozen=True, slots=True)
class Server:
    """Everything that connections to one build VM share."""

    settings: MachineSettings
    guest: Guest
    host_key: Any
    authorized: Any
    faults: MachineFaults


def prepare(settings: MachineSettings, guest: Guest, faults: MachineFaults) -> Server:
    """Keys and guest, ready to serve connections, under these faults.

    Raises:
        InvalidInputError: the authorized key, or a kept host key, is not one.
        UnavailableError: the host key cannot be kept.
    """
    logging.getLogger("asyncssh").setLevel(logging.CRITICAL + 1)  # what a stranger sends is no trouble of ours
    try:
        authorized = asyncssh.import_public_key(settings.authorized_key) if settings.authorized_key else None
    except asyncssh.KeyImportError as error:
        raise InvalidInputError(f"machine settings: authorized_key: {error}") from None
    return Server(settings, guest, _host_key(settings.folder), authorized, faults)


def _host_key(folder: str) -> Any:
    """The kept host key, made at first use; one for this run only where there is no folder."""
    path = Path(folder) / HOST_KEY
    if folder and path.exists():
        try:
            return asyncssh.read_private_key(path)
        except (OSError, asyncssh.KeyImportError) as error:
            raise InvalidInputError(f"{path}: not a usable host key: {error}") from None
    key = asyncssh.generate_private_key("ssh-ed25519")
    if folder:
        try:
            Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:  # noqa: PTH123
                file.write(key.export_private_key())
        except OSError as error:
            raise UnavailableError(f"{path}: the host key cannot be kept: {error.strerror}") from None
    return key


async def serve(server: Server, connection: socket.socket, peers: Mapping[str, str]) -> None:
    """Serve one accepted connection until it ends.

    Args:
        server: from `prepare`.
        connection: stays the caller's to close.
        peers: `SSH_CLIENT` and `SSH_CONNECTION` for the session.

    Raises:
        PeerError: the peer did not log in; the message says what it did instead.
    """
    async with asyncio.TaskGroup() as group:
        account = _Account(server, peers, group)
        try:
            with handed(connection) as own:
                served = await asyncssh.run_server(
                    own, server_factory=lambda: account, server_host_keys=[server.host_key], **_options(server.faults)
                )
        except (OSError, asyncssh.Error) as error:
            raise Refused(" ".join(str(error).split()) or type(error).__name__) from None
        try:
            await served.wait_closed()
        finally:
            served.abort()
            await served.wait_closed()


def _options(faults: MachineFaults) -> dict[str, Any]:
    algorithms = faults.find(SshAlgorithms)
    return OPTIONS if algorithms is None else {**OPTIONS, "signature_algs": algorithms.accept}


class Refused(PeerError):  # noqa: N818 - said of a peer, not of us
    """A peer did not log in."""


class _Account(asyncssh.SSHServer):
    """Who may log in, and what follows: sessions in the guest, nothing else."""

    def __init__(self, server: Server, peers: Mapping[str, str], group: asyncio.TaskGroup) -> None:
        self._server = server
        self._peers = peers
        self._group = group
        self._connection: asyncssh.SSHServerConnection | None = None
        self._failures = 0

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - asyncssh's signature
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        settings = self._server.settings
        right_name = hmac.compare_digest(username.encode(), settings.username.encode())
        return self._judged(right=hmac.compare_digest(password.encode(), settings.password.encode()) and right_name)

    def _judged(self, *, right: bool) -> bool:
        """Count a login that failed; OpenSSH's words once there were too many (auth.c, auth_maxtries_exceeded)."""
        limit = self._server.faults.find(MaxAuthTries)
        self._failures += not right
        if limit is not None and self._failures >= limit.tries and self._connection is not None:
            self._connection.disconnect(asyncssh.DISC_PROTOCOL_ERROR, "Too many authentication failures")
        return right

    def public_key_auth_supported(self) -> bool:
        return self._server.authorized is not None

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        right = username == self._server.settings.username and key == self._server.authorized
        return self._judged(right=right and self._can_sign(key))

    def _can_sign(self, key: asyncssh.SSHKey) -> bool:
        """Whether a key has a signature that is accepted; it is verified by those alone."""
        algorithms = self._server.faults.find(SshAlgorithms)
        if algorithms is not None:
            accepted = algorithms.accept.encode().split(b",")
            key.all_sig_algorithms = set(key.all_sig_algorithms).intersection(accepted)
        return bool(key.all_sig_algorithms)

    def session_requested(self) -> asyncssh.SSHServerSession[bytes]:
        return _Session(self._server, self._peers, self._group)


class _Session(asyncssh.SSHServerProcess[bytes]):
    """One channel: a command, a shell or file transfer, in the guest."""

    def __init__(self, server: Server, peers: Mapping[str, str], group: asyncio.TaskGroup) -> None:
        self._guest = guest = server.guest
        self._faults = server.faults
        self._peers = peers
        self._group = group
        self._running: Process | None = None
        super().__init__(self._begin, _transfer(guest), 3, allow_scp=True)

    def subsystem_requested(self, subsystem: str) -> bool:
        return subsystem == "sftp"

    def session_started(self) -> None:
        if self._sftp_factory is not None and self._is_transfer():
            super().session_started()  # over files that are the guest's own, in this process's memory
            return
        stderr = asyncssh.SSHWriter[bytes](self, self.channel, asyncssh.EXTENDED_DATA_STDERR)
        stdin, stdout = asyncssh.SSHReader[bytes](self, self.channel), asyncssh.SSHWriter[bytes](self, self.channel)
        self._start_process(stdin, stdout, stderr)

    def _is_transfer(self) -> bool:
        return self.channel.get_subsystem() == "sftp" or (self.channel.get_command() or "").startswith("scp ")

    def signal_received(self, signal: str) -> None:
        if self._running:
            self._running.send_signal(signal)

    def break_received(self, msec: int) -> bool:  # noqa: ARG002 - asyncssh's signature
        return False

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        if self._running:
            self._running.resize(Terminal("", width, height, pixwidth, pixheight))

    def _begin(self, _: object) -> None:
        self._group.create_task(self._serve())

    def _command(self) -> Command:
        kind = self.channel.get_terminal_type()
        return Command(
            line=self.channel.get_command(),
            subsystem=self.channel.get_subsystem() or "",
            environment={**self.channel.get_environment(), **self._peers},
            terminal=Terminal(kind, *self.channel.get_terminal_size()) if kind is not None else None,
        )

    async def _serve(self) -> None:
        command = self._command()
        if self._faults.find(SessionHangs) and await self._hangs():
            return
        if self._faults.find(SessionCloses):
            self.close()
            return
        try:
            process = await self._guest.start(command)
        except UnavailableError as error:
            self.stderr.write(f"{error}\n".encode())
            self.exit(255)
            return
        self._running = process
        try:
            ending = await self._carry(process, terminal=command.terminal is not None)
        finally:
            self._running = None
            await process.close()
        if ending is not None and self._faults.find(NoExitStatus):
            self.close()
        elif ending is not None and ending.signal:
            self.exit_with_signal(ending.signal)
        elif ending is not None:
            self.exit(ending.exit_code)

    async def _hangs(self) -> bool:
        """Whether the client went while its session hung; false once the fault is gone."""
        while self._faults.find(SessionHangs):
            async with asyncio.TaskGroup() as group:
                gone = group.create_task(self.channel.wait_closed())
                news = group.create_task(self._faults.news.wait())
                await asyncio.wait({gone, news}, return_when=asyncio.FIRST_COMPLETED)
                is_gone = gone.done()
                for task in (gone, news):
                    task.cancel()
            if is_gone:
                return True
        return False

    async def _carry(self, process: Process, *, terminal: bool) -> Ending | None:
        """Carry bytes until the command has ended and all it said was sent; None when the client went first."""
        async with asyncio.TaskGroup() as group:
            done = group.create_task(self._output(process, terminal=terminal))
            gone = group.create_task(self.channel.wait_closed())
            feeding = group.create_task(self._feed(process))
            await asyncio.wait({done, gone}, return_when=asyncio.FIRST_COMPLETED)
            for task in (done, gone, feeding):
                task.cancel()
        return None if done.cancelled() else done.result()

    async def _output(self, process: Process, *, terminal: bool) -> Ending:
        async with asyncio.TaskGroup() as group:
            outputs = {
                group.create_task(_drain(process, "stdout", self.stdout)),
                group.create_task(_drain(process, "stderr", self.stderr)),
            }
            ending = await process.wait()
            await asyncio.wait(outputs, timeout=TERMINAL_PATIENCE if terminal else None)
            for task in outputs:
                task.cancel()
        return ending

    async def _feed(self, process: Process) -> None:
        with contextlib.suppress(asyncssh.Error, OSError):  # the client is gone, which `_carry` sees
            while data := await self.stdin.read(READ_BYTES):
                await process.write(data)
        await process.end_input()


async def _drain(process: Process, output: Output, writer: Any) -> None:
    while data := await process.read(output):
        try:
            writer.write(data)
            await writer.drain()
        except (OSError, asyncssh.Error):  # the client is gone
            return


def _transfer(guest: Guest) -> Any:
    """What serves SFTP and SCP over files in memory; None where the guest has a program of its own for it."""
    files = guest.files
    if files is None:
        return None
    from emulator.machines.ssh_files import MemorySftp

    return lambda channel: MemorySftp(channel, files)
