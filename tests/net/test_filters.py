"""A compiled filter and the posture it was compiled from agree on every source, here and in the kernel."""

import os
import socket
import struct
from collections.abc import Iterator
from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.net import filters
from emulator.net.filters import attach, compile_filter, detach, drops, supported
from emulator.net.listener import bind
from emulator.rules.distribution import backend_hash, mix
from emulator.rules.posture import Answer, Posture, SourceClass, Spread

REFUSED_HERE = supported()
needs_filters = pytest.mark.skipif(REFUSED_HERE is not None, reason=REFUSED_HERE or "")

SOURCES = ["127.60.0.1", "127.60.0.2", "10.0.0.4", "255.255.255.255"]
ANSWERS = st.sampled_from(Answer)
SPREADS = st.builds(
    Spread,
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 2**32 - 1), ANSWERS), min_size=1, max_size=20).map(tuple),
)
PORTS = st.tuples(st.integers(0, 65535), st.integers(0, 65535)).map(lambda pair: (min(pair), max(pair)))
CLASSES = st.builds(
    SourceClass, st.none() | st.sampled_from(SOURCES), PORTS | st.just((0, 65535)), st.one_of(ANSWERS, SPREADS)
)
POSTURES = st.builds(
    lambda some, last: Posture((*some, SourceClass(None, (0, 65535), last))),
    st.lists(CLASSES, max_size=5),
    st.one_of(ANSWERS, SPREADS),
)


class Machine:
    """A classic BPF machine, from the kernel's documentation; only what our programs use."""

    def __init__(self, address: str, port: int, *, version: int = 4) -> None:
        self.network = bytes([version << 4 | 5, *bytes(11)]) + IPv4Address(address).packed + bytes(4)
        self.segment = struct.pack("!HH", port, 60001)
        self.a = self.x = 0
        self.memory: dict[int, int] = {}

    def load(self, operand: int, size: int) -> int:
        if operand >= filters.SKF_NET_OFF:
            start = operand - filters.SKF_NET_OFF
            return int.from_bytes(self.network[start : start + size], "big")
        return int.from_bytes(self.segment[operand : operand + size], "big")

    def run(self, program: bytes) -> int:
        code = list(struct.iter_unpack("HBBI", program))
        at = 0
        while True:
            operation, true, false, k = code[at]
            at += 1
            if operation == filters.RET:
                return int(k)
            if operation == filters.RET_A:
                return self.a
            if operation == filters.JA:
                at += k
            elif operation in (filters.JEQ, filters.JGT, filters.JGE, filters.JGT_X):
                at += true if self.compare(operation, k) else false
            else:
                self.step(operation, k)

    def compare(self, operation: int, k: int) -> bool:
        return {
            filters.JEQ: self.a == k,
            filters.JGT: self.a > k,
            filters.JGE: self.a >= k,
            filters.JGT_X: self.a > self.x,
        }[operation]

    def step(self, operation: int, k: int) -> None:
        sizes = {filters.LD_WORD: 4, filters.LD_HALF: 2, filters.LD_BYTE: 1}
        if operation == filters.ST_MEM:
            self.memory[k] = self.a
        elif operation == filters.LDX_MEM:
            self.x = self.memory[k]
        elif operation == filters.TAX:
            self.x = self.a
        elif operation in sizes:
            self.a = self.load(k, sizes[operation])
        elif operation == filters.LD_MEM:
            self.a = self.memory[k]
        else:
            self.a = {
                filters.LD_NUMBER: k,
                filters.MUL: self.a * k,
                filters.XOR: self.a ^ k,
                filters.RSH: self.a >> k,
                filters.XOR_X: self.a ^ self.x,
            }[operation] & 0xFFFFFFFF


def lets_in(posture: Posture, address: str, port: int) -> bool:
    """What the compiled filter says."""
    program = compile_filter(posture)
    return program is None or Machine(address, port).run(program) == filters.LET_IN


@given(POSTURES, st.sampled_from([*SOURCES, "192.0.2.1"]), st.integers(0, 65535))
@settings(max_examples=400, deadline=None)
def test_filter_and_posture_agree(posture: Posture, address: str, port: int) -> None:
    """For every posture and source, the filter lets in what the posture answers OPEN, and nothing else."""
    assert lets_in(posture, address, port) == (posture.answer(address, port) is Answer.OPEN)


@given(st.integers(0, 2**32 - 1))
def test_kernel_arithmetic_is_the_balancers(value: int) -> None:
    """The instructions for the hash compute `distribution.mix`."""
    machine = Machine("10.0.0.1", 1)
    load = struct.pack("HBBI", filters.LD_NUMBER, 0, 0, value)
    mixing = b"".join(struct.pack("HBBI", *each) for each in filters._mix())

    assert machine.run(load + mixing + struct.pack("HBBI", filters.RET_A, 0, 0, 0)) == mix(value)


