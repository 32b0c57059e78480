"""The commands of a pipeline: understood before any of them runs, chained, their streams merged; a part of the door.

MS-PSRP 2.2.3.12 has a command's fields, and .NET's `Command.MergeMyResults` what they may be: errors go to the output
or nowhere else but where they belong, the other streams to the output or to nothing.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from psrpcore import Command, GetMetadata, PowerShell
from psrpcore.types import HostInfo, PipelineResultTypes

from emulator.errors import PeerError
from emulator.machines.winguest import commands, powershell_exe, redirections
from emulator.machines.winguest.engine import Emit, Engine
from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.recognisers import Given, Recognised
from emulator.machines.winguest.tree import Block, Redirection, Variable
from emulator.machines.winguest.values import Script, Value
from emulator.machines.winrm.psrp_values import from_wire

Inputs = Callable[[], AsyncIterator[Value]]
"""What the client sends into the pipeline."""
_MERGED = {
    "2": "merge_error",
    "3": "merge_warning",
    "4": "merge_verbose",
    "5": "merge_debug",
    "6": "merge_information",
}
"""Streams by number, and what says where they go."""


@dataclass(frozen=True, slots=True)
class Known:
    """A command that was understood; its script is None where it is named."""

    command: Any
    script: Block | Recognised | None
    merged: tuple[Redirection, ...]

    @property
    def merges_before(self) -> bool:
        """Whether errors of the commands before it come to it."""
        return bool(self.command.merge_unclaimed)


def check(metadata: Any) -> None:
    """Refuse what is no pipeline, before anything is made of it: psrpcore takes values of any type.

    Raises:
        PeerError: naming the part.
    """
    if isinstance(metadata, GetMetadata):
        if not isinstance(metadata.name, list):
            raise PeerError("the names of commands are no list")
        return
    held: Any = metadata.commands if isinstance(metadata, PowerShell) else None
    if not isinstance(held, list) or not held:
        raise PeerError("a pipeline without commands")
    host: Any = metadata.host
    if not isinstance(host, HostInfo | None):
        raise PeerError("a pipeline's host is none")
    for command in held:
        _check(command)


def _check(command: Any) -> None:
    if not isinstance(command, Command) or not isinstance(command.command_text, str):
        raise PeerError("a command without a text")
    for name, value in command.parameters:
        if not isinstance(name, str | None):
            raise PeerError("a parameter whose name is no text")
        from_wire(value)


def understood(engine: Engine, metadata: Any) -> list[list[Known]]:
    """A pipeline's statements, each a chain of commands.

    Raises:
        NotUnderstoodError: one of the commands is not played, or merges what cannot be merged.
    """
    chains: list[list[Known]] = [[]]
    for command in metadata.commands:
        chains[-1].append(Known(command, _script(engine, command), merging(command)))
        if command.end_of_statement:
            chains.append([])
    return [chain for chain in chains if chain]


def _script(engine: Engine, command: Any) -> Block | Recognised | None:
    if command.is_script:
        return powershell_exe.understood(engine.session, command.command_text)
    parameters = [(name or "", value) for name, value in command.parameters]
    powershell_exe.understand_command(engine.session, str(command.command_text), parameters)
    return None


def merging(command: Any) -> tuple[Redirection, ...]:
    """Where a command's streams go, as redirections would say it.

    Raises:
        NotUnderstoodError: nobody can merge like that.
    """
    return tuple(_merging(command))


def _merging(command: Any) -> Iterator[Redirection]:
    wanted = {number: getattr(command, name) for number, name in _MERGED.items()}
    # A client of version 2 has only these, and only errors that go to the output.
    mine, to = command.merge_my, command.merge_to
    if mine not in (PipelineResultTypes.none, PipelineResultTypes.Error):
        raise NotUnderstoodError(f"merging {mine!s}")
    if mine == PipelineResultTypes.Error and wanted["2"] == PipelineResultTypes.none:
        wanted["2"] = to
    for number, target in wanted.items():
        if target == PipelineResultTypes.Output:
            yield Redirection(number, "&1")
        elif target == PipelineResultTypes.Null:
            yield Redirection(number, Variable("null"))
        elif target != PipelineResultTypes.none:
            raise NotUnderstoodError(f"merging stream {number} into {target!s}")


async def run(engine: Engine, chain: list[Known], inputs: Inputs | None) -> None:
    """Run a statement: each command takes what the one before it wrote, the first what the client sends."""
    feeds: list[list[Value]] = [[] for _ in chain]
    given: list[Value] | None = None
    if inputs is not None and not isinstance(chain[0].script, Recognised):
        given = [value async for value in inputs()]
    for number, known in enumerate(chain):
        emit = engine.streams.output if number == len(chain) - 1 else feeds[number].append
        claimant = next((later for later in range(number + 1, len(chain)) if chain[later].merges_before), None)
        # What nobody claims of a command's errors goes into what the claimant takes.
        errors = {} if claimant is None else {"error": feeds[claimant - 1].append}
        with redirections.diverted(engine, errors):
            async with redirections.within(engine, known.merged, emit) as written:
                await _command(engine, known, given, written, inputs)
        given = feeds[number]


async def _command(
    engine: Engine, known: Known, given: list[Value] | None, emit: Emit, inputs: Inputs | None
) -> None:
    command = known.command
    if isinstance(known.script, Recognised):
        await _play(engine, command, known.script, emit, inputs() if inputs is not None else None)
        return
    bound = [
        (name or "", commands.ABSENT if name and value is None else from_wire(value))
        for name, value in command.parameters
    ]
    name: Value = command.command_text if known.script is None else Script(known.script)
    await commands.invoke(engine, name, bound, given, emit, operator="" if command.use_local_scope else ".")


async def _play(
    engine: Engine, command: Any, script: Recognised, emit: Any, inputs: AsyncIterator[Value] | None
) -> None:
    arguments = [from_wire(value) for name, value in command.parameters if not name]
    named = {name.casefold(): from_wire(value) for name, value in command.parameters if name}
    given = Given(engine, emit, arguments, named) if inputs is None else Given(engine, emit, arguments, named, inputs)
    await script.play(given)
