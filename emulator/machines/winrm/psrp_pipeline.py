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
from psrpcore.types import CommandMetadataCount, HostInfo, HostMethodIdentifier, PSInvocationState

from emulator.machines.winguest import commands
from emulator.machines.winguest.cmdlet import Cmdlet
from emulator.machines.winguest.engine import Engine, ExitSignal, LoopSignal, ReturnSignal, Session
from emulator.machines.winguest.errors import NotUnderstoodError, PowerShellError
from emulator.machines.winguest.host_calls import OF_WINDOW
from emulator.machines.winguest.values import Hashtable, Thing, Value
from emulator.machines.winrm import psrp_commands, psrp_host
from emulator.machines.winrm.fragments import FragmentStream
from emulator.machines.winrm.psrp_streams import Streams
from emulator.machines.winrm.psrp_values import from_wire, record_of, to_wire

if TYPE_CHECKING:
    from emulator.machines.winrm.psrp import PsrpShell

_END = object()


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
                await self._outcome(metadata, self._shell.runspaces.last)
            else:
                async with self._shell.runspaces.one() as session:
                    await self._outcome(metadata, session)
        except asyncio.CancelledError:
            self.pipeline.stop()
        finally:
            self._shell.send()
            self._shell.pool.pipeline_table.pop(self.pipeline.pipeline_id, None)
            self.stream.end()

    async def _outcome(self, metadata: Any, session: Session) -> None:
        """Run it, and tell how it ended."""
        engine = Engine(session, Streams(self, self._shell))
        inputs = None if metadata.no_input else self.inputs
        try:
            for chain in psrp_commands.understood(engine, metadata):
                await psrp_commands.run(engine, chain, inputs)
            if metadata.add_to_history:
                session.history.append(" | ".join(each.command_text for each in metadata.commands))
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
        if self.host is not None:
            self.pipeline.host_call(HostMethodIdentifier.SetShouldExit, [code])

    def _fail(self, error: PowerShellError) -> None:
        """A pipeline that an error ended; psrpcore has no public way."""
        self.pipeline._change_state(PSInvocationState.Failed, error=record_of(error))  # noqa: SLF001

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
        host = self.host
        identifier = HostMethodIdentifier[method]
        if host is None or _is_absent(host, method):
            if identifier.is_void():
                return None  # nobody looks
            raise PowerShellError(_NOBODY, "HostFunctionNotImplemented", "NotImplemented")
        identity = self.pipeline.host_call(identifier, psrp_host.parameters(method, arguments))
        self._shell.send()
        if identifier.is_void():
            return None
        waiting: asyncio.Future[Value] = asyncio.get_running_loop().create_future()
        self._answers[identity] = waiting
        return await waiting

    @property
    def host(self) -> HostInfo | None:
        """The client's, or the one that it gave its pool, or nobody."""
        own = getattr(self.pipeline.metadata, "host", None)
        info: HostInfo | None = self._shell.pool.host if own is not None and own.UseRunspaceHost else own
        return None if info is None or info.IsHostNull else info


def _is_absent(host: HostInfo, method: str) -> bool:
    """Whether the part of the host is absent that a method belongs to."""
    if method == "SetShouldExit":
        return False
    return bool(host.IsHostRawUINull if method in OF_WINDOW else host.IsHostUINull)


_NOBODY = (
    "A command that prompts the user failed because the host program or the command type does not support user "
    "interaction. Try a host program that supports user interaction, such as the Windows PowerShell Console or "
    "Windows PowerShell ISE, and remove prompt-related commands from command types that do not support user "
    "interaction, such as Windows PowerShell workflows."
)
"""HostFunctionNotImplemented of System.Management.Automation's InternalHostUserInterface."""


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
