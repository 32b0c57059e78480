"""Build the envelopes that WinRM answers with.

`message_id` is the reply's own, fresh each time; `relates_to` is the request's, returned verbatim because clients
compare the strings.
"""

import base64
import html
from collections.abc import Iterable
from dataclasses import dataclass

from emulator.wire.wsman import faults, names
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


def created(ids: Ids, shell_id: str, owner: str) -> bytes:
    """A shell was opened."""
    shell, user = html.escape(shell_id), html.escape(owner)
    body = (
        f"<x:ResourceCreated><a:Address>{names.ANONYMOUS}</a:Address><a:ReferenceParameters>"
        f"<w:ResourceURI>{names.CMD_RESOURCE}</w:ResourceURI>{_SHELL_SELECTOR.format(shell)}"
        f"</a:ReferenceParameters></x:ResourceCreated>"
        f"<rsp:Shell><rsp:ShellId>{shell}</rsp:ShellId><rsp:ResourceUri>{names.CMD_RESOURCE}</rsp:ResourceUri>"
        f"<rsp:Owner>{user}</rsp:Owner><rsp:InputStreams>stdin</rsp:InputStreams>"
        f"<rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>"
    )
    return _envelope(f"{names.CREATE}Response", ids, body)


def started(ids: Ids, command_id: str) -> bytes:
    """A command was started; the Go client insists on this action."""
    command = html.escape(command_id)
    body = f"<rsp:CommandResponse><rsp:CommandId>{command}</rsp:CommandId></rsp:CommandResponse>"
    return _envelope(f"{names.COMMAND}Response", ids, body)


def sent(ids: Ids) -> bytes:
    """Input was taken."""
    return _envelope(f"{names.SEND}Response", ids, "<rsp:SendResponse/>")


def received(ids: Ids, command_id: str, streams: Iterable[Stream], exit_code: int | None) -> bytes:
    """Output of a command; with an exit code it has ended, and both its streams have."""
    command = html.escape(command_id)
    told = "".join(
        f'<rsp:Stream Name="{html.escape(stream.name)}" CommandId="{command}">'
        f"{base64.b64encode(stream.data).decode()}</rsp:Stream>"
        for stream in streams
    )
    if exit_code is None:
        state = f'<rsp:CommandState CommandId="{command}" State="{names.RUNNING}"/>'
    else:
        ends = "".join(
            f'<rsp:Stream Name="{name}" CommandId="{command}" End="true"></rsp:Stream>'
            for name in ("stdout", "stderr")
        )
        state = (
            f'{ends}<rsp:CommandState CommandId="{command}" State="{names.DONE}">'
            f"<rsp:ExitCode>{exit_code}</rsp:ExitCode></rsp:CommandState>"
        )
    return _envelope(f"{names.RECEIVE}Response", ids, f"<rsp:ReceiveResponse>{told}{state}</rsp:ReceiveResponse>")


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
    relates = f"<a:RelatesTo>{html.escape(ids.relates_to)}</a:RelatesTo>" if ids.relates_to else ""
    return (
        f'<s:Envelope xml:lang="en-US" xmlns:s="{names.SOAP}" xmlns:a="{names.ADDRESSING}" '
        f'xmlns:x="{names.TRANSFER}" xmlns:w="{names.WSMAN}" xmlns:p="{names.MICROSOFT}" xmlns:rsp="{names.SHELL}">'
        f"<s:Header><a:Action>{action}</a:Action><a:MessageID>{ids.message_id}</a:MessageID>"
        f"<a:To>{names.ANONYMOUS}</a:To>{relates}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()
