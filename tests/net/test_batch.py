"""Small messages are received into one buffer, and sent on together."""

from dataclasses import dataclass, field

from emulator.net.batch import SCRATCH_BYTES, Batch


@dataclass
class Holder:
    """Who keeps a message."""

    name: str
    order: list[str] = field(default_factory=list)

    def deliver(self) -> None:
        self.order.append(self.name)


def test_no_message_lies_where_another_does() -> None:
    """As many as there may be in a turn, each with as much room as is received at once."""
    batch = Batch(3)
    kept = []
    for byte in b"abc":
        assert len(batch.room) == SCRATCH_BYTES
        batch.room[0] = byte
        kept.append(batch.room[:1])
        batch.keep(Holder(chr(byte)))

    assert len(batch.room) == SCRATCH_BYTES
    assert b"".join(kept) == b"abc"


def test_they_are_sent_on_in_their_order_once() -> None:
    """Emptying the batch has the room begin anew."""
    batch, order = Batch(3), list[str]()
    first = batch.room
    for name in ("one", "two"):
        batch.keep(Holder(name, order))

    for _ in range(2):
        for each in batch.emptied():
            each.deliver()

    assert order == ["one", "two"]
    assert batch.room is first
