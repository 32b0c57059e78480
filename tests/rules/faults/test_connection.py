"""The faults of one connection: each acts from its moment on, and on its own bytes."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from emulator.rules.faults.connection import ConnectionFaults
from emulator.rules.faults.fault import WAYS, Fault, Moment, Way
from emulator.rules.faults.kinds import (
    BurstLoss,
    Close,
    Corrupt,
    Delay,
    Effect,
    HalfClose,
    Loss,
    Mtu,
    OneWay,
    Reset,
    Stall,
    Truncate,
)
from emulator.rules.faults.shaping import NEVER, Piece

NOW = 100.0
CONNECT = Moment()


def fault(effect: Effect, moment: Moment = CONNECT, **fields: Any) -> Fault:
    """A fault at the proxy, named after its kind."""
    return Fault(fields.pop("name", effect.kind), effect, "proxy", moment=moment, **fields)


def connection(*faults: Fault, carried: int = 0, fresh: bool = True, filtered: bool = True) -> ConnectionFaults:
    """A connection under these faults."""
    on = ConnectionFaults(dict.fromkeys(WAYS, carried), filtered=filtered, fresh=fresh)
    on.set([(each, 1) for each in faults], NOW)
    return on


def read(on: ConnectionFaults, data: bytes, way: Way = "from-client", now: float = NOW) -> list[Piece]:
    """What becomes of bytes; nothing is to be done at once."""
    pieces, change = on.read(way, data, now)
    assert not change.acts
    assert not change.ends
    return timeless(pieces)


def timeless(pieces: Iterable[Piece]) -> list[Piece]:
    """Pieces without when they came."""
    return [replace(each, came=None) for each in pieces]


def test_without_faults_bytes_pass() -> None:
    """Nothing touched them."""
    on = connection()

    assert read(on, b"abc") == [Piece(NOW, b"abc")]
    assert not on.touched


def test_at_once_by_default() -> None:
    """A fault without a moment acts on the first byte, both ways, and is noted with its time."""
    on = connection(fault(Delay(seconds=2)))

    assert read(on, b"abc") == [Piece(102, b"abc")]
    assert read(on, b"abc", "to-client") == [Piece(102, b"abc")]
    assert on.touched == {"delay": NOW}


def test_one_direction_alone() -> None:
    """The other direction's bytes pass."""
    on = connection(fault(Delay(seconds=2), direction="to-client"))

    assert read(on, b"abc") == [Piece(NOW, b"abc")]
    assert read(on, b"abc", "to-client") == [Piece(102, b"abc")]


def test_after_so_many_bytes() -> None:
    """The bytes before pass, those behind do not, wherever the reads are cut."""
    on = connection(fault(Truncate(), Moment(size=5)))

    assert read(on, b"abc") == [Piece(NOW, b"abc")]
    assert read(on, b"defg") == [Piece(NOW, b"de")]
    assert read(on, b"h") == []


def test_what_ends_a_connection_waits_behind_the_bytes_before() -> None:
    """A reset after five bytes lets five pass first."""
    reset = fault(Reset(), Moment(size=5))
    on = connection(reset)

    assert read(on, b"abcdefg") == [Piece(NOW, b"abcde"), Piece(NOW, act=reset), Piece(NOW, b"fg")]


def test_exactly_so_many_bytes_are_enough() -> None:
    """A client that sends five bytes and waits is reset after them."""
    reset = fault(Reset(), Moment(size=5))

    assert read(connection(reset), b"abcde") == [Piece(NOW, b"abcde"), Piece(NOW, act=reset)]


def test_bytes_carried_before_count() -> None:
    """An open connection that is past the mark is touched at once."""
    reset = fault(Reset(), Moment(size=5))
    on = ConnectionFaults(dict.fromkeys(WAYS, 9), filtered=True, fresh=False)

    assert on.set([(reset, 0)], NOW).acts == [reset]


def test_on_a_pattern_even_across_reads() -> None:
    """The pattern is the first that it acts on; of one that began in an earlier read, the rest."""
    on = connection(fault(Delay(seconds=1), Moment(pattern=b"needle")))

    assert read(on, b"hay needle") == [Piece(NOW, b"hay "), Piece(101, b"needle")]
    on = connection(fault(Delay(seconds=1), Moment(pattern=b"needle")))
    assert read(on, b"hay nee") == [Piece(NOW, b"hay nee")]
    assert read(on, b"dle hay") == [Piece(101, b"dle hay")]


def test_on_a_phase() -> None:
    """A stall at the banner lets none of it through."""
    on = connection(fault(Stall(), Moment(phase="banner")))

    assert read(on, b"SSH-2.0-client\r\n") == [Piece(NOW, b"SSH-2.0-client\r\n")]
    assert read(on, b"SSH-2.0-server\r\n", "to-client") == [Piece(NEVER, b"SSH-2.0-server\r\n")]


def test_a_phase_of_the_other_direction_counts() -> None:
    """The backend's bytes are delayed from the client's ClientHello on."""
    on = connection(fault(Delay(seconds=1), Moment(phase="handshake"), direction="to-client"))

    assert read(on, b"early", "to-client") == [Piece(NOW, b"early")]
    assert read(on, b"\x16\x03\x01\x00\x05") == [Piece(NOW, b"\x16\x03\x01\x00\x05")]
    assert read(on, b"late", "to-client") == [Piece(101, b"late")]


def test_of_an_open_connection_the_phases_are_past() -> None:
    """Who adds a fault at login to a session under way means it too."""
    on = connection(fault(Delay(seconds=1), Moment(phase="login")), fresh=False)

    assert read(on, b"x") == [Piece(101, b"x")]


