"""A Windows build VM: WinRM over HTTPS with a self-signed certificate, and a command host behind it."""

import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

from emulator.clock import wall_time
from emulator.errors import PeerError
from emulator.machines.settings import MachineSettings
from emulator.machines.winrm import certificate
from emulator.machines.winrm.auth import Account
from emulator.machines.winrm.builtin import BuiltinHost
from emulator.machines.winrm.http import FrontEnd
from emulator.machines.winrm.service import WsmanService
from emulator.net import hop_header
from emulator.net.listener import listening
from emulator.observe import Observation, Observer


@dataclass(frozen=True, slots=True)
class _Door:
    """Takes connections: the hop header first where a hop dials, then TLS."""

    settings: MachineSettings
    front_end: FrontEnd
    observer: Observer

    async def serve(self, connection: socket.socket) -> None:
        """Serve one connection; whatever its peer does, it ends with an observation at most."""
        try:
            peer = ":".join(str(part) for part in connection.getpeername()[:2])
            if not await self._has_good_header(connection, peer):
                return
            await self.front_end.serve(connection)
        except PeerError as error:
            self._observe("HandshakeFailed", f"{self.settings.name} closed a connection from {peer}: {error}", peer)
        except OSError:
            return  # the peer was gone before it said anything

    async def _has_good_header(self, connection: socket.socket, peer: str) -> bool:
        if peer.rpartition(":")[0] not in self.settings.hops:
            return True
        try:
            await hop_header.receive(connection, bytes.fromhex(self.settings.hop_key))
        except PeerError as error:
            self._observe("HopHeaderRefused", f"{self.settings.name} closed a connection from {peer}: {error}", peer)
            return False
        return True

    def _observe(self, event: str, sentence: str, peer: str) -> None:
        self.observer(Observation(wall_time(), event, self.settings.name, sentence, {"client": peer}))


@contextlib.asynccontextmanager
async def serving(settings: MachineSettings, bound: socket.socket, observer: Observer) -> AsyncIterator[str]:
    """Serve WinRM on `bound` until the body ends; yields a line about what runs its commands.

    Raises:
        UnavailableError: the certificate cannot be kept in the settings' folder.
    """

    def answered(host: str, exit_code: int) -> None:
        sentence = f"{settings.name} answered a command by its {host}, exit code {exit_code}"
        data: dict[str, str | int | float | bool] = {"host": host, "exit_code": exit_code}
        observer(Observation(wall_time(), "CommandAnswered", settings.name, sentence, data))

    tls, bindings = certificate.context(settings.name, settings.folder)
    host = BuiltinHost(settings)
    service = WsmanService(settings.name.upper(), (host,), answered)
    account = Account(settings.username, settings.password, settings.name, bindings)
    door = _Door(settings, FrontEnd(service, account, tls), observer)
    try:
        async with listening(door.serve, bound) as listener:
            listener.listen()
            yield host.name
    finally:
        service.shells.close_all()
