"""Parse a WS-Management envelope into a value; whatever the bytes are, only `WsmanFaultError` is raised."""

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from typing import NoReturn
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from emulator.wire.wsman import duration, faults, names
from emulator.wire.wsman.faults import WsmanFaultError
from emulator.wire.wsman.operations import (
    Command,
    Connect,
    Create,
    Delete,
    Disconnect,
    Enumerate,
    Get,
    Identify,
    Input,
    Operation,
    Receive,
    Reconnect,
    Request,
    Send,
    Signal,
    Unsupported,
)

MAX_DEPTH = 32
"""No envelope of WinRM's nests deeper; a deeper one is refused before anything walks it."""
DEFAULT_ENVELOPE_BYTES = 153600


def parse(data: bytes) -> Request:
    """The request in an envelope.

    Raises:
        WsmanFaultError: it is not XML, has a DTD or an entity, is no SOAP envelope, or a value in it is wrong;
            with the MessageID in `relates_to` where one was read.
    """
    header, body = _parts(_tree(data))
    if body.find(f"{{{names.IDENTITY}}}Identify") is not None:
        return Request("", "", "", "", {}, None, DEFAULT_ENVELOPE_BYTES, Identify())
    message_id = _text(header, names.ADDRESSING, "MessageID", strip=False)
    try:
        return _request(header, body, message_id)
    except WsmanFaultError as fault:
        fault.relates_to = message_id
        raise


