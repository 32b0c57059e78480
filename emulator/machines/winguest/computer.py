"""What a Windows machine has besides files: a registry, services, features, variables and processes, as data."""

import contextlib
import itertools
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from emulator.machines.outside.reach import Reached
from emulator.machines.settings import MachineSettings
from emulator.machines.winguest.drive import Drive
from emulator.machines.winguest.restarts import Restarts

WINDOWS_VERSION = "10.0.20348.2402"
"""Windows Server 2022, the marketplace image that Image Builder's documentation builds from."""
_NT = r"HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion"


SETUP_STATE = r"HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Setup\State"
GENERALIZED = "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE"
"""What Setup's state is once sysprep has run.

https://learn.microsoft.com/windows-hardware/manufacture/desktop/windows-setup-states
"""


@dataclass(slots=True)
class Service:
    """A Windows service; state that commands change, and nothing behind it."""

    name: str
    display_name: str
    is_running: bool = True
    start_type: str = "Automatic"


@dataclass(slots=True)
class Key:
    """A registry key: its path as it is written, its values and their types."""

    path: str
    values: dict[str, object] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunningProgram:
    """A row of the process table."""

    pid: int
    name: str
    parent: int


SERVICES = (
    ("WinRM", "Windows Remote Management (WS-Management)"),
    ("W32Time", "Windows Time"),
    ("Spooler", "Print Spooler"),
    ("wuauserv", "Windows Update"),
    ("BITS", "Background Intelligent Transfer Service"),
    ("TermService", "Remote Desktop Services"),
    ("WindowsAzureGuestAgent", "Windows Azure Guest Agent"),
    ("RdAgent", "RdAgent"),
    ("EventLog", "Windows Event Log"),
    ("Schedule", "Task Scheduler"),
)
FEATURES = {
    "Web-Server": "Web Server (IIS)",
    "Web-Mgmt-Console": "IIS Management Console",
    "NET-Framework-45-Core": ".NET Framework 4.8",
    "Containers": "Containers",
    "Hyper-V": "Hyper-V",
    "DNS": "DNS Server",
    "FS-FileServer": "File Server",
    "Telnet-Client": "Telnet Client",
    "RSAT": "Remote Server Administration Tools",
    "IIS-WebServerRole": "Internet Information Services",
    "IIS-WebServer": "World Wide Web Services",
    "Microsoft-Hyper-V": "Hyper-V",
}
"""Roles and optional features that can be marked as installed."""


class Computer:
    """One machine; `go_down` is called when it is to restart."""

    def __init__(self, settings: MachineSettings, root: Path, go_down: Callable[[], None]) -> None:
        self.name = settings.name.upper()
        self.user = settings.username
        self.address = settings.address
        self.drive = Drive(root, settings.username, settings.drive_megabytes << 20)
        self.restarts = Restarts(go_down)
        self.services = {name.casefold(): Service(name, title) for name, title in SERVICES}
        self.features: set[str] = set()
        self.registry: dict[str, Key] = {}
        self.processes = Processes()
        self.machine_variables: dict[str, str] = {}
        self.reach: Callable[[str, int], Awaitable[Reached]] | None = None
        self._fill_registry()

    def _fill_registry(self) -> None:
        self.make_key(SETUP_STATE).values = {"ImageState": "IMAGE_STATE_COMPLETE"}
        version = self.make_key(_NT)
        version.values = {"ProductName": "Windows Server 2022 Datacenter", "CurrentBuild": "20348", "UBR": 2402}
        for path in (
            r"HKLM:\SOFTWARE\Policies\Microsoft\Windows",
            r"HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Run",
            r"HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System",
            r"HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager\Environment",
            r"HKLM:\SYSTEM\CurrentControlSet\Services",
            r"HKCU:\Software\Microsoft\Windows\CurrentVersion",
        ):
            self.make_key(path)

    def key(self, path: str) -> Key | None:
        """The registry key of that path."""
        return self.registry.get(path.rstrip("\\").casefold())

    def make_key(self, path: str) -> Key:
        """Make a registry key, and those above it."""
        path = path.rstrip("\\")
        above = path.rpartition("\\")[0]
        if above:
            self.make_key(above)
        return self.registry.setdefault(path.casefold(), Key(path))

    def remove_key(self, path: str) -> None:
        """Forget a key and those below it."""
        folded = path.rstrip("\\").casefold()
        for known in [key for key in self.registry if key == folded or key.startswith(f"{folded}\\")]:
            del self.registry[known]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that a process starts with."""
        home = self.drive.home
        return {
            "ALLUSERSPROFILE": r"C:\ProgramData",
            "APPDATA": rf"{home}\AppData\Roaming",
            "COMPUTERNAME": self.name,
            "ComSpec": r"C:\Windows\system32\cmd.exe",
            "LOCALAPPDATA": rf"{home}\AppData\Local",
            "OS": "Windows_NT",
            "Path": r"C:\Windows\system32;C:\Windows;C:\Windows\System32\WindowsPowerShell\v1.0",
            "PATHEXT": ".COM;.EXE;.BAT;.CMD",
            "PROCESSOR_ARCHITECTURE": "AMD64",
            "ProgramData": r"C:\ProgramData",
            "ProgramFiles": r"C:\Program Files",
            "PROMPT": "$P$G",
            "PSModulePath": r"C:\Program Files\WindowsPowerShell\Modules",
            "PUBLIC": r"C:\Users\Public",
            "SystemDrive": "C:",
            "SystemRoot": r"C:\Windows",
            "TEMP": rf"{home}\AppData\Local\Temp",
            "TMP": rf"{home}\AppData\Local\Temp",
            "USERDOMAIN": self.name,
            "USERNAME": self.user,
            "USERPROFILE": home,
            "windir": r"C:\Windows",
            **self.machine_variables,
        }


class Processes:
    """The process table: what runs in the guest just now."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1200, 4)
        self.table: dict[int, RunningProgram] = {
            4: RunningProgram(4, "System", 0),
            612: RunningProgram(612, "services.exe", 4),
            880: RunningProgram(880, "svchost.exe", 612),
        }

    @contextlib.contextmanager
    def running(self, name: str, parent: int = 880) -> Iterator[int]:
        """Something runs within the block; its process ID."""
        pid = next(self._numbers)
        self.table[pid] = RunningProgram(pid, name, parent)
        try:
            yield pid
        finally:
            self.table.pop(pid, None)
