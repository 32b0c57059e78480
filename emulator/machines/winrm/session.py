"""What one command line of the built-in host works with: the machine's identity, its drive, and variables."""

from collections.abc import Callable
from dataclasses import dataclass, field

from emulator.machines.settings import MachineSettings
from emulator.machines.winrm.drive import Drive

WINDOWS_VERSION = "10.0.20348.2402"
"""Windows Server 2022, the marketplace image that Image Builder's documentation builds from."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a command wrote and returned; `ends` says that the rest of the line does not run."""

    stdout: str = ""
    stderr: str = ""
    exit_code: int = 0
    ends: bool = False


@dataclass(slots=True)
class Session:
    """One `cmd /c`: variables and directory change for its own line only.

    Attributes:
        computer: the computer's name, in capitals.
        user: the account that logged in.
        address: the machine's address in Azure.
        drive: its files.
        directory: the current directory.
        environment: variables by name, as written.
    """

    computer: str
    user: str
    address: str
    drive: Drive
    directory: str
    environment: dict[str, str] = field(default_factory=dict)

    def variable(self, name: str) -> str | None:
        """A variable's value; names are compared without case."""
        return next((value for key, value in self.environment.items() if key.upper() == name.upper()), None)

    def assign(self, name: str, value: str) -> None:
        """Set a variable, or remove it with an empty value."""
        key = next((key for key in self.environment if key.upper() == name.upper()), name)
        self.environment.pop(key, None)
        if value:
            self.environment[key] = value


Action = Callable[[Session], Result]
"""A command that was understood, and has not run."""


def open_session(settings: MachineSettings) -> Session:
    """A fresh session on the machine."""
    drive = Drive(settings.username)
    computer = settings.name.upper()
    environment = {
        "COMPUTERNAME": computer,
        "ComSpec": r"C:\Windows\system32\cmd.exe",
        "OS": "Windows_NT",
        "Path": r"C:\Windows\system32;C:\Windows;C:\Windows\System32\WindowsPowerShell\v1.0",
        "PATHEXT": ".COM;.EXE;.BAT;.CMD",
        "PROCESSOR_ARCHITECTURE": "AMD64",
        "ProgramFiles": r"C:\Program Files",
        "PROMPT": "$P$G",
        "SystemDrive": "C:",
        "SystemRoot": r"C:\Windows",
        "TEMP": rf"{drive.home}\AppData\Local\Temp",
        "TMP": rf"{drive.home}\AppData\Local\Temp",
        "USERDOMAIN": computer,
        "USERNAME": settings.username,
        "USERPROFILE": drive.home,
        "windir": r"C:\Windows",
    }
    return Session(computer, settings.username, settings.address, drive, drive.home, environment)
