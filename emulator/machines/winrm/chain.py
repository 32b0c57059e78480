"""The chain of command hosts: exact recognisers, pwsh, wine's cmd, the built-in host, which refuses what it must.

pwsh and wine take part where settings name them, the machine has them, and a sandbox starts for them; else not, and
what is reported says why.
"""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from emulator.errors import UnavailableError
from emulator.machines.sandbox.host import sandbox
from emulator.machines.settings import HostChoice, MachineSettings
from emulator.machines.winguest.computer import Computer
from emulator.machines.winrm.builtin import BuiltinHost, RecognisingHost
from emulator.machines.winrm.command_host import CommandHost
from emulator.machines.winrm.sandboxed import WINE_DRIVE, PwshHost, Runner, WineHost, wine
from emulator.machines.winrm.shared_drive import SharedDrive

PROGRAM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib")
"""Where programs are that every sandbox has."""
SIZES = {"pwsh": 1 << 30, "wine": 2 << 30}
"""What a sandbox may write, in memory; wine's own folders take 0.7 GiB of it."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The hosts in their order, and a line about them."""

    hosts: tuple[CommandHost, ...]
    detail: str


@dataclass(frozen=True, slots=True)
class Found:
    """Where a host's program is, and the folder that a sandbox must show for it besides its own; or why not."""

    program: str = ""
    extras: tuple[str, ...] = ()
    lacking: str = ""


def find(choice: HostChoice, pwsh: str = "") -> Found:
    """Where a host's program is on this machine."""
    path = pwsh if choice == "pwsh" and pwsh else shutil.which(choice) or ""
    if not path or not os.access(path, os.X_OK) or not Path(path).is_file():
        return Found(lacking=f"there is no {pwsh or choice} on this machine that can be run")
    program = Path(path).resolve()
    inside = any(program.is_relative_to(folder) for folder in PROGRAM_FOLDERS)
    return Found(str(program), () if inside else (str(program.parent),))


@contextlib.asynccontextmanager
async def chain(settings: MachineSettings, computer: Computer, group: asyncio.TaskGroup) -> AsyncIterator[Chain]:
    """The hosts that the settings ask for, as far as this machine has them, until the body ends."""
    builtin = BuiltinHost(computer, group)
    hosts: list[CommandHost] = [RecognisingHost(builtin, computer)]
    absent: list[str] = []
    async with contextlib.AsyncExitStack() as stack:
        for choice in settings.hosts:
            try:
                hosts.append(await stack.enter_async_context(_sandboxed(choice, settings, computer, group)))
            except UnavailableError as error:
                absent.append(f"no {choice}: {error}")
        hosts.append(builtin)
        names = ", then ".join(host.name for host in hosts)
        yield Chain(tuple(hosts), "; ".join([names, *absent]))


@contextlib.asynccontextmanager
async def _sandboxed(
    choice: HostChoice, settings: MachineSettings, computer: Computer, group: asyncio.TaskGroup
) -> AsyncIterator[CommandHost]:
    """One host in a sandbox of its own.

    Raises:
        UnavailableError: its program is not here, or a sandbox does not start.
    """
    found = find(choice, settings.pwsh)
    if found.lacking:
        raise UnavailableError(found.lacking)
    size = SIZES[choice] + computer.drive.size_bytes
    starting = sandbox(hostname=settings.name, username=settings.username, size_bytes=size, extras=found.extras)
    async with contextlib.AsyncExitStack() as stack:
        guest = await stack.enter_async_context(starting)
        if choice == "wine":
            await stack.enter_async_context(wine(guest, computer.environment["TEMP"]))
        shared = SharedDrive(computer.drive, guest, WINE_DRIVE if choice == "wine" else "/c")
        await shared.prepare()
        runner = Runner(computer, group, guest, shared)
        yield WineHost(runner) if choice == "wine" else PwshHost(found.program, runner)


async def lacking(choice: HostChoice, pwsh: str = "") -> str | None:
    """None where a host can take part on this machine, else why not; it is tried."""
    found = find(choice, pwsh)
    if found.lacking:
        return found.lacking
    try:
        async with sandbox(hostname="probe", username="packer", size_bytes=1 << 24, extras=found.extras):
            return None
    except UnavailableError as error:
        return str(error)
