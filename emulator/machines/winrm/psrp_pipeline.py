"""One pipeline of a runspace pool: its commands are run by the guest, its streams carried by psrpcore."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from psrpcore import (
    EndOfPipelineInputEvent,
    GetMetadata,
    PipelineHostResponseEvent,
    PipelineInputEvent,
    PSRPEvent,
    ServerPipeline,
)
from psrpcore._exceptions import PSRPCoreError
from psrpcore.types import (
    CommandMetadataCount,
    DebugRecord,
    HostMethodIdentifier,
    PSInvocationState,
    PSRPMessageType,
    VerboseRecord,
    WarningRecord,
)

from emulator.machines.winguest import commands, powershell_exe
from emulator.machines.winguest.cmdlet import Cmdlet
from emulator.machines.winguest.engine import Engine, ExitSignal, LoopSignal, ReturnSignal
from emulator.machines.winguest.errors import NotUnderstoodError, PowerShellError
from emulator.machines.winguest.recognisers import Given, Recognised
from emulator.machines.winguest.values import Hashtable, Script, Thing, Value
from emulator.machines.winrm.fragments import FragmentStream
from emulator.machines.winrm.psrp_values import category_of, exception_of, from_wire, record_of, to_wire

if TYPE_CHECKING:
    from emulator.machines.winrm.psrp import PsrpShell

_END = object()
_RECORDS: dict[str, tuple[Any, PSRPMessageType]] = {
    "warning": (WarningRecord, PSRPMessageType.WarningRecord),
    "verbose": (VerboseRecord, PSRPMessageType.VerboseRecord),
    "debug": (DebugRecord, PSRPMessageType.DebugRecord),
}


class RunningPipeline:
    """A pipeline and the task that runs it."""

    def __init__(self, shell: "PsrpShell", pipeline: ServerPipeline) -> None:
        self.pipeline = pipeline
        self.stream = FragmentStream(shell.feed, self.stop)
        self._shell = shell
        self._inputs: asyncio.Queue[Any] = asyncio.Queue()
        self._answers: dict[int, asyncio.Future[Value]] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Run it, once."""
        if self._task is None:
            self._task = self._shell.group.create_task(self._run())

    def react(self, event: "PSRPEvent[Any, Any]") -> None:
        """Take input, or the answer of the client's host."""
        match event:
            case PipelineInputEvent():
                self._inputs.put_nowait(from_wire(event.data))
            case EndOfPipelineInputEvent():
                self._inputs.put_nowait(_END)
            case PipelineHostResponseEvent():
                waiting = self._answers.pop(event.ci, None)
                if waiting is not None and not waiting.done():
                    _settle(waiting, event)

    def stop(self) -> None:
        """End it as a client asks."""
        if self._task is not None:
            self._task.cancel()

    def close(self) -> None:
        """End it; nobody asks for its output any more."""
        self.stop()
        self._shell.pipelines.pop(self.pipeline.pipeline_id, None)
        self._shell.pool.pipeline_table.pop(self.pipeline.pipeline_id, None)
        self.stream.end()

    async def _run(self) -> None:
        try:
            metadata: Any = self.pipeline.metadata
            self.pipeline._change_state(PSInvocationState.Running, emit=False)  # noqa: SLF001  # Windows tells nobody
            if isinstance(metadata, GetMetadata):
                self._tell_commands(metadata)
                self.pipeline.complete()
            elif metadata.is_nested:
                await self._outcome(metadata)
            else:
                async with self._shell.runspaces:
                    await self._outcome(metadata)
        except asyncio.CancelledError:
            self.pipeline.stop()
        finally:
            self._shell.send()
            self._shell.pool.pipeline_table.pop(self.pipeline.pipeline_id, None)
            self.stream.end()

    async def _outcome(self, metadata: Any) -> None:
        """Run it, and tell how it ended."""
        streams = _Streams(self, self._shell)
        engine = Engine(self._shell.session, streams)
        try:
            await self._statements(engine, metadata)
            if metadata.add_to_history:
                self._shell.session.history.append(" | ".join(each.command_text for each in metadata.commands))
        except ExitSignal as signal:
            await self._tell_exit(signal.code)
            self.pipeline.complete()
        except (LoopSignal, ReturnSignal):
            self.pipeline.complete()
        except NotUnderstoodError as error:
            self._fail(commands.unknown(str(error)))
        except PowerShellError as error:
            self._fail(error)
        else:
            self.pipeline.complete()

    async def _tell_exit(self, code: int) -> None:
        """`exit` in a pipeline is the host's affair: Ansible takes its exit code from there."""
        host = getattr(self.pipeline.metadata, "host", None)
        if host is not None and not host.IsHostNull:
            self.pipeline.host_call(HostMethodIdentifier.SetShouldExit, [code])

    def _fail(self, error: PowerShellError) -> None:
        """A pipeline that an error ended; psrpcore has no public way."""
        self.pipeline._change_state(PSInvocationState.Failed, error=record_of(error))  # noqa: SLF001

    async def _statements(self, engine: Engine, metadata: Any) -> None:
        statement: list[Any] = []
        understood = [_understood(engine, command) for command in metadata.commands]
        for command, script in zip(metadata.commands, understood, strict=True):
            statement.append((command, script))
            if command.end_of_statement:
                await self._statement(engine, statement, has_input=not metadata.no_input)
                statement = []

    async def _statement(self, engine: Engine, chain: list[Any], *, has_input: bool) -> None:
        given: list[Value] | None = None
        first = chain[0][1]
        if has_input and not isinstance(first, Recognised):
            given = [value async for value in self.inputs()]
        for number, (command, script) in enumerate(chain):
            is_last = number == len(chain) - 1
            written: list[Value] = []
            emit = engine.streams.output if is_last else written.append
            if isinstance(script, Recognised):
                await _play(engine, command, script, emit, self.inputs() if has_input else None)
            else:
                await self._command(engine, command, script, given, emit)
            given = written

    async def _command(self, engine: Engine, command: Any, script: Any, given: list[Value] | None, emit: Any) -> None:
        bound = [
            (name or "", commands.ABSENT if name and value is None else from_wire(value))
            for name, value in command.parameters
        ]
        name: Value = command.command_text if script is None else Script(script)
        merged = _merging(command, engine, emit)
        await commands.invoke(engine, name, bound, given, merged, operator="" if command.use_local_scope else ".")

    async def inputs(self) -> AsyncIterator[Value]:
        """What the client sends into the pipeline."""
        while (value := await self._inputs.get()) is not _END:
            yield value

    def _tell_commands(self, wanted: GetMetadata) -> None:
        from emulator.machines.winguest.operators import wildcard

        patterns = [wildcard(str(name)) for name in wanted.name]
        found = [each for each in commands.CMDLETS.values() if any(p.fullmatch(each.name) for p in patterns)]
        self.pipeline.write_output(CommandMetadataCount(Count=len(found)))
        for cmdlet in found:
            self.pipeline.write_output(to_wire(_metadata(cmdlet)))

    async def ask(self, method: str, arguments: list[Value]) -> Value:
        """Ask the client's host, and wait for its answer.

        Raises:
            PowerShellError: there is no host, or it failed.
        """
        host = getattr(self.pipeline.metadata, "host", None)
        identifier = getattr(HostMethodIdentifier, method, None)
        if host is None or host.IsHostNull or identifier is None:
            raise PowerShellError(
                "A command that prompts the user failed because the host program or the command type does not "
                f"support user interaction. The host was attempting to call {method}.",
                "HostFunctionNotImplemented",
                "NotImplemented",
            )
        identity = self.pipeline.host_call(identifier, [to_wire(argument) for argument in arguments])
        self._shell.send()
        if identifier.is_void():
            return None
        waiting: asyncio.Future[Value] = asyncio.get_running_loop().create_future()
        self._answers[identity] = waiting
        return await waiting


