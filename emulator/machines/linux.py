"""The Linux build VM: SSH in front, a guest behind, on a socket that somebody else bound."""

import asyncio
import contextlib
import importlib
import socket
from collections.abc import AsyncIterator

from emulator.clock import wall_time
from emulator.errors import PeerError, UnavailableError
from emulator.machines.faults import MachineFaults
from emulator.machines.guest import Guest
from emulator.machines.sandbox.host import WayOut, sandbox
from emulator.machines.settings import MachineSettings
from emulator.net import hop_header
from emulator.net.listener import listening
from emulator.observe import Observation, Observer

SSH_PORT = 22


@contextlib.asynccontextmanager
async def serving(
    settings: MachineSettings,
    bound: socket.socket,
    observer: Observer,
    faults: MachineFaults | None = None,
    outlet: socket.socket | None = None,
) -> AsyncIterator[str]:
    """Serve SSH on `bound` until the body ends, under these faults; yields which guest runs the commands, in a line.

    `outlet` leads to whoever decides on the guest's own connections; without it, it has none.

    Raises:
        UnavailableError: the guest that was asked for cannot start; the message names the step.
        InvalidInputError: a setting is wrong.
    """
    loop = asyncio.get_running_loop()
    loading = loop.run_in_executor(None, importlib.import_module, "emulator.machines.ssh")
    async with _guest(settings, outlet) as guest:
        await loading  # it takes as long as the guest, and a second processor
        door = _Door(settings, guest, observer, faults or MachineFaults())
        async with listening(door.admit, bound) as listener:
            listener.listen()
            yield guest.detail


@contextlib.asynccontextmanager
async def _guest(settings: MachineSettings, outlet: socket.socket | None) -> AsyncIterator[Guest]:
    """The guest that was asked for; `auto` is the sandbox, or else the built-in one, which says why."""
    async with contextlib.AsyncExitStack() as stack:
        reason = ""
        if settings.guest != "builtin":
            try:
                way_out = WayOut(settings.network, outlet) if settings.network and outlet else None
                starting = sandbox(hostname=settings.name, username=settings.username, way_out=way_out)
                guest: Guest = await stack.enter_async_context(starting)
            except UnavailableError as error:
                if settings.guest == "sandbox":
                    raise
                reason = str(error)
            else:
                yield guest
                return
        from emulator.machines.builtin.guest import BuiltinGuest

        yield BuiltinGuest(hostname=settings.name, username=settings.username, reason=reason)


class _Door:
    """Admits connections: from a hop by its header, from anyone else as they come."""

    def __init__(self, settings: MachineSettings, guest: Guest, observer: Observer, faults: MachineFaults) -> None:
        from emulator.machines import ssh

        self._ssh = ssh
        self._server = ssh.prepare(settings, guest, faults)
        self._settings = settings
        self._observer = observer
        self._key = bytes.fromhex(settings.hop_key)

    async def admit(self, connection: socket.socket) -> None:
        """Serve one connection; what a peer does wrong is observed, not raised."""
        try:
            peer = connection.getpeername()[:2]
        except OSError:  # gone before we looked
            return
        client = f"{peer[0]}:{peer[1]}"
        try:
            source, port, flow = await self._source(connection, peer)
        except (PeerError, OSError) as error:
            self._observe("HopHeaderRefused", f"{client} is no hop: {error}", client=client)
            return
        address = self._settings.address
        peers = {
            "SSH_CLIENT": f"{source} {port} {SSH_PORT}",
            "SSH_CONNECTION": f"{source} {port} {address} {SSH_PORT}",
        }
        try:
            await self._ssh.serve(self._server, connection, peers)
        except* self._ssh.Refused as group:
            reason = group.exceptions[0]
            self._observe("LoginFailed", f"{client} did not log in: {reason}", client=client, flow=flow)

    async def _source(self, connection: socket.socket, peer: tuple[str, int]) -> tuple[str, int, str]:
        """Azure's address and port of the source, and the flow's name, from the hop's header if a hop dialled."""
        if peer[0] not in self._settings.hops:
            return peer[0], peer[1], ""
        header = await hop_header.receive(connection, self._key)
        return str(header.addresses.source), header.addresses.source_port, header.flow

    def _observe(self, event: str, sentence: str, **data: str) -> None:
        name = self._settings.name
        self._observer(Observation(wall_time(), event, name, sentence, dict(data)))
