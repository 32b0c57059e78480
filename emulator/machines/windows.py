"""A Windows build VM: WinRM over HTTPS with a self-signed certificate, and a command host behind it."""

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from emulator.clock import wall_time
from emulator.errors import InvalidInputError, PeerError, UnavailableError
from emulator.machines.faults import MachineFaults
from emulator.machines.outside.reach import Reach, by_itself
from emulator.machines.power import Power
from emulator.machines.settings import MachineSettings
from emulator.machines.winguest.computer import Computer
from emulator.machines.winrm import certificate
from emulator.machines.winrm.auth import Account
from emulator.machines.winrm.chain import chain
from emulator.machines.winrm.cmd_shell import CmdShells
from emulator.machines.winrm.command_host import Host
from emulator.machines.winrm.http import FrontEnd
from emulator.machines.winrm.psrp import PsrpShells
from emulator.machines.winrm.service import WsmanService
from emulator.net import hop_header
from emulator.net.listener import Listener, bind, listening
from emulator.observe import Observation, Observer
from emulator.rules.faults.guest_kinds import WinrmPlaintext
from emulator.wire.wsman import names


@dataclass(frozen=True, slots=True)
class _Door:
    """Takes connections: the hop header first where a hop dials, then TLS."""

    settings: MachineSettings
    front_end: FrontEnd
    observer: Observer
    faults: MachineFaults
    is_tls: bool = True

    async def serve(self, connection: socket.socket) -> None:
        """Serve one connection; whatever its peer does, it ends with an observation at most."""
        try:
            peer = ":".join(str(part) for part in connection.getpeername()[:2])
            if not await self._has_good_header(connection, peer):
                return
            plain = self.faults.find(WinrmPlaintext) is not None
            await self.front_end.serve(connection, is_tls=self.is_tls and not plain)
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
async def serving(
    settings: MachineSettings,
    bound: socket.socket,
    observer: Observer,
    faults: MachineFaults | None = None,
    outlet: socket.socket | None = None,
    *,
    is_contained: bool = False,
) -> AsyncIterator[str]:
    """Serve WinRM on `bound` until the body ends, under these faults; yields a line about the hosts.

    `outlet` leads to whoever decides on the machine's own connections; without it, it has none, unless it
    `is_contained`: then the network of this process is the build VM's.

    Raises:
        InvalidInputError: a setting of WinRM is wrong, or names a file that is.
        UnavailableError: the certificate cannot be kept in the settings' folder, or a port is taken.
    """
    winrm = settings.winrm
    identity = certificate.identity(
        settings.name, settings.folder, own=winrm.certificate, clients=winrm.client_certificates
    )
    teller = _Teller(settings.name, observer)
    async with contextlib.AsyncExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aib-emulator-drive-")))
        group = await stack.enter_async_context(asyncio.TaskGroup())
        power = Power(silent=winrm.restart_silent, refused=winrm.restart_refused, tell=teller.tell)
        computer = Computer(settings, root, power.ask)
        stack.callback(computer.restarts.close)
        if outlet is not None:
            computer.reach = stack.enter_context(contextlib.closing(Reach(outlet))).ask
        elif is_contained:
            computer.reach = by_itself
        commands = await stack.enter_async_context(chain(settings, computer, group))
        hosts: dict[str, Host] = {names.CMD_RESOURCE: CmdShells(commands.hosts)}
        hosts |= dict.fromkeys(names.PSRP_RESOURCES, PsrpShells(computer, group))
        service = WsmanService(settings.name.upper(), hosts, teller.answered, winrm)
        stack.callback(service.shells.close_all)
        faults = faults or MachineFaults()
        account = Account(settings, identity, faults)
        faults.changed.append(account.follow)
        front_end = FrontEnd(service, account, faults)
        listeners: list[Listener] = []
        for door, listening_socket in _doors(_Door(settings, front_end, observer, faults), bound):
            listeners.append(await stack.enter_async_context(listening(door.serve, listening_socket)))
            listeners[-1].listen()
        lifecycle = power.run(listeners, forget=service.shells.close_all, started=computer.restarts.is_up_again)
        stack.callback(group.create_task(lifecycle).cancel)
        yield commands.detail


@dataclass(frozen=True, slots=True)
class _Teller:
    """Makes observations of what a machine does."""

    name: str
    observer: Observer

    def answered(self, host: str, exit_code: int) -> None:
        """A command ended."""
        sentence = f"{self.name} answered a command by its {host}, exit code {exit_code}"
        data: dict[str, str | int | float | bool] = {"host": host, "exit_code": exit_code}
        self.observer(Observation(wall_time(), "CommandAnswered", self.name, sentence, data))

    def tell(self, event: str, sentence: str) -> None:
        """Something else happened."""
        self.observer(Observation(wall_time(), event, self.name, f"{self.name}: {sentence}", {}))


def _doors(door: _Door, bound: socket.socket) -> Iterator[tuple[_Door, socket.socket]]:
    """What listens: HTTPS always, HTTP where it is asked for."""
    settings = door.settings
    yield door, bound
    if settings.winrm.http:
        host, _, port = settings.winrm.http.rpartition(":")
        if not (host and port.isascii() and port.isdigit() and int(port) < 65536):
            raise InvalidInputError(f"winrm.http: found {settings.winrm.http!r}, expected HOST:PORT")
        try:
            plain = bind(host, int(port))
        except OSError as error:
            raise UnavailableError(f"winrm.http: {settings.winrm.http} cannot be had: {error.strerror}") from None
        yield replace(door, is_tls=False), plain