def _metadata(cmdlet: Cmdlet) -> Thing:
    """What a client is told of a cmdlet, so that it can make a proxy for it."""
    kind = ("System.Management.Automation.ParameterMetadata",)
    parameters = {name: Thing(kind, {"Name": name, "ParameterType": "System.Object"}) for name in cmdlet.parameters}
    properties = {
        "Name": cmdlet.name,
        "Namespace": "Microsoft.PowerShell.Management",
        "HelpUri": "",
        "CommandType": 8,
        "ResolvedCommandName": None,
        "OutputType": [],
        "Parameters": Hashtable(parameters),
    }
    return Thing(("Selected.System.Management.Automation.CmdletInfo",), properties, cmdlet.name)


def _settle(waiting: "asyncio.Future[Value]", event: PipelineHostResponseEvent) -> None:
    if event.error is not None:
        waiting.set_exception(PowerShellError(str(event.error), "HostCallFailed", "InvalidOperation"))
    else:
        waiting.set_result(from_wire(event.result))


def _understood(engine: Engine, command: Any) -> Any:
    """A command's script, understood; None where it is a command's name.

    Raises:
        NotUnderstoodError: it is neither.
    """
    if command.is_script:
        return powershell_exe.understood(engine.session, command.command_text)
    parameters = [(name or "", value) for name, value in command.parameters]
    powershell_exe.understand_command(engine.session, str(command.command_text), parameters)
    return None


