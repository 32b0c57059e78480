"""A proxy VM as an SSH server that forwards: `ssh -J`, Packer's `ssh_bastion_*` (asyncssh's third door).

It opens connections to what its clients name, and nothing else: no shell, no files, no forwarding back.
"""

import asyncio
import contextlib
import hmac
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import asyncssh
from asyncssh.stream import SSHTCPStreamSession

from emulator.errors import InvalidInputError
from emulator.machines.ssh import OPTIONS

Reached = Callable[[str, int], Coroutine[Any, Any, socket.socket | None]]
READ_BYTES = 256 * 1024


class Jump:
    """The SSH server; each of its connections serves one client."""

    def __init__(self, username: str, password: str, authorized_key: str) -> None:
        self.username = username
        self.password = password
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")
        try:
            self.authorized = asyncssh.import_public_key(authorized_key) if authorized_key else None
        except asyncssh.KeyImportError as error:
            raise InvalidInputError(f"credentials: the key of the account: {error}") from None

    async def __call__(self, connection: socket.socket, reached: Reached) -> None:
        """Serve a connection, which stays the caller's to close, until it ends."""
        try:
            served = await asyncssh.run_server(
                connection.dup(),
                server_factory=lambda: _Account(self, reached),
                server_host_keys=[self._host_key],
                **{**OPTIONS, "server_version": "AIB_proxy_VM", "allow_pty": False},
            )
        except (OSError, asyncssh.Error):
            return  # who does not log in has nothing to be told
        try:
            await served.wait_closed()
        finally:
            served.abort()
            await served.wait_closed()


class _Account(asyncssh.SSHServer):
    """Who may log in, and where to."""

    def __init__(self, jump: Jump, reached: Reached) -> None:
        self._jump = jump
        self._reached = reached

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - asyncssh's signature
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        right_name = hmac.compare_digest(username.encode(), self._jump.username.encode())
        return hmac.compare_digest(password.encode(), self._jump.password.encode()) and right_name

    def public_key_auth_supported(self) -> bool:
        return self._jump.authorized is not None

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == self._jump.username and key == self._jump.authorized

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> Any:  # noqa: ARG002
        return self._open(dest_host, dest_port)

    async def _open(self, host: str, port: int) -> SSHTCPStreamSession[bytes]:
        near = await self._reached(host, port)
        if near is None:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, f"{host}:{port} is not to be had")

        async def carry(reader: Any, writer: Any) -> None:
            with near:
                await _both_ways(near, reader, writer)

        return SSHTCPStreamSession(carry)


async def _both_ways(near: socket.socket, reader: Any, writer: Any) -> None:
    """Carry bytes between a channel and a socket until both have ended."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_in(near, reader))
        group.create_task(_out(near, writer))


async def _in(near: socket.socket, reader: Any) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError, asyncssh.Error):
        while data := await reader.read(READ_BYTES):
            await loop.sock_sendall(near, data)
    with contextlib.suppress(OSError):
        near.shutdown(socket.SHUT_WR)


async def _out(near: socket.socket, writer: Any) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError, asyncssh.Error):
        while data := await loop.sock_recv(near, READ_BYTES):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError, asyncssh.Error):
        writer.close()
