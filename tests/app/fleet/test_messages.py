"""Messages between control and its hops: what is sent is what is heard."""

import pytest

from emulator.app.fleet.messages import Happened, Hello, Logged, Message, Report, Scenery, decode, encode
from emulator.errors import PeerError

MESSAGES: list[Message] = [
    Hello("proxy", "3f2a", "10.60.0.128"),
    Scenery("proxy-2", "00ff", {"topology": "public-ip"}, 60.0, {"10.60.0.7": "10.60.0.128"}),
    Report("up", "idle", "0.0.0.0:60001", (("probe", "nic"),), {"linux": ("denied", "by a rule")}, ("held",)),
    Happened({"event": "BackendUp"}),
    Logged({"state": "deny", "counts": None}),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_messages_are_read_back(message: Message) -> None:
    """A message written and read is the same value, its lists as lists apart."""
    found = decode(encode(message))

    assert type(found) is type(message)
    assert encode(found) == encode(message)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "5", "{}", '{"kind": "order"}', '{"kind": "hello"}', '{"kind": "report", "x": 1}']
)
def test_anything_else_is_refused(text: str) -> None:
    """What is no message is the peer's mistake."""
    with pytest.raises(PeerError, match="malformed"):
        decode(text)