class _Builder(TreeBuilder):
    """Takes no DTD, and so no entity of a stranger's; defusedxml's is in Python, and takes twice the time."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:  # noqa: ARG002
        """Refuse a document that has one, whatever its encoding."""
        raise ValueError(f"a DTD for {name}")


def _tree(data: bytes) -> Element:
    parser = XMLParser(target=_Builder())  # noqa: S314  # what is vulnerable about it needs a DTD
    try:
        parser.feed(data)
        tree: Element = parser.close()
    except (ParseError, ValueError, LookupError):
        raise faults.bad_schema("it is not well-formed XML without a DTD") from None
    if _depth(tree) > MAX_DEPTH:
        raise faults.bad_schema(f"it nests deeper than {MAX_DEPTH} elements")
    return tree


def _depth(tree: Element) -> int:
    depth, level = 0, [tree]
    while level and depth <= MAX_DEPTH:
        depth, level = depth + 1, [child for element in level for child in element]
    return depth


def _parts(tree: Element) -> tuple[Element, Element]:
    body = tree.find(f"{{{names.SOAP}}}Body")
    if tree.tag != f"{{{names.SOAP}}}Envelope" or body is None:
        raise faults.bad_schema("there is no SOAP 1.2 envelope with a body")
    header = tree.find(f"{{{names.SOAP}}}Header")
    return Element("none") if header is None else header, body


def _request(header: Element, body: Element, message_id: str) -> Request:
    action = _text(header, names.ADDRESSING, "Action")
    if not action or not message_id:
        raise faults.bad_schema("a:Action or a:MessageID is missing")
    read = _READERS.get(action)
    return Request(
        action=action,
        message_id=message_id,
        resource=_text(header, names.WSMAN, "ResourceURI"),
        shell_id=_selectors(header).get("ShellId", ""),
        options=_options(header),
        operation_timeout=_timeout(header),
        max_envelope_bytes=_envelope_bytes(header),
        operation=Unsupported() if read is None else read(body),
    )


def _text(parent: Element, namespace: str, name: str, *, strip: bool = True) -> str:
    text = parent.findtext(f"{{{namespace}}}{name}") or ""
    return text.strip() if strip else text


def _selectors(header: Element) -> dict[str, str]:
    found = header.iterfind(f"{{{names.WSMAN}}}SelectorSet/{{{names.WSMAN}}}Selector")
    return {selector.get("Name", ""): (selector.text or "").strip() for selector in found}


def _options(header: Element) -> dict[str, str]:
    found = header.iterfind(f"{{{names.WSMAN}}}OptionSet/{{{names.WSMAN}}}Option")
    return {option.get("Name", "").upper(): (option.text or "").strip() for option in found}


def _timeout(header: Element) -> float | None:
    text = _text(header, names.WSMAN, "OperationTimeout")
    if not text:
        return None
    seconds = duration.parse(text)
    if seconds is None:
        raise faults.bad_header("OperationTimeout", text)
    return seconds


def _envelope_bytes(header: Element) -> int:
    text = _text(header, names.WSMAN, "MaxEnvelopeSize")
    if not text:
        return DEFAULT_ENVELOPE_BYTES
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise faults.bad_header("MaxEnvelopeSize", text)
    return int(text)


def _within(body: Element, name: str) -> Element:
    found = body.find(f"{{{names.SHELL}}}{name}")
    if found is None:
        raise faults.bad_schema(f"rsp:{name} is missing")
    return found


def _create(body: Element) -> Create:
    shell = _within(body, "Shell")
    variables = shell.iterfind(f"{{{names.SHELL}}}Environment/{{{names.SHELL}}}Variable")
    return Create(
        shell_id=shell.get("ShellId", ""),
        environment=tuple((variable.get("Name", ""), variable.text or "") for variable in variables),
        working_directory=_text(shell, names.SHELL, "WorkingDirectory"),
        idle_timeout=_seconds(shell, "IdleTimeOut"),
        lifetime=_seconds(shell, "Lifetime"),
        name=shell.get("Name", "") or _text(shell, names.SHELL, "Name"),
        input_streams=_text(shell, names.SHELL, "InputStreams") or "stdin",
        output_streams=_text(shell, names.SHELL, "OutputStreams") or "stdout stderr",
        creation=_binary(_text(shell, names.POWERSHELL, "creationXml"), "creationXml"),
    )


def _seconds(parent: Element, name: str) -> float | None:
    text = _text(parent, names.SHELL, name)
    seconds = duration.parse(text) if text else None
    if text and seconds is None:
        raise faults.bad_schema(f"rsp:{name} is no duration")
    return seconds


def _binary(text: str, name: str) -> bytes:
    try:
        return base64.b64decode(text.strip().encode("ascii", "replace"))
    except binascii.Error:
        raise faults.bad_schema(f"{name} is not base64") from None


def _command(body: Element) -> Command:
    line = _within(body, "CommandLine")
    text = line.findtext(f"{{{names.SHELL}}}Command")
    if text is None:
        raise faults.bad_schema("rsp:Command is missing")
    arguments = tuple(argument.text or "" for argument in line.iterfind(f"{{{names.SHELL}}}Arguments"))
    return Command(line.get("CommandId", ""), text, arguments)


def _send(body: Element) -> Send:
    return Send(tuple(_inputs(_within(body, "Send"))))


def _inputs(send: Element) -> Iterator[Input]:
    for stream in send.iterfind(f"{{{names.SHELL}}}Stream"):
        data = _binary(stream.text or "", "rsp:Stream")
        end = stream.get("End", "").lower() in ("true", "1")
        yield Input(stream.get("CommandId", ""), stream.get("Name", ""), data, end)


def _receive(body: Element) -> Receive:
    desired = _within(body, "Receive").find(f"{{{names.SHELL}}}DesiredStream")
    return Receive("" if desired is None else desired.get("CommandId", ""))


def _signal(body: Element) -> Signal:
    signal = _within(body, "Signal")
    code = _text(signal, names.SHELL, "Code")
    return Signal(signal.get("CommandId", ""), code.rpartition("/")[2].lower())


def _enumerate(body: Element) -> Enumerate:
    selectors = body.iterfind(f"{{{names.ENUMERATION}}}Enumerate/{{{names.WSMAN}}}Filter//{{{names.WSMAN}}}Selector")
    found = {selector.get("Name", ""): (selector.text or "").strip() for selector in selectors}
    return Enumerate(found.get("ShellId", ""))


def _connect(body: Element) -> Connect:
    connect = _within(body, "Connect")
    text = _text(connect, names.POWERSHELL, "connectXml")
    return Connect(connect.get("CommandId", ""), _binary(text, "connectXml"))


_READERS: Mapping[str, Callable[[Element], Operation]] = {
    names.CREATE: _create,
    names.COMMAND: _command,
    names.SEND: _send,
    names.RECEIVE: _receive,
    names.SIGNAL: _signal,
    names.DELETE: lambda _: Delete(),
    names.GET: lambda _: Get(),
    names.ENUMERATE: _enumerate,
    names.CONNECT: _connect,
    names.DISCONNECT: lambda body: Disconnect(_seconds(_within(body, "Disconnect"), "IdleTimeOut")),
    names.RECONNECT: lambda _: Reconnect(),
}
