"""Scripts that clients themselves send, known by their whole text and played natively.

Each template is a client's own; what differs from call to call is captured. The README says that these are emulated,
not executed.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emulator.machines.winguest.values import Value

if TYPE_CHECKING:
    from emulator.machines.winguest.engine import Emit, Engine


async def nothing() -> AsyncIterator[Value]:
    """No input."""
    return
    yield None


@dataclass(frozen=True, slots=True)
class Given:
    """What a recognised script is run with.

    Attributes:
        engine: whose session and streams it uses.
        emit: takes what it writes.
        arguments: by position.
        named: by name in lower case.
        inputs: what comes through the pipeline, as it comes.
    """

    engine: "Engine"
    emit: "Emit"
    arguments: Sequence[Value] = ()
    named: dict[str, Value] = field(default_factory=dict)
    inputs: AsyncIterator[Value] = field(default_factory=nothing)


Play = Callable[[Given], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Recognised:
    """A client's script, and what plays it; its exit code.

    What is only known to be played once it runs, since it reads what to do, is `is_decided_late`.
    """

    name: str
    play: Play
    is_decided_late: bool = False


Recogniser = Callable[[str], Recognised | None]


def find(script: str) -> Recognised | None:
    """The client's script that this is, or None."""
    from emulator.machines.winguest import (
        recognise_ansible,
        recognise_build,
        recognise_evil_winrm,
        recognise_packer,
        recognise_pypsrp,
    )

    recognisers: Sequence[Recogniser] = (
        recognise_packer.find,
        recognise_build.find,
        recognise_pypsrp.find,
        recognise_ansible.find,
        recognise_evil_winrm.find,
    )
    return next((found for recognise in recognisers if (found := recognise(script)) is not None), None)


def flattened(script: str) -> str:
    """A script without white space around its lines, and without empty ones."""
    return "\n".join(line.strip() for line in script.splitlines() if line.strip())


def template(text: str) -> re.Pattern[str]:
    """What a flattened script is compared with, whole.

    `<<name>>` stands for what differs, and `<<?text>>` may be absent.
    """
    parts = re.split(r"<<(.*?)>>", flattened(text))
    made = [
        re.escape(part)
        if number % 2 == 0
        else f"(?:{re.escape(part[1:])})?"
        if part[0] == "?"
        else f"(?P<{part}>.*?)"
        for number, part in enumerate(parts)
    ]
    return re.compile("".join(made), re.DOTALL)


def digest(script: str) -> str:
    """What a script without parts that differ is known by: its text without comments and white space at line ends."""
    lines = [line.strip() for line in re.sub(r"<#.*?#>", "", script, flags=re.DOTALL).splitlines()]
    kept = "\n".join(line for line in lines if line and not line.startswith("#"))
    return hashlib.sha256(kept.encode()).hexdigest()[:32]