def test_after_so_long() -> None:
    """A close after thirty seconds is due then, and done once."""
    close = fault(Close(), Moment(seconds=30))
    on = connection(close)

    assert on.next_time(NOW) == 130
    assert on.tick(129).acts == []
    assert on.tick(130).acts == [close]
    assert on.tick(200).acts == []


def test_for_so_long() -> None:
    """A delay for ten seconds from its beginning on: then nothing need wait any more."""
    on = connection(fault(Delay(seconds=2), lasts=10))

    assert on.next_time(NOW) == 110
    assert not on.tick(109).flush
    assert on.tick(110).flush
    assert read(on, b"x", now=111) == [Piece(111, b"x")]


def test_removal_heals() -> None:
    """Bytes pass again, and nothing need wait."""
    on = connection(fault(Stall()))
    change = on.set([], NOW)

    assert change.flush
    assert read(on, b"x") == [Piece(NOW, b"x")]
    assert on.touched == {"stall": NOW}


def test_what_stays_keeps_its_state() -> None:
    """Another fault that is added does not begin this one anew."""
    half = fault(Truncate(), Moment(size=3))
    on = connection(half)
    read(on, b"ab")
    assert not on.set([(half, 1), (fault(Delay(seconds=1)), 1)], NOW).flush

    assert read(on, b"cd") == [Piece(101, b"c")]


def test_two_faults_work_one_on_the_other() -> None:
    """A delay behind a delay is both."""
    on = connection(fault(Delay(seconds=1), name="one"), fault(Delay(seconds=2), name="two"))

    assert read(on, b"x") == [Piece(103, b"x")]


def test_a_half_close_ends_its_directions() -> None:
    """At once it is to be done by who has the sockets; between two bytes it waits its turn."""
    on = ConnectionFaults(dict.fromkeys(WAYS, 0), filtered=True)
    assert on.set([(fault(HalfClose(), direction="to-client"), 1)], NOW).ends == ["to-client"]

    on = connection(fault(HalfClose(), Moment(size=2), direction="to-client"))
    assert read(on, b"abc", "to-client") == [Piece(NOW, b"ab"), Piece(NOW)]


@pytest.mark.parametrize(("effect", "way"), [(Loss(percent=5), "from-client"), (Mtu(), "to-client")])
def test_the_kernel_plays_packet_faults(effect: Effect, way: Way) -> None:
    """Bytes pass; the effect is for the socket of its direction."""
    on = connection(fault(effect, direction=way))
    other: Way = "to-client" if way == "from-client" else "from-client"

    assert on.packets(way, NOW) == (effect,)
    assert on.packets(other, NOW) == ()
    assert read(on, b"x", way) == [Piece(NOW, b"x")]
    assert not on.approximates


def test_without_filters_packet_faults_are_approximated() -> None:
    """Bytes wait instead, and the connection knows that this is not the same."""
    on = connection(fault(OneWay()), filtered=False)

    assert on.packets("from-client", NOW) == ()
    assert read(on, b"x") == [Piece(NEVER, b"x")]
    assert on.approximates
    on.set((), NOW)
    assert on.approximates, "it was so, though the fault is gone"


def test_a_burst_comes_and_goes() -> None:
    """The kernel loses packets for two seconds, then three seconds none, and so on."""
    effect = BurstLoss(seconds=2, between=3)
    on = connection(fault(effect, direction="from-client"))

    assert [bool(on.packets("from-client", NOW + at)) for at in (0, 1.9, 2, 4.9, 5, 7)] == [
        True,
        True,
        False,
        False,
        True,
        False,
    ]
    assert [on.next_time(NOW + at) for at in (0, 1, 2, 4, 5)] == [102, 102, 105, 105, 107]


def test_the_end_of_a_direction_is_shaped_too() -> None:
    """A delay is for the FIN as for bytes."""
    assert timeless(connection(fault(Delay(seconds=2))).end("from-client", NOW)) == [Piece(102)]


def waiting(on: ConnectionFaults, gone: str) -> list[tuple[float, bytes]]:
    """When bytes that came at once go on, once a fault is gone, and another second later."""
    pieces, _ = on.read("from-client", b"first", NOW)
    kept = [(each.fault, each.number) for name, each in on._touches.items() if name != gone]
    assert on.set(kept, NOW + 1).flush
    left = [(each.due, each.data) for each in on.again("from-client", pieces)]
    later, _ = on.read("from-client", b"later", NOW + 1)
    return [*left, *((each.due, each.data) for each in later)]


def test_what_is_left_still_holds() -> None:
    """A fault that goes lets go of nothing that another holds, and holds nothing any more itself."""
    stall, delay = fault(Stall()), fault(Delay(seconds=4))

    assert waiting(connection(stall, delay), "delay") == [(NEVER, b"first"), (NEVER, b"later")]
    assert waiting(connection(delay, stall), "delay") == [(NEVER, b"first"), (NEVER, b"later")]
    assert waiting(connection(stall, delay), "stall") == [(104, b"first"), (105, b"later")]


def test_what_was_changed_stays_changed() -> None:
    """Bytes that were truncated do not come back, and corrupted ones are not corrupted twice."""
    corrupt, delay = fault(Corrupt(every=1)), fault(Delay(seconds=4))
    on = connection(corrupt, delay)
    pieces, _ = on.read("from-client", bytes(50), NOW)
    on.set([(corrupt, 1)], NOW)

    assert [(each.due, each.data) for each in on.again("from-client", pieces)] == [
        (NOW, each.data) for each in pieces
    ]


def test_bytes_in_flight_before_are_left_alone() -> None:
    """They came before any fault did."""
    on = connection(fault(Delay(seconds=4)))

    assert list(on.again("from-client", [Piece(0, b"flying")])) == [Piece(0, b"flying")]
