"""A listener owns its tasks and sockets, refuses and listens again on its port, and bears a lack of descriptors."""

import asyncio
import contextlib
import errno
import socket

import pytest

from emulator.net.listener import EXHAUSTED_PAUSE, Listener, bind, listening
from tests.net.conftest import Run
from tests.net.tcp import exactly, received

pytestmark = pytest.mark.network


async def echo(connection: socket.socket) -> None:
    """Send everything back until the end of input."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):
        while data := await loop.sock_recv(connection, 1000):
            await loop.sock_sendall(connection, data)


def client_of(listener: Listener) -> socket.socket:
    """A connected, non-blocking client."""
    client = socket.create_connection(listener.socket.getsockname(), 5)
    client.setblocking(False)
    return client


async def echoes(listener: Listener) -> bool:
    """Whether a new client is served."""
    with client_of(listener) as client:
        await asyncio.get_running_loop().sock_sendall(client, b"hello")
        return await exactly(client, 5) == b"hello"


def test_serves_and_stops(run: Run) -> None:
    """Clients are served side by side; the end of the block closes them and gives the port back."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        async with listening(echo, bind("127.0.0.1", 0)) as listener:
            listener.listen()
            address = listener.socket.getsockname()
            one, two = client_of(listener), client_of(listener)
            for client in (one, two):
                await loop.sock_sendall(client, b"x")
            assert (await exactly(one, 1), await exactly(two, 1)) == (b"x", b"x")
            assert listener.connections == 2
        with one, two:
            assert await received(one) == await received(two) == (b"", True)
        bind(*address).close()

    run(body())


def test_grace_lets_handlers_finish(run: Run) -> None:
    """A connection that ends within the grace is served to its end."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        async with listening(echo, bind("127.0.0.1", 0), grace=5) as listener:
            listener.listen()
            client = client_of(listener)
            await loop.sock_sendall(client, b"first")
            await exactly(client, 5)
            client.send(b"last words")
            client.shutdown(socket.SHUT_WR)
        with client:
            assert await received(client) == (b"last words", True)

    run(body())


def test_refuses_and_listens_again(run: Run) -> None:
    """Refused means RST; the port stays, and the same listener serves again, even from the same turn."""

    async def body() -> None:
        async with listening(echo, bind("127.0.0.1", 0)) as listener:
            address = listener.socket.getsockname()
            for _ in range(3):
                listener.listen()
                assert await echoes(listener)
                listener.refuse()
                assert listener.socket.getsockname() == address
                with pytest.raises(ConnectionRefusedError):
                    client_of(listener)
            listener.listen()
            listener.refuse()
            listener.listen()
            assert await echoes(listener)

    run(body())


def test_refusing_twice_spoils_nothing(run: Run) -> None:
    """A socket told to refuse while it does not listen still serves later: Linux would remember a shutdown."""

    async def body() -> None:
        async with listening(echo, bind("127.0.0.1", 0)) as listener:
            listener.refuse()
            listener.refuse()
            listener.listen()

            assert await echoes(listener)

    run(body())


def test_a_chosen_port_stays_ours(run: Run) -> None:
    """While it refuses, no other socket gets the port, although the kernel chose it."""

    async def body() -> None:
        async with listening(echo, bind("127.0.0.1", 0)) as listener:
            listener.listen()
            listener.refuse()
            with socket.socket() as other, pytest.raises(OSError, match="in use"):
                other.bind(listener.socket.getsockname())

    run(body())


def test_a_paused_listener_leaves_the_queue(run: Run) -> None:
    """While paused the kernel connects clients; they are served on resume."""

    async def body() -> None:
        async with listening(echo, bind("127.0.0.1", 0)) as listener:
            listener.listen()
            listener.pause()
            with client_of(listener) as client:
                await asyncio.get_running_loop().sock_sendall(client, b"x")
                await asyncio.sleep(0.01)
                assert listener.connections == 0
                listener.resume()
                assert await exactly(client, 1) == b"x"

    run(body())


def test_a_handlers_bug_is_loud(run: Run) -> None:
    """What a handler raises ends the listener, and is not taken for a network fault."""

    async def broken(connection: socket.socket) -> None:
        raise LookupError("a bug")

    async def serve_one() -> None:
        async with listening(broken, bind("127.0.0.1", 0)) as listener:
            listener.listen()
            with client_of(listener):
                await asyncio.Event().wait()

    async def body() -> None:
        with pytest.raises(ExceptionGroup) as caught:
            await serve_one()
        assert caught.group_contains(LookupError)

    run(body())


def test_cancelled_before_the_first_step(run: Run) -> None:
    """A connection whose task never ran is closed all the same."""

    async def body() -> None:
        async with listening(echo, bind("127.0.0.1", 0)) as listener:
            listener.listen()
            client = client_of(listener)
            accepted, _ = listener.socket.accept()
            listener.serve(accepted)
        with client:
            assert await received(client) == (b"", True)
        assert accepted.fileno() == -1

    run(body())


class OutOfDescriptors(socket.socket):
    """A listening socket whose next accept fails as in a process without descriptors."""

    failures = 1

    def accept(self) -> tuple[socket.socket, object]:
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


def test_out_of_descriptors_waits(run: Run) -> None:
    """Without a descriptor the listener leaves its queue alone for a moment, then goes on."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        bound = OutOfDescriptors()
        bound.bind(("127.0.0.1", 0))
        async with listening(echo, bound) as listener:
            listener.listen()
            began = loop.time()

            assert await echoes(listener)
            assert loop.time() - began >= EXHAUSTED_PAUSE / 2

    run(body())


def test_stopped_while_out_of_descriptors(run: Run) -> None:
    """A listener that stops in that moment does not come back."""

    async def body() -> None:
        bound = OutOfDescriptors()
        bound.bind(("127.0.0.1", 0))
        async with listening(echo, bound) as listener:
            listener.listen()
            client_of(listener).close()
            while listener._resume is None:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        assert listener._resume is None

    run(body())


def test_rounds_with_clients_in_flight(run: Run) -> None:
    """A hundred starts and stops with clients connecting in the same turn leave nothing."""

    async def body() -> None:
        for _ in range(100):
            async with listening(echo, bind("127.0.0.1", 0)) as listener:
                listener.listen()
                clients = [client_of(listener) for _ in range(3)]
                await asyncio.sleep(0)
            for client in clients:
                client.close()
            assert listener.connections == 0

    run(body())


def test_a_taken_port_is_an_error() -> None:
    """Binding a port that somebody listens on fails, and leaves no socket."""
    with bind("127.0.0.1", 0) as first:
        first.listen()
        with pytest.raises(OSError, match="in use"):
            bind(*first.getsockname())


def test_ipv6() -> None:
    """An IPv6 address gives an IPv6 socket, where the machine has IPv6."""
    try:
        bound = bind("::1", 0)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with bound:
        assert bound.family == socket.AF_INET6


async def test_cut_ends_what_is_served_and_goes_on() -> None:
    """Connections that are served end; the next one is accepted."""
    entered = asyncio.Event()

    async def serve(connection: socket.socket) -> None:
        entered.set()
        await asyncio.Event().wait()

    bound = bind("127.0.0.1", 0)
    async with listening(serve, bound) as listener:
        listener.listen()
        for _ in range(2):
            with await asyncio.to_thread(socket.create_connection, bound.getsockname()) as client:
                await entered.wait()
                entered.clear()
                await listener.cut()
                assert listener.connections == 0
                assert await asyncio.to_thread(client.recv, 1) == b""
