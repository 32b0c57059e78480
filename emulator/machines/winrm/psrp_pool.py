"""A runspace pool of psrpcore's server side whose fragments we cut and put together; a part of the door to psrpcore.

psrpcore copies what is left of a message for each fragment that it cuts off, which takes minutes for 100 MB, and
holds it seven times over while it is made.
"""

import uuid
from collections.abc import Iterator
from typing import Any, cast
from xml.etree.ElementTree import tostring  # psrpcore's trees want it

from psrpcore import PSRPEvent, ServerRunspacePool, StreamType
from psrpcore._exceptions import PSRPCoreError
from psrpcore._payload import PSRPMessage, create_message, unpack_message
from psrpcore.types import PSObject, PSRPMessageType, PSVersion, serialize

from emulator.errors import PeerError
from emulator.machines.winrm.fragments import Assembler, cut

MALFORMED = (PeerError, PSRPCoreError, ValueError, TypeError, LookupError, AttributeError, OverflowError)
"""What a message raises that is none, or that says what it cannot mean."""
_CASELESS = (b'N="CI"', b'N="Ci"')


class Pool(ServerRunspacePool):
    """psrpcore's, but for what clients and Windows do otherwise."""

    def __init__(self) -> None:
        super().__init__({"PSVersionTable": {"PSVersion": PSVersion("5.1.20348.2400")}})
        self._assembler = Assembler()
        self._said: list[tuple[uuid.UUID | None, bytes]] = []

    def receive(self, data: bytes) -> "Iterator[PSRPEvent[Any, Any]]":
        """The events in a client's fragments; raises one of `MALFORMED` where they are none."""
        for object_id, message in self._assembler.feed(data):
            yield self._event(object_id, message)

    def _event(self, object_id: int, message: bytes) -> "PSRPEvent[Any, Any]":
        try:
            raw = unpack_message(bytearray(message))
            return self._process_message(PSRPMessage(raw.message_type, raw.data, raw.rpid, raw.pid, object_id))
        except Exception as error:  # noqa: BLE001  # psrpcore's reader raises whatever it runs into, UnboundLocalError too
            raise PeerError(str(error) or type(error).__name__) from None

    def forget(self) -> None:
        """Drop what has come in part."""
        self._assembler.forget()

    def fragments(self) -> Iterator[tuple[uuid.UUID | None, bytes]]:
        """What the pool has to say, as fragments, each with the pipeline that it belongs to."""
        said, self._said = self._said, []
        for pipeline_id, message in said:
            for fragment in cut(self._fragment_counter, message):
                yield pipeline_id, fragment

    def prepare_message(
        self,
        message: PSObject | str | None,
        message_type: PSRPMessageType | None = None,
        pipeline_id: uuid.UUID | None = None,
        stream_type: StreamType = StreamType.default,  # noqa: ARG002  # the signature is psrpcore's; WinRM has one stream
    ) -> None:
        """Have a message said."""
        kind = message_type or PSRPMessageType.get_message_id(cast("type[PSObject]", type(message)))
        data = self._serialized(message)
        self._said.append((pipeline_id, create_message(False, kind, data, self.runspace_pool_id, pipeline_id)))

    def _serialized(self, message: PSObject | str | None) -> bytes:
        if message is None:
            return b""
        if type(message) is str and _is_plain(message):
            return b"<S>%b</S>" % message.encode()
        tree = serialize(
            message, self._cipher, our_capability=self.our_capability, their_capability=self.their_capability
        )
        return cast("bytes", tostring(tree, encoding="utf-8"))

    def _process_message(self, message: PSRPMessage) -> "PSRPEvent[Any, Any]":
        data = message.data
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


def _is_plain(text: str) -> bool:
    """Whether nothing in a text has to be escaped; a long one is judged in no time."""
    return text.isascii() and text.isprintable() and not any(mark in text for mark in "<>&_")
