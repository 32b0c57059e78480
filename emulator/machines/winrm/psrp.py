"""PowerShell remoting: runspace pools by psrpcore's server side, with pipelines that the guest runs.

The door to psrpcore, with `psrp_pipeline` and `psrp_values`.
"""

import asyncio
import base64
import binascii
import uuid
from typing import Any

from psrpcore import (
    CreatePipelineEvent,
    GetAvailableRunspacesEvent,
    GetCommandMetadataEvent,
    PSRPEvent,
    ResetRunspaceStateEvent,
    RunspacePoolHostResponseEvent,
    ServerPipeline,
    SetMaxRunspacesEvent,
    SetMinRunspacesEvent,
)
from psrpcore._payload import EMPTY_UUID
from psrpcore.types import RunspacePoolState

from emulator.machines.winguest.computer import Computer
from emulator.machines.winguest.engine import Scope, Session
from emulator.machines.winguest.host_calls import host
from emulator.machines.winguest.values import Thing, Value
from emulator.machines.winrm import psrp_commands
from emulator.machines.winrm.command_host import Started
from emulator.machines.winrm.fragments import FragmentStream
from emulator.machines.winrm.psrp_host import window
from emulator.machines.winrm.psrp_pipeline import RunningPipeline
from emulator.machines.winrm.psrp_pool import MALFORMED, Pool
from emulator.machines.winrm.psrp_values import from_wire
from emulator.machines.winrm.runspaces import Runspaces
from emulator.wire.wsman import faults
from emulator.wire.wsman.operations import Command, Create, Request

HOST = "PowerShell"


class PsrpShell:
    """An open runspace pool."""

    def __init__(self, computer: Computer, group: asyncio.TaskGroup) -> None:
        self.computer = computer
        self.group = group
        self.pool = Pool()
        self._environment = computer.environment
        self._told: tuple[Value, Thing | None] = (None, None)
        self.runspaces = Runspaces(self._session)
        self.pipelines: dict[uuid.UUID, RunningPipeline] = {}
        self._stream = FragmentStream(self.feed, lambda: None)

    @property
    def stream(self) -> FragmentStream:
        """The pool's own."""
        return self._stream

    async def start(self, command_id: str, request: Request, command: Command) -> Started:  # noqa: ARG002
        """Start a pipeline.

        Raises:
            WsmanFaultError: what came is no pipeline.
        """
        try:
            pipeline_id = uuid.UUID(command_id)
            data = base64.b64decode("".join(command.arguments))
        except (ValueError, binascii.Error):
            raise faults.bad_schema("rsp:Arguments is no fragment") from None
        pipeline = RunningPipeline(self, ServerPipeline(self.pool, pipeline_id))
        self.pipelines[pipeline_id] = pipeline
        try:
            self.feed(data)
        except faults.WsmanFaultError:
            pipeline.close()
            raise
        return Started(HOST, pipeline.stream)

    def feed(self, data: bytes) -> None:
        """Take what a client sent, and answer.

        Raises:
            WsmanFaultError: it is no message of PowerShell remoting's.
        """
        try:
            for event in self.pool.receive(data):
                self._react(event)
        except MALFORMED as error:
            self.pool.forget()
            raise _malformed(error) from None
        self.send()

    def _react(self, event: "PSRPEvent[Any, Any]") -> None:
        match event:
            case SetMaxRunspacesEvent() | SetMinRunspacesEvent() | ResetRunspaceStateEvent():
                self.pool.runspace_availability_response(event.ci, self._changed(event))
            case GetAvailableRunspacesEvent():
                self.pool.runspace_availability_response(event.ci, self.runspaces.available)
            case CreatePipelineEvent() | GetCommandMetadataEvent():
                pipeline = self.pipelines.get(event.pipeline_id)
                if pipeline is not None:
                    psrp_commands.check(event.pipeline)
                    pipeline.start()
            case RunspacePoolHostResponseEvent():
                return
            case _ if event.pipeline_id is not None and event.pipeline_id in self.pipelines:
                self.pipelines[event.pipeline_id].react(event)

    def _changed(self, event: SetMaxRunspacesEvent | SetMinRunspacesEvent | ResetRunspaceStateEvent) -> bool:
        """Whether a change of the pool is taken."""
        if isinstance(event, ResetRunspaceStateEvent):
            return self.runspaces.forget()
        if isinstance(event, SetMaxRunspacesEvent):
            is_taken = max(self.pool.min_runspaces, 1) <= event.count < 2**31
            if is_taken:
                self.runspaces.allow(event.count)
            return is_taken
        return 1 <= event.count <= self.pool.max_runspaces

    def opened(self) -> None:
        """The client has said how many runspaces it wants, and what they should know of it.

        Raises:
            WsmanFaultError: it says what cannot be.
        """
        try:
            self.runspaces.allow(max(self.pool.max_runspaces, 1))
            self._told = (from_wire(self.pool.application_arguments), window(self.pool.host))
        except MALFORMED as error:
            raise _malformed(error) from None

    def _session(self) -> Session:
        """A runspace; all are of one process, and so share its environment."""
        drive = self.computer.drive
        documents = drive.folder(rf"{drive.home}\Documents") or "C:\\"
        return Session(self.computer, self._environment, documents, self._scope())

    def _scope(self) -> Scope:
        """Variables that every runspace has."""
        arguments, client_window = self._told
        sender = Thing(("System.Management.Automation.Remoting.PSSenderInfo",), {"ApplicationArguments": arguments})
        return Scope(variables={"pssenderinfo": sender, "host": host(client_window)})

    def send(self) -> None:
        """Put what the pool has to say where clients ask for it."""
        for pipeline_id, fragment in self.pool.fragments():
            pipeline = self.pipelines.get(pipeline_id) if pipeline_id else None
            stream = self._stream if pipeline is None else pipeline.stream
            stream.put((fragment,))

    def connect(self, command_id: str, connection: bytes) -> bytes:
        """Let another client take over; the pool's capability and size.

        Raises:
            WsmanFaultError: what it says is no message of PowerShell remoting's.
        """
        if command_id:
            return b""
        try:
            self.pool.state = RunspacePoolState.Disconnected
            self.pool.connect()
            self.pool.prepare_message(self.pool.our_capability)
            self.pool.forget()
            for event in self.pool.receive(connection):
                self._react(event)
            found = [fragment for _, fragment in self.pool.fragments()]
        except MALFORMED as error:
            self.pool.forget()
            self.pool.state = RunspacePoolState.Opened
            raise _malformed(error) from None
        self.opened()
        # The capability and the size are the answer; what the pool is and keeps, the client asks for.
        self._stream.put(found[2:])
        return b"".join(found[:2])

    def close(self) -> None:
        """End what runs in it."""
        for pipeline in list(self.pipelines.values()):
            pipeline.close()


def _malformed(error: Exception) -> faults.WsmanFaultError:
    return faults.bad_schema(f"no message of PowerShell remoting: {str(error)[:80]}")


class PsrpShells:
    """Opens runspace pools."""

    def __init__(self, computer: Computer, group: asyncio.TaskGroup) -> None:
        self._computer = computer
        self._group = group

    async def open(self, request: Request, create: Create) -> PsrpShell:  # noqa: ARG002
        """A pool that has answered the client's first messages.

        Raises:
            WsmanFaultError: they are none.
        """
        if not create.creation:
            raise faults.bad_schema("creationXml is missing")
        shell = PsrpShell(self._computer, self._group)
        shell.feed(create.creation)
        if shell.pool.runspace_pool_id == EMPTY_UUID:
            raise faults.bad_schema("creationXml opens no runspace pool")
        shell.opened()
        return shell
