"""Envelopes as clients send them, and bytes that are none."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.wire.wsman import faults, names, operations, requests
from emulator.wire.wsman.faults import WsmanFaultError
from tests.wsman_client import envelope


def test_reads_what_every_request_carries() -> None:
    """Message ID, resource, shell, options, timeout and size are read, the ID verbatim."""
    data = envelope(
        names.RECEIVE,
        '<rsp:Receive><rsp:DesiredStream CommandId="C">stdout stderr</rsp:DesiredStream></rsp:Receive>',
        shell_id="S",
        message_id=" uuid:Ab ",
        timeout="PT5S",
        options={"winrs_codepage": "437"},
    )

    request = requests.parse(data)

    assert request.action == names.RECEIVE
    assert request.message_id == " uuid:Ab "
    assert request.resource == names.CMD_RESOURCE
    assert request.shell_id == "S"
    assert request.options == {"WINRS_CODEPAGE": "437"}
    assert request.operation_timeout == 5
    assert request.max_envelope_bytes == 153600
    assert request.operation == operations.Receive("C")


def test_a_timeout_that_is_not_told_is_none() -> None:
    """Who says nothing about the time leaves it to the server."""
    assert requests.parse(envelope(names.DELETE, "", timeout="")).operation_timeout is None


@pytest.mark.parametrize(
    ("action", "body", "operation"),
    [
        (
            names.CREATE,
            (
                '<rsp:Shell ShellId="I"><rsp:WorkingDirectory>C:\\</rsp:WorkingDirectory><rsp:Environment>'
                '<rsp:Variable Name="A">b</rsp:Variable></rsp:Environment><rsp:IdleTimeOut>PT60S</rsp:IdleTimeOut>'
                "</rsp:Shell>"
            ),
            operations.Create("I", (("A", "b"),), "C:\\", 60),
        ),
        (names.CREATE, "<rsp:Shell/>", operations.Create("")),
        (
            names.COMMAND,
            (
                '<rsp:CommandLine CommandId="I"><rsp:Command><![CDATA[a & b]]></rsp:Command>'
                "<rsp:Arguments>/c</rsp:Arguments><rsp:Arguments>d</rsp:Arguments></rsp:CommandLine>"
            ),
            operations.Command("I", "a & b", ("/c", "d")),
        ),
        (
            names.SEND,
            (
                f'<rsp:Send><rsp:Stream Name="stdin" CommandId="I" End="True">{base64.b64encode(b"hi").decode()}'
                "</rsp:Stream></rsp:Send>"
            ),
            operations.Send((operations.Input("I", "stdin", b"hi", end=True),)),
        ),
        (names.RECEIVE, "<rsp:Receive/>", operations.Receive("")),
        (
            names.SIGNAL,
            f'<rsp:Signal CommandId="I"><rsp:Code>{names.SHELL}/signal/Terminate</rsp:Code></rsp:Signal>',
            operations.Signal("I", "terminate"),
        ),
        (names.DELETE, "", operations.Delete()),
        (
            names.CREATE,
            (
                '<rsp:Shell Name="N"><rsp:InputStreams>stdin pr</rsp:InputStreams><rsp:OutputStreams>stdout'
                "</rsp:OutputStreams><rsp:Lifetime>PT1H</rsp:Lifetime>"
                f'<creationXml xmlns="{names.POWERSHELL}">aGk=</creationXml></rsp:Shell>'
            ),
            operations.Create(
                "", lifetime=3600, name="N", input_streams="stdin pr", output_streams="stdout", creation=b"hi"
            ),
        ),
        (names.GET, "", operations.Get()),
        (names.ENUMERATE, f'<n:Enumerate xmlns:n="{names.ENUMERATION}"/>', operations.Enumerate("")),
        (
            names.CONNECT,
            f'<rsp:Connect CommandId="I"><connectXml xmlns="{names.POWERSHELL}">aGk=</connectXml></rsp:Connect>',
            operations.Connect("I", b"hi"),
        ),
        (
            names.DISCONNECT,
            "<rsp:Disconnect><rsp:IdleTimeOut>PT60S</rsp:IdleTimeOut></rsp:Disconnect>",
            operations.Disconnect(60),
        ),
        (names.RECONNECT, "<rsp:Reconnect/>", operations.Reconnect()),
        ("urn:other", "", operations.Unsupported()),
    ],
)
def test_reads_each_operation(action: str, body: str, operation: operations.Operation) -> None:
    """Each body comes out as its operation."""
    assert requests.parse(envelope(action, body)).operation == operation


def test_reads_identify() -> None:
    """Identify has no headers."""
    data = (
        f'<s:Envelope xmlns:s="{names.SOAP}"><s:Body><i:Identify xmlns:i="{names.IDENTITY}"/></s:Body></s:Envelope>'
    )

    assert requests.parse(data.encode()).operation == operations.Identify()


BILLION_LAUGHS = b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><l>&b;</l>'


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage",
        b"<a>",
        b"<a/>",
        b"<?xml version='1.0' encoding='nonsense'?><a/>",
        BILLION_LAUGHS,
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        BILLION_LAUGHS.decode().encode("utf-16"),
        b"<a>" * 40 + b"</a>" * 40,
        envelope(names.RECEIVE, ""),
        envelope(names.COMMAND, "<rsp:CommandLine/>"),
        envelope(names.SEND, '<rsp:Send><rsp:Stream CommandId="I">a</rsp:Stream></rsp:Send>'),
        envelope(names.CREATE, "<rsp:Shell><rsp:IdleTimeOut>soon</rsp:IdleTimeOut></rsp:Shell>"),
        envelope("", ""),
    ],
)
def test_refuses_what_is_no_request(data: bytes) -> None:
    """Bad XML, a DTD, deep nesting, missing or broken parts: a schema fault."""
    with pytest.raises(WsmanFaultError) as raised:
        requests.parse(data)

    assert raised.value.code == faults.SCHEMA_VALIDATION


@pytest.mark.parametrize(("timeout", "size"), [("PT-1S", "153600"), ("PT1S", "-1"), ("PT1S", "9" * 5000)])
def test_refuses_a_header_nobody_can_use(timeout: str, size: str) -> None:
    """A negative timeout has Windows' code for it, and the message ID for the answer."""
    with pytest.raises(WsmanFaultError) as raised:
        requests.parse(envelope(names.DELETE, "", timeout=timeout, size=size, message_id="uuid:1"))

    assert raised.value.code == faults.BAD_HEADER
    assert raised.value.relates_to == "uuid:1"


@given(st.binary(max_size=200))
def test_random_bytes_raise_only_our_error(data: bytes) -> None:
    """Whatever the bytes are, they parse or are refused."""
    with contextlib.suppress(WsmanFaultError):
        requests.parse(data)


@given(st.data())
def test_damaged_envelopes_raise_only_our_error(data: st.DataObject) -> None:
    """A good envelope with some bytes replaced parses or is refused."""
    damaged = bytearray(envelope(names.COMMAND, "<rsp:CommandLine><rsp:Command>a</rsp:Command></rsp:CommandLine>"))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))

    with contextlib.suppress(WsmanFaultError):
        requests.parse(bytes(damaged))