async def _play(
    engine: Engine, command: Any, script: Recognised, emit: Any, inputs: AsyncIterator[Value] | None
) -> None:
    arguments = [from_wire(value) for name, value in command.parameters if not name]
    named = {name.casefold(): from_wire(value) for name, value in command.parameters if name}
    given = Given(engine, emit, arguments, named) if inputs is None else Given(engine, emit, arguments, named, inputs)
    await script.play(given)


def _merging(command: Any, engine: Engine, emit: Any) -> Any:
    """Output, with the streams that the command merges into it."""
    del command, engine
    return emit


class _Streams:
    """A pipeline's streams: records of PowerShell remoting."""

    def __init__(self, running: RunningPipeline, shell: "PsrpShell") -> None:
        self._running = running
        self._pipeline = running.pipeline
        self._shell = shell

    def output(self, value: Value) -> None:
        """An object."""
        self._pipeline.write_output(to_wire(value))
        self._shell.send()

    def error(self, error: PowerShellError) -> None:
        """A record on the error stream."""
        self._pipeline.write_error(
            exception_of(error),
            category_info=category_of(error),
            target_object=error.target or None,
            fully_qualified_error_id=error.identity,
        )
        self._shell.send()

    def message(self, kind: str, text: str) -> None:
        """A record of another stream; a native program's errors are errors."""
        match kind:
            case "warning" | "verbose" | "debug":
                record_type, message_type = _RECORDS[kind]
                record = record_type(Message=text, InvocationInfo=None, PipelineIterationInfo=None)
                record.PSObject.to_string = text
                record.serialize_extended_info = False
                self._pipeline.prepare_message(record, message_type=message_type)
            case "stderr":
                for line in text.splitlines():
                    self.error(PowerShellError(line, "NativeCommandError", target=line))
            case _:
                self._information(text, [])
        self._shell.send()

    def _information(self, data: Value, tags: list[str]) -> None:
        try:
            self._pipeline.write_information(
                to_wire(data), "Write-Information", tags=tags, computer=self._shell.computer.name,
                user=f"{self._shell.computer.name}\\{self._shell.computer.user}",
            )  # fmt: skip
        except PSRPCoreError:
            return  # an older client, which has no such stream

    def host(self, text: str, *, ends_line: bool) -> None:
        """Lines for the client's host, and the information stream."""
        host = getattr(self._pipeline.metadata, "host", None)
        if host is not None and not host.IsHostNull and not host.IsHostUINull:
            method = HostMethodIdentifier.WriteLine2 if ends_line else HostMethodIdentifier.Write1
            self._pipeline.host_call(method, [text])
        kind = ("System.Management.Automation.HostInformationMessage",)
        self._information(Thing(kind, {"Message": text, "NoNewLine": not ends_line}, text), ["PSHOST"])
        self._shell.send()

    def progress(self, activity: str, status: str, percent: int) -> None:
        """A record of how far it is."""
        self._pipeline.write_progress(activity, 0, status, percent_complete=percent)
        self._shell.send()

    async def drained(self) -> None:
        """Wait until the client has taken what waits."""
        await self._running.stream.drained()

    async def ask(self, method: str, arguments: list[Value]) -> Value:
        """Ask the client's host."""
        return await self._running.ask(method, arguments)

    async def standard_input(self) -> AsyncIterator[bytes]:
        """A pipeline has none."""
        return
        yield b""
