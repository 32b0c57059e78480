"""PowerShell remoting: runspace pools by psrpcore's server side, with pipelines that the guest runs.

The door to psrpcore, with `psrp_pipeline` and `psrp_values`.
"""

import asyncio
import base64
import binascii
import struct
import uuid
from typing import Any
from xml.etree.ElementTree import ParseError  # psrpcore's parser raises it

from psrpcore import (
    CreatePipelineEvent,
    GetAvailableRunspacesEvent,
    GetCommandMetadataEvent,
    PSRPEvent,
    PSRPPayload,
    ResetRunspaceStateEvent,
    RunspacePoolHostResponseEvent,
    ServerPipeline,
    ServerRunspacePool,
    SetMaxRunspacesEvent,
    SetMinRunspacesEvent,
    StreamType,
)
from psrpcore._exceptions import PSRPCoreError
from psrpcore._payload import EMPTY_UUID, PSRPMessage
from psrpcore.types import PSVersion, RunspacePoolState

from emulator.machines.winguest.computer import Computer
from emulator.machines.winguest.engine import Scope, Session
from emulator.machines.winguest.host_calls import host
from emulator.machines.winguest.values import Thing
from emulator.machines.winrm.command_host import Started
from emulator.machines.winrm.fragments import FragmentStream, split
from emulator.machines.winrm.psrp_pipeline import RunningPipeline
from emulator.machines.winrm.psrp_values import from_wire
from emulator.wire.wsman import faults
from emulator.wire.wsman.operations import Command, Create, Request

FRAGMENT_BYTES = 32768
"""What Windows puts into a fragment at most."""
HOST = "PowerShell"
MALFORMED = (
    struct.error,
    PSRPCoreError,
    ParseError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    ArithmeticError,
    RecursionError,
    NotImplementedError,
    OSError,
)
"""What psrpcore raises on messages that are none."""
_CASELESS = (b'N="CI"', b'N="Ci"')


class _Pool(ServerRunspacePool):
    """psrpcore's, but for two things that clients and Windows do otherwise."""

    def _process_message(self, message: PSRPMessage) -> "PSRPEvent[Any, Any]":
        data = bytes(message.data)
        if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            raise PSRPCoreError("a message with a DTD")
        for spelling in _CASELESS:
            # Windows looks properties up without case, and pypsrp writes this one so.
            data = data.replace(spelling, b'N="ci"')
        spelled = PSRPMessage(
            message.message_type,
            bytearray(data),
            message.runspace_pool_id,
            message.pipeline_id,
            message.object_id,
        )
        return super()._process_message(spelled)


class PsrpShell:
    """An open runspace pool."""

    def __init__(self, computer: Computer, group: asyncio.TaskGroup) -> None:
        self.computer = computer
        self.group = group
        self.pool = _Pool({"PSVersionTable": {"PSVersion": PSVersion("5.1.20348.2400")}})
        self.session = Session(
            computer, computer.environment, computer.drive.folder(rf"{computer.drive.home}\Documents") or "C:\\"
        )
        self.pipelines: dict[uuid.UUID, RunningPipeline] = {}
        self.runspaces = asyncio.Lock()
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
            self.feed(data, pipeline_id)
        except faults.WsmanFaultError:
            pipeline.close()
            raise
        return Started(HOST, pipeline.stream)

    def feed(self, data: bytes, pipeline_id: uuid.UUID | None = None) -> None:
        """Take what a client sent, and answer.

        Raises:
            WsmanFaultError: it is no message of PowerShell remoting's.
        """
        try:
            self.pool.receive_data(PSRPPayload(data, StreamType.default, pipeline_id))
            while (event := self.pool.next_event()) is not None:
                self._react(event)
        except MALFORMED as error:
            self._forget()
            raise faults.bad_schema(f"no message of PowerShell remoting: {str(error)[:80]}") from None
        self.send()

    def _forget(self) -> None:
        """Drop what could not be read, so that it is not read again."""
        self.pool._receive_buffer.clear()  # noqa: SLF001  # psrpcore has no public way
        self.pool._incoming_messages.clear()  # noqa: SLF001

    def _react(self, event: "PSRPEvent[Any, Any]") -> None:
        match event:
            case SetMaxRunspacesEvent() | SetMinRunspacesEvent() | ResetRunspaceStateEvent():
                self.pool.runspace_availability_response(event.ci, self._changed(event))
            case GetAvailableRunspacesEvent():
                busy = sum(pipeline.is_running for pipeline in self.pipelines.values())
                self.pool.runspace_availability_response(event.ci, max(self.pool.max_runspaces - busy, 0))
            case CreatePipelineEvent() | GetCommandMetadataEvent():
                pipeline = self.pipelines.get(event.pipeline_id)
                if pipeline is not None:
                    pipeline.start()
            case RunspacePoolHostResponseEvent():
                return
            case _ if event.pipeline_id is not None and event.pipeline_id in self.pipelines:
                self.pipelines[event.pipeline_id].react(event)

    def _changed(self, event: SetMaxRunspacesEvent | SetMinRunspacesEvent | ResetRunspaceStateEvent) -> bool:
        """Whether a change of the pool is taken."""
        if isinstance(event, ResetRunspaceStateEvent):
            self.session.scope = self._fresh_scope()
            return True
        if isinstance(event, SetMaxRunspacesEvent):
            return max(self.pool.min_runspaces, 1) <= event.count < 2**31
        return 1 <= event.count <= self.pool.max_runspaces

    def _fresh_scope(self) -> Scope:
        """Variables that every runspace has."""
        arguments = from_wire(self.pool.application_arguments)
        sender = Thing(("System.Management.Automation.Remoting.PSSenderInfo",), {"ApplicationArguments": arguments})
        return Scope(variables={"pssenderinfo": sender, "host": host()})

    def send(self) -> None:
        """Put what the pool has to say where clients ask for it."""
        while (payload := self.pool.data_to_send(FRAGMENT_BYTES)) is not None:
            pipeline = self.pipelines.get(payload.pipeline_id) if payload.pipeline_id else None
            stream = self._stream if pipeline is None else pipeline.stream
            stream.put(split(payload.data))

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
            self.pool.receive_data(PSRPPayload(connection, StreamType.default, None))
            while (event := self.pool.next_event()) is not None:
                self._react(event)
            payload = self.pool.data_to_send()
        except MALFORMED as error:
            self._forget()
            self.pool.state = RunspacePoolState.Opened
            raise faults.bad_schema(f"no message of PowerShell remoting: {str(error)[:80]}") from None
        found = list(split(payload.data)) if payload is not None else []
        # The capability and the size are the answer; what the pool is and keeps, the client asks for.
        self._stream.put(iter(found[2:]))
        return b"".join(found[:2])

    def close(self) -> None:
        """End what runs in it."""
        for pipeline in list(self.pipelines.values()):
            pipeline.close()


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
        shell.session.scope = shell._fresh_scope()  # noqa: SLF001  # the class's own
        return shell
