"""Which files of the build VM a build made or changed: an embedded machine's artifact, for it makes no disk.

Asked over the build's own connection, before the first step and after the last. Where the machine cannot say (the
built-in guest knows no `find`) nothing is said.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emulator.build.communicator import Collected, Communicator, powershell_line
from emulator.errors import PeerError
from emulator.model.world import System

MARK = "/tmp/.aib-emulator-build-"  # noqa: S108 - the build VM's
FIND = (
    "find / /usr /var/lib/dpkg -xdev '(' -path /proc -o -path /sys -o -path /dev -o -path /run ')' -prune -o "
    "{others} '(' -type f -o -type l ')' -cnewer {mark} ! -path {mark} -print"
)
"""By the time of the last change to anything of a file, which no program can set back; two folders may be mounts."""
IN_SANDBOX = "grep -q '^guest / tmpfs ' /proc/mounts && echo sandbox; true"
OTHERS = "-path '/usr/*/*/*/*' -type d ! -cnewer {mark} -prune -o"
"""In a sandbox folders so deep are the machine's, in which its guest cannot write, or were made since."""
LIST = (
    "Get-ChildItem -Path C:\\ -Recurse -File | ForEach-Object "
    "{ Write-Output ('{0}|{1}' -f $_.FullName, (Get-FileHash $_.FullName).Hash) }"
)


@dataclass(frozen=True, slots=True)
class Before:
    """What the machine was like: on Linux a file that is older than every change, on Windows every file's hash.

    Attributes:
        others: what `find` need not look into.
    """

    system: System
    mark: str = ""
    others: str = ""
    files: Mapping[str, str] | None = None


def _nothing(_: bytes, __: bool) -> None:  # noqa: FBT001 - the form that channels call
    """What is said is of no interest."""


async def before(over: Communicator, system: System) -> Before | None:
    """What the machine is like before the build; None where it cannot say."""
    try:
        if system == "windows":
            files = await _listed(over)
            return None if files is None else Before(system, files=files)
        mark = MARK + secrets.token_hex(8)
        made = await over.run(f"touch {mark}", _nothing) == 0
        heard = Collected([])
        await over.run(IN_SANDBOX, heard)
    except PeerError:
        return None  # the steps that follow find out, and say so
    others = OTHERS.format(mark=mark) if heard.text == "sandbox\n" else ""
    return Before(system, mark, others) if made else None


async def since(over: Communicator, found: Before) -> Sequence[str] | None:
    """The files that were made or changed since, by name; None where the machine cannot say."""
    try:
        return await _since(over, found)
    except PeerError:
        return None  # the machine may go with its last step: what it did is done


async def _since(over: Communicator, found: Before) -> Sequence[str] | None:
    if found.system == "windows":
        after = await _listed(over)
        old = found.files or {}
        return None if after is None else sorted(name for name, sum_ in after.items() if old.get(name) != sum_)
    heard = Collected([])
    code = await over.run(FIND.format(mark=found.mark, others=found.others), heard)
    await over.run(f"rm -f {found.mark}", _nothing)
    # A folder that nobody may read makes `find` end with 1, and says nothing of the others.
    return sorted(set(heard.text.splitlines())) if code in (0, 1) else None


async def _listed(over: Communicator) -> Mapping[str, str] | None:
    heard = Collected([])
    if await over.run(powershell_line(LIST), heard) != 0:
        return None
    pairs = (line.rpartition("|") for line in heard.text.splitlines() if "|" in line)
    return {name: digest for name, _, digest in pairs}
