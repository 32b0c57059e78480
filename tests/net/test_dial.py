"""Dialling answers with a connection or with the reason why there is none, and leaves no socket behind."""

import asyncio
import errno
import os
import socket
from pathlib import Path

import pytest

from emulator.net.dial import DialFailure, _failure, dial, dial_at_once
from emulator.net.gate import gate_at
from emulator.net.listener import bind
from emulator.rules.posture import Answer, Posture
from tests.net.conftest import Run
from tests.net.tcp import no_descriptor_left

pytestmark = pytest.mark.network


def open_sockets() -> int:
    """How many sockets this process has open."""
    return sum(
        str(each.readlink()).startswith("socket:") for each in Path("/proc/self/fd").iterdir() if each.is_symlink()
    )


def test_connects_from_the_source(run: Run) -> None:
    """The connection comes from the address that was asked for, and does not wait to fill segments."""

    async def body() -> None:
        with bind("127.0.0.1", 0) as bound:
            bound.listen()
            dialled = await dial("127.60.6.1", bound.getsockname(), seconds=5)
            assert isinstance(dialled, socket.socket)
            with dialled:
                accepted, peer = bound.accept()
                accepted.close()

                assert peer[0] == "127.60.6.1"
                assert peer == dialled.getsockname()
                assert dialled.gettimeout() == 0
                assert dialled.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    run(body())


def test_any_source(run: Run) -> None:
    """Without a source the system chooses one."""

    async def body() -> None:
        with bind("127.0.0.1", 0) as bound:
            bound.listen()
            dialled = await dial(None, bound.getsockname(), seconds=5)
            assert isinstance(dialled, socket.socket)
            dialled.close()

    run(body())


def test_the_port_is_chosen_late(run: Run) -> None:
    """A source's ports are chosen with the destination known, so they are not used up by one target."""

    async def body() -> None:
        with bind("127.0.0.1", 0) as bound:
            bound.listen()
            dialled = await dial("127.60.6.1", bound.getsockname(), seconds=5)
            assert isinstance(dialled, socket.socket)
            with dialled:
                assert dialled.getsockopt(socket.IPPROTO_IP, 24) == 1

    run(body())


def test_refused(run: Run) -> None:
    """A port without a listener refuses, and the sentence names it."""

    async def body() -> None:
        with bind("127.0.0.1", 0) as bound:
            host, port = bound.getsockname()

            assert await dial(None, (host, port), seconds=5) == DialFailure(
                "refused", f"127.0.0.1:{port} refused the connection"
            )

    run(body())


def test_timeout(run: Run) -> None:
    """A dropped SYN ends in a timeout after the seconds given."""

    async def body() -> None:
        async with gate_at(bind("127.0.0.1", 0), Posture.to_all(Answer.DROP), _nobody, lambda _: None) as gate:
            failure = await dial(None, gate.address, seconds=0.05)
            port = gate.address[1]

        assert failure == DialFailure("timeout", f"127.0.0.1:{port} did not answer within 0.05 s")

    run(body())


def test_answered_late(run: Run) -> None:
    """A SYN that is dropped first and answered later still connects."""

    async def body() -> None:
        async with gate_at(bind("127.0.0.1", 0), Posture.to_all(Answer.DROP), _nobody, lambda _: None) as gate:
            asyncio.get_running_loop().call_later(0.05, gate.set, Posture.to_all(Answer.OPEN))
            dialled = await dial(None, gate.address, seconds=5)
            assert isinstance(dialled, socket.socket)
            dialled.close()

    run(body())


def test_refused_late(run: Run) -> None:
    """A SYN that is dropped first and refused later is refused."""

    async def body() -> None:
        async with gate_at(bind("127.0.0.1", 0), Posture.to_all(Answer.DROP), _nobody, lambda _: None) as gate:
            asyncio.get_running_loop().call_later(0.05, gate.set, Posture.to_all(Answer.REFUSE))
            failure = await dial(None, gate.address, seconds=5)

        assert isinstance(failure, DialFailure)
        assert failure.kind == "refused"

    run(body())


def test_a_foreign_source_is_unreachable(run: Run) -> None:
    """An address that is not this machine's cannot be a source, and the sentence says so."""

    async def body() -> None:
        failure = await dial("192.0.2.1", ("127.0.0.1", 9), seconds=5)

        assert isinstance(failure, DialFailure)
        assert failure.kind == "unreachable"
        assert failure.sentence.startswith("127.0.0.1:9 cannot be reached from 192.0.2.1: ")

    run(body())


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ECONNREFUSED, "refused"),
        (errno.ECONNRESET, "refused"),
        (errno.ETIMEDOUT, "timeout"),
        (errno.EHOSTUNREACH, "timeout"),
        (errno.ENETUNREACH, "unreachable"),
    ],
)
def test_kinds(number: int, kind: str) -> None:
    """Every error of the system has its kind."""
    assert _failure(number, None, ("127.0.0.1", 9)).kind == kind


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors through /proc")
def test_cancelled_dial_leaves_no_socket(run: Run) -> None:
    """Neither a cancelled dial nor a failed one leaves a socket."""

    async def body() -> None:
        async with gate_at(bind("127.0.0.1", 0), Posture.to_all(Answer.DROP), _nobody, lambda _: None) as gate:
            before = open_sockets()
            async with asyncio.TaskGroup() as group:
                dialling = group.create_task(dial("127.60.6.1", gate.address, seconds=30))
                await asyncio.sleep(0.01)
                assert open_sockets() == before + 1
                dialling.cancel()
            await dial(None, gate.address, seconds=0.01)

            assert open_sockets() == before

    run(body())


async def _nobody(connection: socket.socket) -> None:
    """Serve nobody."""


def test_without_a_descriptor_there_is_no_connection(run: Run) -> None:
    """Whoever opens too many connections gets no further one; nothing is raised, which would end the others."""

    async def body() -> None:
        with bind("127.0.0.1", 0) as bound, no_descriptor_left():
            bound.listen()
            dialled = await dial(None, bound.getsockname(), seconds=5)

            assert isinstance(dialled, DialFailure)
            assert dialled.kind == "unreachable"
            assert os.strerror(errno.EMFILE) in dialled.sentence
            assert dial_at_once(None, bound.getsockname()) is None

    run(body())