def test_all_open_needs_no_filter() -> None:
    """A posture that is open to all compiles to nothing."""
    assert compile_filter(Posture.to_all(Answer.OPEN)) is None


def test_other_families_match_no_address() -> None:
    """A packet that is not IPv4 is judged by the classes for every address only."""
    only = SourceClass("10.0.0.4", (0, 65535), Answer.OPEN)
    program = compile_filter(Posture((only, SourceClass(None, (0, 65535), Answer.DROP))))

    assert program is not None
    assert Machine("10.0.0.4", 1).run(program) == filters.LET_IN
    assert Machine("10.0.0.4", 1, version=6).run(program) == filters.DROP


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A listening socket on loopback."""
    with bind("127.0.0.1", 0) as bound:
        bound.listen(1024)
        yield bound


def connects(bound: socket.socket, address: str, port: int = 0) -> bool:
    """Whether the kernel answers a SYN from this source; loopback answers within the call, or not at all."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.bind((address, port))
        client.setblocking(False)
        return client.connect_ex(bound.getsockname()) == 0 or connected(client)


def connected(client: socket.socket) -> bool:
    """Whether a connect that was begun is done."""
    try:
        client.getpeername()
    except OSError:
        return False
    return True


@needs_filters
@pytest.mark.network
def test_kernel_drops_one_source(listening: socket.socket) -> None:
    """In the kernel a denied source gets no answer and is counted; another connects."""
    denied = SourceClass("127.60.9.1", (0, 65535), Answer.DROP)
    program = compile_filter(Posture((denied, SourceClass(None, (0, 65535), Answer.OPEN))))
    assert program is not None
    attach(listening, program)

    assert not connects(listening, "127.60.9.1")
    assert drops(listening) == 1
    assert connects(listening, "127.60.9.2")
    detach(listening)
    assert connects(listening, "127.60.9.1")


@needs_filters
@pytest.mark.network
def test_kernel_computes_the_spread(listening: socket.socket) -> None:
    """The kernel picks, for each source port, the backend that the balancer's hash picks."""
    backends = tuple((backend_hash(name), answer) for name, answer in zip("abc", Answer, strict=True))
    posture = Posture((SourceClass(None, (0, 65535), Spread(0xC0FFEE, by_port=True, backends=backends)),))
    program = compile_filter(posture)
    assert program is not None
    attach(listening, program)
    seen = set()
    for _ in range(60):
        with socket.socket() as client:
            client.bind(("127.60.9.3", 0))
            client.setblocking(False)
            client.connect_ex(listening.getsockname())
            port = client.getsockname()[1]
            expected = posture.answer("127.60.9.3", port) is Answer.OPEN

            assert connected(client) == expected
            seen.add(expected)
    assert seen == {True, False}


@needs_filters
@pytest.mark.network
@given(POSTURES)
@settings(max_examples=60, deadline=None)
def test_kernel_accepts_every_program(posture: Posture) -> None:
    """Whatever the posture, the kernel's checker takes the program, and its verdict is the posture's."""
    program = compile_filter(posture)
    with bind("127.0.0.1", 0) as bound, socket.socket() as client:
        bound.listen()
        if program is not None:
            attach(bound, program)
        client.bind(("127.60.0.1", 0))
        client.setblocking(False)
        client.connect_ex(bound.getsockname())

        assert connected(client) == (posture.answer("127.60.0.1", client.getsockname()[1]) is Answer.OPEN)


@needs_filters
@pytest.mark.network
def test_accepted_sockets_inherit(listening: socket.socket) -> None:
    """An accepted socket has its listener's filter until it is detached."""
    program = compile_filter(
        Posture((SourceClass("127.60.9.4", (0, 65535), Answer.OPEN), SourceClass(None, (0, 65535), Answer.DROP)))
    )
    assert program is not None
    attach(listening, program)
    with socket.create_connection(listening.getsockname(), 5, source_address=("127.60.9.4", 0)) as client:
        accepted, _ = listening.accept()
        with accepted:
            detach(accepted)
            with pytest.raises(FileNotFoundError):
                accepted.setsockopt(socket.SOL_SOCKET, filters.SO_DETACH_FILTER, 0)
            client.sendall(b"x")
            assert accepted.recv(1) == b"x"


def test_detaching_nothing_is_fine(listening: socket.socket) -> None:
    """A socket without a filter can be detached by anybody."""
    detach(listening)
    assert drops(listening) == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="an administrator is allowed filters")
def test_refusal_is_a_sentence(listening: socket.socket) -> None:
    """Where filters are refused, the reason is one to print, and attaching says the same as an error."""
    if REFUSED_HERE is None:
        attach(listening, struct.pack("HBBI", filters.RET, 0, 0, filters.DROP))
        assert not connects(listening, "127.0.0.1")
    else:
        assert "refuses socket filters" in REFUSED_HERE
        with pytest.raises(OSError, match="Operation not permitted"):
            attach(listening, struct.pack("HBBI", filters.RET, 0, 0, filters.DROP))
