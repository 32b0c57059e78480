"""Faults: the codes that clients look for."""

import pytest

from emulator.wire.wsman import faults, names, replies
from emulator.wire.wsman.faults import WsmanFaultError
from emulator.wire.wsman.replies import Ids
from tests.wsman_client import Reply


@pytest.mark.parametrize(
    ("fault", "code", "subcode"),
    [
        (faults.timed_out(), 2150858793, "w:TimedOut"),
        (faults.unknown_shell(), 2150858843, "w:InvalidSelectors"),
        (faults.too_many_shells(30), 2150859173, "w:QuotaLimit"),
        (faults.missing_command_id(), 87, "w:InvalidParameter"),
        (faults.bad_header("OperationTimeout", "PT-1S"), 2150858767, "a:InvalidMessageInformationHeader"),
        (faults.bad_schema("no body"), 2150858817, "w:SchemaValidationError"),
        (faults.file_not_found(), 2147942402, "w:InternalError"),
        (faults.aborted(), 995, "w:InternalError"),
    ],
)
def test_has_the_code(fault: WsmanFaultError, code: int, subcode: str) -> None:
    """Each fault's code and subcode are those of Windows."""
    assert Reply.of(replies.fault(Ids("uuid:2", "uuid:1"), fault, "VM")).fault == (code, subcode)
    assert str(code) in str(fault)


def test_timeout_says_the_word() -> None:
    """The Go client goes on polling only if the reason names OperationTimeout."""
    reply = Reply.of(replies.fault(Ids("uuid:2", "uuid:1"), faults.timed_out(), "VM"))

    assert "OperationTimeout" in reply.text(names.SOAP, "Text")


def test_says_unexpected_selectors() -> None:
    """The fault detail of an unknown shell is the recorded one."""
    reply = Reply.of(replies.fault(Ids("uuid:2", "uuid:1"), faults.unknown_shell(), "VM"))

    assert reply.text(names.WSMAN, "FaultDetail").endswith("/faultDetail/UnexpectedSelectors")


def test_hostile_values_stay_text() -> None:
    """What a client sent cannot become markup in the answer."""
    reply = Reply.of(replies.fault(Ids("uuid:2", "uuid:1"), faults.unsupported_action('"><x/>&'), "VM"))

    assert '"><x/>&' in reply.text(names.SOAP, "Text")
