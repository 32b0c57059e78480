"""The steps of a build, frozen: what a template asks for, in its order, with every default spelled out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from emulator.model.ids import ResourceId
from emulator.model.world import System

DEFAULT_MINUTES = 240
"""What `buildTimeoutInMinutes: 0` stands for (azure.md 1.5)."""
RESTART_COMMAND = 'shutdown /r /f /t 0 /c "packer restart"'
RESTART_SECONDS = 300.0
UPDATE_LIMIT = 1000
SEARCH = "BrowseOnly=0 and IsInstalled=0"
OnError = Literal["cleanup", "abort"]


@dataclass(frozen=True, slots=True)
class Source:
    """Something that the service fetches before the build: where from, and the SHA-256 that it must have, if any."""

    uri: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Shell:
    """Commands, or a script, for the Linux build VM's shell."""

    place: str
    name: str
    inline: tuple[str, ...] = ()
    script: Source | None = None


@dataclass(frozen=True, slots=True)
class PowerShell:
    """Commands, or a script, for Windows' PowerShell."""

    place: str
    name: str
    inline: tuple[str, ...] = ()
    script: Source | None = None
    elevated: bool = False
    as_system: bool = False
    valid_exit_codes: tuple[int, ...] = (0,)


@dataclass(frozen=True, slots=True)
class File:
    """A file that is fetched by the service and uploaded."""

    place: str
    name: str
    source: Source
    destination: str


@dataclass(frozen=True, slots=True)
class WindowsRestart:
    """A restart of the Windows build VM; the limit in emulated seconds."""

    place: str
    name: str
    command: str = RESTART_COMMAND
    check_command: str = ""
    seconds: float = RESTART_SECONDS


@dataclass(frozen=True, slots=True)
class WindowsUpdate:
    """Windows updates by a search, filters and a limit."""

    place: str
    name: str
    search: str = SEARCH
    filters: tuple[str, ...] = ()
    limit: int = UPDATE_LIMIT


@dataclass(frozen=True, slots=True)
class Deprovision:
    """The hidden last customizer, which makes the machine an image (azure.md 1.6)."""

    system: System
    place: str = "(the service's own)"
    name: str = "deprovision"


Step = Shell | PowerShell | File | WindowsRestart | WindowsUpdate | Deprovision
PROVISIONERS: Mapping[type, str] = {
    Shell: "shell",
    PowerShell: "powershell",
    File: "file",
    WindowsRestart: "windows-restart",
    WindowsUpdate: "windows-update",
}
"""Packer's name for each (azure.md 1.6)."""


def provisioner(step: Step) -> str:
    """What Packer calls it."""
    if isinstance(step, Deprovision):
        return "shell" if step.system == "linux" else "powershell"
    return PROVISIONERS[type(step)]


def source_of(step: Step) -> Source | None:
    """What must be fetched before the step can be performed."""
    if isinstance(step, (Shell, PowerShell)):
        return step.script
    return step.source if isinstance(step, File) else None


@dataclass(frozen=True, slots=True)
class Output:
    """A target of the distribution: the name of its run output, its kind, and the image or blob that it names."""

    name: str
    kind: str
    target: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole build.

    Attributes:
        template: whose build it is.
        steps: the customizers in order, then the hidden one.
        validators: what runs on a fresh machine afterwards.
        on_customizer_error, on_validation_error: whether the build VM goes, or stays to be looked at.
        minutes: the limit of all of it.
        distribute_on_failure: whether the image is distributed although a validator failed.
    """

    template: ResourceId
    system: System
    steps: Sequence[Step]
    validators: Sequence[Step] = ()
    outputs: Sequence[Output] = ()
    on_customizer_error: OnError = "cleanup"
    on_validation_error: OnError = "cleanup"
    minutes: int = DEFAULT_MINUTES
    distribute_on_failure: bool = False

    @property
    def customizers(self) -> int:
        """How many the template itself has."""
        return sum(not isinstance(each, Deprovision) for each in self.steps)
