"""Replies, read back as clients read them."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.wire.wsman import faults, names, replies
from emulator.wire.wsman.descriptions import ShellDescription
from emulator.wire.wsman.replies import Ids, Progress, Stream
from tests.wsman_client import Reply

IDS = Ids("uuid:2", "uuid:<1>")
SHELL = ShellDescription("S", "urn:R", "packer", "", "stdin", "stdout", 7200, "Connected", 0, 0, 0)


@pytest.mark.parametrize(
    ("data", "action"),
    [
        (replies.created(IDS, SHELL), "http://schemas.xmlsoap.org/ws/2004/09/transfer/CreateResponse"),
        (replies.started(IDS, "C"), f"{names.SHELL}/CommandResponse"),
        (replies.sent(IDS), f"{names.SHELL}/SendResponse"),
        (replies.received(IDS, [], Progress("C")), f"{names.SHELL}/ReceiveResponse"),
        (replies.signalled(IDS), f"{names.SHELL}/SignalResponse"),
        (replies.got(IDS, ""), f"{names.TRANSFER}/GetResponse"),
        (replies.enumerated(IDS, []), f"{names.ENUMERATION}/EnumerateResponse"),
        (replies.connected(IDS, SHELL, b""), f"{names.SHELL}/ConnectResponse"),
        (replies.disconnected(IDS), f"{names.SHELL}/DisconnectResponse"),
        (replies.reconnected(IDS), f"{names.SHELL}/ReconnectResponse"),
        (replies.deleted(IDS), "http://schemas.xmlsoap.org/ws/2004/09/transfer/DeleteResponse"),
        (replies.fault(IDS, faults.timed_out(), "VM"), "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"),
    ],
)
def test_names_action_and_request(data: bytes, action: str) -> None:
    """Every reply has its action, and the request's message ID verbatim."""
    reply = Reply.of(data)

    assert reply.action == action
    assert reply.relates_to == "uuid:<1>"


def test_names_the_shell() -> None:
    """The new shell's ID is where clients look for it."""
    assert Reply.of(replies.created(IDS, SHELL)).shell_id == "S"


@given(st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), st.binary())), st.integers(-(2**31), 2**31 - 1))
def test_carries_output_unchanged(written: list[tuple[str, bytes]], code: int) -> None:
    """What a command wrote comes out byte for byte, and its exit code with it."""
    reply = Reply.of(
        replies.received(
            IDS, [Stream(name, data) for name, data in written], Progress("C", is_done=True, exit_code=code)
        )
    )

    for name in ("stdout", "stderr"):
        assert reply.stream(name) == b"".join(data for stream, data in written if stream == name)
    assert reply.exit_code == code


def test_running_has_no_exit_code() -> None:
    """A command that goes on is not done."""
    assert Reply.of(replies.received(IDS, [Stream("stdout", b"x")], Progress("C"))).exit_code is None


@given(st.integers(8192, 1 << 20))
def test_fits_the_envelope(size: int) -> None:
    """As much output as may be sent fits into the envelope that the client takes."""
    streams = [Stream("stdout", bytes(replies.stream_bytes(size)))]

    assert len(replies.received(IDS, streams, Progress("C" * 36, is_done=True, exit_code=0))) <= size


def test_identity_tells_strangers_no_version() -> None:
    """The system's version is for those who logged in."""
    assert "10.0.1" in Reply.of(replies.identity(version="10.0.1")).text(names.IDENTITY, "ProductVersion")
    assert "OS: 0.0.0" in Reply.of(replies.identity(version="")).text(names.IDENTITY, "ProductVersion")


def test_a_pipeline_ends_without_a_code() -> None:
    """PowerShell's pipelines are done without an exit code, and a pool's own stream tells no state at all."""
    done = replies.received(IDS, [], Progress("C", is_done=True)).decode()

    assert names.DONE in done
    assert "ExitCode" not in done
    assert "CommandState" not in replies.received(IDS, [Stream("stdout", b"x")], Progress("")).decode()


def test_carries_powershells_answer() -> None:
    """A client that takes over a pool finds the pool's messages."""
    reply = Reply.of(replies.connected(IDS, SHELL, b"messages"))

    assert base64.b64decode(reply.text(names.POWERSHELL, "connectResponseXml")) == b"messages"
