"""A pipeline's streams as records of PowerShell remoting; a part of the door to psrpcore."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from psrpcore._exceptions import PSRPCoreError
from psrpcore.types import DebugRecord, HostMethodIdentifier, PSRPMessageType, VerboseRecord, WarningRecord

from emulator.machines.winguest.errors import PowerShellError
from emulator.machines.winguest.values import Thing, Value
from emulator.machines.winrm.psrp_values import category_of, exception_of, to_wire

if TYPE_CHECKING:
    from emulator.machines.winrm.psrp import PsrpShell
    from emulator.machines.winrm.psrp_pipeline import RunningPipeline

_RECORDS: dict[str, tuple[Any, PSRPMessageType]] = {
    "warning": (WarningRecord, PSRPMessageType.WarningRecord),
    "verbose": (VerboseRecord, PSRPMessageType.VerboseRecord),
    "debug": (DebugRecord, PSRPMessageType.DebugRecord),
}


class Streams:
    """A pipeline's streams: records of PowerShell remoting."""

    def __init__(self, running: "RunningPipeline", shell: "PsrpShell") -> None:
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
        host = self._running.host
        if host is not None and not host.IsHostUINull:
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
