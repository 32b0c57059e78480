"""Build the envelopes that WinRM answers with.

`message_id` is the reply's own, fresh each time; `relates_to` is the request's, returned verbatim because clients
compare the strings.
"""

import base64
import binascii
import html
from collections.abc import Iterable
from dataclasses import dataclass

from emulator.wire.wsman import descriptions, faults, names
from emulator.wire.wsman.descriptions import ShellDescription
from emulator.wire.wsman.faults import WsmanFaultError

CONTENT_TYPE = "application/soap+xml;charset=UTF-8"
OVERHEAD_BYTES = 4096
"""More than an envelope takes besides the streams in it."""

_SHELL_SELECTOR = '<w:SelectorSet><w:Selector Name="ShellId">{}</w:Selector></w:SelectorSet>'


@dataclass(frozen=True, slots=True)
class Stream:
    """Some output of a command."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Ids:
    """The two message IDs of a reply: its own and the request's."""

    message_id: str
    relates_to: str


def stream_bytes(max_envelope_bytes: int) -> int:
    """How many bytes of output fit into an envelope of that size, base64 and tags counted."""
    return max(1024, (max_envelope_bytes - OVERHEAD_BYTES) * 3 // 4)


def identity(*, version: str) -> bytes:
    """The answer to Identify; `version` is the system's, told only to those who logged in."""
    system = f"OS: {version} SP: 0.0 Stack: 3.0" if version else "OS: 0.0.0 SP: 0.0 Stack: 3.0"
    return (
        f'<s:Envelope xml:lang="en-US" xmlns:s="{names.SOAP}"><s:Header/><s:Body>'
        f'<wsmid:IdentifyResponse xmlns:wsmid="{names.IDENTITY}">'
        f"<wsmid:ProtocolVersion>{names.WSMAN}</wsmid:ProtocolVersion>"
        f"<wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor>"
        f"<wsmid:ProductVersion>{system}</wsmid:ProductVersion>"
        f"</wsmid:IdentifyResponse></s:Body></s:Envelope>"
    ).encode()


def created(ids: Ids, shell: ShellDescription) -> bytes:
    """A shell was opened."""
    body = (
        f"<x:ResourceCreated><a:Address>{names.ANONYMOUS}</a:Address><a:ReferenceParameters>"
        f"<w:ResourceURI>{html.escape(shell.resource)}</w:ResourceURI>"
        f"{_SHELL_SELECTOR.format(html.escape(shell.shell_id))}"
        f"</a:ReferenceParameters></x:ResourceCreated>{descriptions.shell(shell)}"
    )
    return _envelope(f"{names.CREATE}Response", ids, body)


def got(ids: Ids, description: str) -> bytes:
    """A shell or the configuration, described."""
    return _envelope(f"{names.GET}Response", ids, description)


def enumerated(ids: Ids, items: Iterable[str]) -> bytes:
    """All of a kind, each described, in one page."""
    body = (
        f'<n:EnumerateResponse xmlns:n="{names.ENUMERATION}"><n:EnumerationContext></n:EnumerationContext>'
        f"<w:Items>{''.join(items)}</w:Items><w:EndOfSequence/></n:EnumerateResponse>"
    )
    return _envelope(f"{names.ENUMERATE}Response", ids, body)


def connected(ids: Ids, shell: ShellDescription, connection: bytes) -> bytes:
    """A client took over a shell; `connection` is PowerShell's answer, empty for any other shell or for a command."""
    if not connection:
        return _envelope(f"{names.CONNECT}Response", ids, "<rsp:ConnectResponse/>")
    body = (
        f"<rsp:ConnectResponse><rsp:InputStreams>{html.escape(shell.input_streams)}</rsp:InputStreams>"
        f"<rsp:OutputStreams>{html.escape(shell.output_streams)}</rsp:OutputStreams>"
        f'<connectResponseXml xmlns="{names.POWERSHELL}">{base64.b64encode(connection).decode()}'
        f"</connectResponseXml></rsp:ConnectResponse>"
    )
    return _envelope(f"{names.CONNECT}Response", ids, body)


def disconnected(ids: Ids) -> bytes:
    """A client left a shell as it is."""
    return _envelope(f"{names.DISCONNECT}Response", ids, "")


def reconnected(ids: Ids) -> bytes:
    """A client came back to a shell."""
    return _envelope(f"{names.RECONNECT}Response", ids, "")


def started(ids: Ids, command_id: str) -> bytes:
    """A command was started; the Go client insists on this action."""
    command = html.escape(command_id)
    body = f"<rsp:CommandResponse><rsp:CommandId>{command}</rsp:CommandId></rsp:CommandResponse>"
    return _envelope(f"{names.COMMAND}Response", ids, body)


def sent(ids: Ids) -> bytes:
    """Input was taken."""
    return _envelope(f"{names.SEND}Response", ids, "<rsp:SendResponse/>")


@dataclass(frozen=True, slots=True)
class Progress:
    """What a Receive tells besides output.

    Attributes:
        command_id: the command's, or empty for a shell's own stream, of which no state is told.
        is_done: whether it has ended.
        exit_code: its exit code, where it has one; then both its streams have ended.
    """

    command_id: str
    is_done: bool = False
    exit_code: int | None = None


def received(ids: Ids, streams: Iterable[Stream], progress: Progress) -> bytes:
    """Output of a command or of a shell."""
    owner = f' CommandId="{html.escape(progress.command_id)}"' if progress.command_id else ""
    head, tail = _around(f"{names.RECEIVE}Response", ids)
    # As bytes all the way: output is most of what this machine says, and each text made of it is a copy or three.
    parts = [f"{head}<rsp:ReceiveResponse>".encode()]
    for stream in streams:
        opening = f'<rsp:Stream Name="{html.escape(stream.name)}"{owner}>'.encode()
        parts += (opening, binascii.b2a_base64(stream.data, newline=False), b"</rsp:Stream>")
    parts.append(f"{_state(progress, owner)}</rsp:ReceiveResponse>{tail}".encode())
    return b"".join(parts)


def _state(progress: Progress, owner: str) -> str:
    if not progress.command_id:
        return ""
    if not progress.is_done:
        return f'<rsp:CommandState{owner} State="{names.RUNNING}"/>'
    if progress.exit_code is None:
        return f'<rsp:CommandState{owner} State="{names.DONE}"/>'
    ends = "".join(f'<rsp:Stream Name="{name}"{owner} End="true"></rsp:Stream>' for name in ("stdout", "stderr"))
    code = f"<rsp:ExitCode>{progress.exit_code}</rsp:ExitCode>"
    return f'{ends}<rsp:CommandState{owner} State="{names.DONE}">{code}</rsp:CommandState>'


def signalled(ids: Ids) -> bytes:
    """A signal was delivered, or there was nobody left to deliver it to."""
    return _envelope(f"{names.SIGNAL}Response", ids, "<rsp:SignalResponse/>")


def deleted(ids: Ids) -> bytes:
    """A shell was closed."""
    return _envelope(f"{names.DELETE}Response", ids, "")


def fault(ids: Ids, why: WsmanFaultError, machine: str) -> bytes:
    """A request was refused; `machine` is the computer's name."""
    return _envelope(names.FAULT_ACTION, ids, faults.body(why, machine))


def _envelope(action: str, ids: Ids, body: str) -> bytes:
    head, tail = _around(action, ids)
    return f"{head}{body}{tail}".encode()


def _around(action: str, ids: Ids) -> tuple[str, str]:
    """What stands before a body, and what behind it."""
    relates = f"<a:RelatesTo>{html.escape(ids.relates_to)}</a:RelatesTo>" if ids.relates_to else ""
    head = (
        f'<s:Envelope xml:lang="en-US" xmlns:s="{names.SOAP}" xmlns:a="{names.ADDRESSING}" '
        f'xmlns:x="{names.TRANSFER}" xmlns:w="{names.WSMAN}" xmlns:p="{names.MICROSOFT}" xmlns:rsp="{names.SHELL}">'
        f"<s:Header><a:Action>{action}</a:Action><a:MessageID>{ids.message_id}</a:MessageID>"
        f"<a:To>{names.ANONYMOUS}</a:To>{relates}</s:Header><s:Body>"
    )
    return head, "</s:Body></s:Envelope>"
