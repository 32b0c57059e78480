"""Chaos: random changes of the world, machines that stop, and time, against a small model of the channel.

The hops are the real ones, on real sockets, on a clock that jumps; the build VM is an echo. The model knows nothing
of the rules' code: it says of each client what Azure would let it see. No verdict without a reason, no stuck flow,
no leak.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from emulator.app.run import addresses
from emulator.model.privatelink import ConnectionState
from emulator.model.world import World
from emulator.net import attempts, dark
from emulator.net.entry import Entry
from emulator.net.gate import Gate, gate_at
from emulator.net.listener import bind, listening
from emulator.net.prober import probing
from emulator.net.proxy import proxy
from emulator.net.scene import Scene
from emulator.observe import Event, Record
from emulator.rules.condition import Silence
from emulator.rules.entry import entry_posture
from tests.net.scenes import scene
from tests.virtual_time import JumpingLoop
from tests.worlds import DOCUMENTED, nsg, with_state, world

pytestmark = pytest.mark.network
REAL_PATIENCE = 10.0
"""Real seconds for what must happen; it takes a few turns of the loop."""
GLANCE = 0.01
"""Real seconds in which what must not happen would have."""
SETTLED = 16.0
"""Emulated seconds after which probes (5 s, threshold 2) have said all they will say."""
IDLE = 240.0
LONGEST = 330.0
"""Emulated seconds after which private link, at the latest, forgets a silent flow."""
GIVEN_UP = 30.0

State = Literal["running", "stopped", "firewall", "gone"]
Fate = Literal["alive", "waiting", "dark", "closed", "unknown"]
SILENCES: dict[State, Silence] = {"firewall": "GuestFirewall", "gone": "Deallocated"}


@dataclass(eq=False)
class Client:
    """One connection, and what the model says of it.

    Attributes:
        fate: `alive` echoes; `waiting` is connected to a proxy that does not reach the build VM; `dark` hears nothing
            ever; `closed` was told that it is over; `unknown` may have been silent for too long.
        since: emulated time of its last byte.
    """

    connection: socket.socket
    fate: Fate
    since: float


@dataclass
class Model:
    """What was set, and what follows from it for clients."""

    approved: bool = True
    has_rule: bool = True
    deny_proxy: bool = False
    deny_build: bool = False
    flush: bool = False
    reset: bool = False
    proxy: State = "running"
    build: State = "running"
    settled: float = 0.0
    clients: list[Client] = field(default_factory=list)

    def world(self) -> World:
        """The world that has all this."""
        denials = (
            *(["300 deny in 10.60.0.5 -> *:60000-60001"] if self.deny_proxy else []),
            *(["310 deny in * -> *:22"] if self.deny_build else []),
        )
        found = world().laid(replace(nsg(DOCUMENTED, *denials), flush_connection=self.flush))
        state: ConnectionState = "Approved" if self.approved else "Rejected"
        balancer = found.balancer
        assert balancer
        rules = tuple(replace(each, tcp_reset=self.reset) for each in balancer.rules)
        return with_state(found, state).laid(replace(balancer, rules=rules if self.has_rule else ()))

    def expected(self) -> str:
        """What a new client meets, once the probes have settled."""
        if not self.approved or not self.has_rule or self.proxy != "running" or self.deny_proxy:
            return "silent"
        return "connected"

    def fate_of_new(self) -> Fate:
        """What becomes of a client that connected."""
        if self.deny_build or self.build in ("firewall", "gone"):
            return "waiting"
        return "closed" if self.build == "stopped" else "alive"

    def changed(self) -> None:
        """The world changed: what becomes of open flows."""
        cut = self.flush and (self.deny_proxy or self.deny_build)
        if not self.approved or cut:
            self.end("dark", of=("alive", "waiting"))

    def end(self, fate: Fate, *, of: tuple[Fate, ...] = ("alive",)) -> None:
        """Every such client comes to this."""
        for each in self.clients:
            if each.fate in of:
                each.fate = fate


class Echo:
    """The build VM: it says back what it hears."""

    def __init__(self) -> None:
        self.open: set[socket.socket] = set()

    async def serve(self, connection: socket.socket) -> None:
        """Serve one connection."""
        loop = asyncio.get_running_loop()
        self.open.add(connection)
        try:
            while data := await loop.sock_recv(connection, 1000):
                await loop.sock_sendall(connection, data)
        except OSError:
            return
        finally:
            self.open.discard(connection)

    def stop(self) -> None:
        """Its process ends, and its connections with it."""
        for each in self.open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@dataclass
class Stage:
    """The running hops."""

    scene: Scene
    entry: Entry
    gate: Gate
    echo: Echo
    events: list[Event]


@contextlib.asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Entry, prober, proxy and an echo, until the body ends."""
    events: list[Event] = []
    async with contextlib.AsyncExitStack() as stack:
        playing = await stack.enter_async_context(scene(Model().world(), observer=events.append))
        playing.headless = frozenset({"build-linux"})
        for address in addresses(playing.world):
            playing.loopback.of(address)  # every one has its place before the first posture names sources
        echo = Echo()
        for hop, ports in (("build-linux", (22,)), ("proxy", (60000, 60001))):
            member = next(each for each in playing.world.members if each.hop == hop)
            address = playing.world.interface_of(member).address
            for port in ports:
                bound = stack.enter_context(contextlib.closing(bind(playing.loopback.of(address), 0)))
                playing.ports[address, port] = bound.getsockname()[1]
                if hop == "proxy":
                    system: Literal["linux", "windows"] = "linux" if port == 60001 else "windows"
                    await stack.enter_async_context(proxy(playing, member, system, bound))
                else:
                    listener = await stack.enter_async_context(listening(echo.serve, bound))
                    listener.listen()
        asked = await stack.enter_async_context(probing(playing))
        await asked.wait()
        entry = Entry(playing, "linux")
        first = entry_posture(playing.world, playing.condition, "linux", playing.loopback.sources())
        bound = stack.enter_context(contextlib.closing(bind("127.0.0.1", 0)))
        gate = await stack.enter_async_context(gate_at(bound, first, entry.serve, entry.attempt, on_gone=entry.gone))
        playing.retune.append(lambda: entry.follow(gate))
        yield Stage(playing, entry, gate, echo, events)
        playing.retune.pop()


async def spin(done: Callable[[], Any], seconds: float) -> Any:
    """Turn the loop for real seconds, in which no emulated time passes, until something is true."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = done()
        if found:
            return found
        await asyncio.sleep(0)
    return done()


async def turns() -> None:
    """Let what just happened come through both hops before the next thing does: in Azure no two are that close."""
    for _ in range(30):
        await asyncio.sleep(0)


def heard(connection: socket.socket) -> bytes | None:
    """What a client has heard: bytes, empty for its end, None for nothing."""
    try:
        return connection.recv(1000)
    except BlockingIOError:
        return None
    except OSError:
        return b""


class Chaos(RuleBasedStateMachine):
    """Random sequences; each rule is one thing that happens."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.runner = asyncio.Runner(loop_factory=JumpingLoop, debug=False)  # debugging takes most of the time
        self.stop = asyncio.Event()
        self.tokens = 0

    def run(self, body: Coroutine[Any, Any, Any]) -> Any:
        """Run on the jumping clock, hops and all."""
        return self.runner.run(body)

    @initialize()
    def begin(self) -> None:
        """Start the hops in a task of their own."""
        ready = asyncio.Event()

        async def hold() -> None:
            async with stage() as self.stage:
                ready.set()
                await self.stop.wait()

        async def start() -> None:
            self.holding = asyncio.get_running_loop().create_task(hold())
            waiting = asyncio.get_running_loop().create_task(ready.wait())
            await asyncio.wait({waiting, self.holding}, return_when=asyncio.FIRST_COMPLETED)
            assert ready.is_set()

        self.run(start())

    def now(self) -> float:
        """Emulated time."""
        return self.runner.get_loop().time()

    @rule(
        what=st.sampled_from(["approved", "has_rule", "deny_proxy", "deny_build", "flush", "reset"]),
        value=st.booleans(),
    )
    def world_changes(self, what: str, value: bool) -> None:  # noqa: FBT001 - hypothesis passes by name
        """A resource is replaced."""

        async def change() -> None:
            setattr(self.model, what, value)
            self.stage.scene.change(world=self.model.world())
            self.model.changed()
            await turns()

        self.run(change())

    @rule(hop=st.sampled_from(["proxy", "build"]), state=st.sampled_from(["running", "stopped", "firewall", "gone"]))
    def machine_changes(self, hop: str, state: State) -> None:
        """A machine stops, is shut off, or comes back."""

        async def change() -> None:
            name = "proxy" if hop == "proxy" else "build-linux"
            self.stage.scene.set_machine(name, stopped=state == "stopped", silence=SILENCES.get(state))
            if hop == "build" and state in ("stopped", "gone"):
                self.stage.echo.stop()
            await turns()

        setattr(self.model, hop, state)
        if hop == "proxy":
            self.model.settled = self.now() + SETTLED
        if state == "gone":
            self.model.end("dark", of=("alive", "waiting") if hop == "proxy" else ("alive",))
        if state == "stopped":
            self.model.end("closed")
        self.run(change())

    @rule(seconds=st.sampled_from([1.0, 20.0, 60.0]))
    def time_passes(self, seconds: float) -> None:
        """Some emulated seconds, after which whoever waited for the build VM is told that it is not there."""
        self.run(asyncio.sleep(seconds))
        for each in self.model.clients:
            if each.fate == "waiting" and self.now() - each.since > GIVEN_UP + 1:
                each.fate = "closed"
            if each.fate == "alive" and self.now() - each.since > IDLE - 1:
                each.fate = "unknown"

    @precondition(lambda self: len(self.model.clients) < 5)
    @rule()
    def client_connects(self) -> None:
        """A client dials; it meets what the rules decide, and once probes have settled what the model says."""
        connection = socket.socket()
        connection.setblocking(False)
        outcome = ""
        try:
            outcome = self.run(self.connect(connection))
            if self.now() >= self.model.settled:
                assert outcome == self.model.expected()
        finally:
            if outcome != "connected":
                connection.close()
        if outcome != "connected":
            return
        self.model.clients.append(Client(connection, self.model.fate_of_new(), self.now()))

    async def connect(self, connection: socket.socket) -> str:
        """Dial, and hold the outcome against what is decided at that moment."""
        connection.bind(("127.0.0.1", 0))
        decided = self.stage.scene.decide("linux", connection.getsockname()[1]).end(1).verdict
        connection.connect_ex(self.stage.gate.address)

        def outcome() -> str:
            if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                return "refused"
            with contextlib.suppress(OSError):
                connection.getpeername()
                return "connected"
            return ""

        found = await spin(outcome, REAL_PATIENCE if decided.outcome.value != "dropped" else GLANCE)
        expected = {"carried": "connected", "refused": "refused", "dropped": "silent"}[decided.outcome.value]
        assert (found or "silent") == expected, decided.sentence
        await turns()
        return expected

    @precondition(lambda self: self.model.clients)
    @rule(data=st.data())
    def client_speaks(self, data: st.DataObject) -> None:
        """A client says something and hears what its fate is."""
        self.run(self.speak(data.draw(st.sampled_from(self.model.clients))))

    async def speak(self, client: Client) -> None:
        """Say something new, and hear it back, or not, as the model has it."""
        if client.fate in ("waiting", "unknown"):
            return
        if client.fate == "alive":
            self.tokens += 1
            said = f"<{self.tokens}>".encode()
            client.connection.send(said)
            client.since = self.now()
            assert await spin(lambda: heard(client.connection), REAL_PATIENCE) == said
        elif client.fate == "closed":
            assert await spin(lambda: heard(client.connection) == b"", REAL_PATIENCE)
        else:
            with contextlib.suppress(OSError):
                client.connection.send(b"anybody?")
            assert not await spin(lambda: heard(client.connection), GLANCE)

    @precondition(lambda self: self.model.clients)
    @rule(data=st.data())
    def client_leaves(self, data: st.DataObject) -> None:
        """A client closes its connection."""
        client = data.draw(st.sampled_from(self.model.clients))
        self.model.clients.remove(client)
        client.connection.close()

    @precondition(lambda self: self.model.clients)
    @rule()
    def nobody_speaks_for_long(self) -> None:
        """Every flow is silent for longer than the limit: it goes, without a word or by RST, as the rule has it."""
        before = list(self.model.clients)
        fated = [each for each in before if each.fate in ("alive", "unknown")]
        self.run(self.fall_silent(expecting=bool(fated)))
        for each in before:
            if each.fate == "alive":
                each.fate = "closed" if self.model.reset and self.model.has_rule else "dark"
            elif each.fate == "waiting":
                each.fate = "closed"  # the proxy gave up long before

    async def fall_silent(self, *, expecting: bool) -> None:
        """Wait until the flows are gone; a delayed ACK of the kernel's may come late, for its clock does not jump."""
        for _ in range(10):
            await asyncio.sleep(LONGEST)
            if len(self.stage.entry.flows.relays()) == 0:
                break
        assert not expecting or self.stage.entry.flows.relays() == []

    @invariant()
    def every_verdict_has_its_reason(self) -> None:
        """What a hop ended itself, or left in the dark, it says by what, in a sentence."""
        if not hasattr(self, "stage"):
            return
        for event in self.stage.events:
            assert event.sentence
            if isinstance(event, Record) and (event.how == "drop" or event.ended_by == event.hop):
                assert event.reason.name, event

    def teardown(self) -> None:
        """Everybody speaks once more, then leaves: nothing is left of anything."""
        if hasattr(self, "stage"):
            try:
                self.run(self.farewell())
            finally:
                self.run(self.end())
        self.runner.close()

    async def farewell(self) -> None:
        """Each hears once more what its fate is; then nobody is left, and nothing of them."""
        playing = self.stage
        for client in self.model.clients:
            await self.speak(client)
            client.connection.close()
        await asyncio.sleep(GIVEN_UP * 3)
        await spin(lambda: not playing.entry.flows.relays(), REAL_PATIENCE)
        assert playing.entry.flows.relays() == []
        assert not +playing.scene.nat_ports
        assert playing.scene.condition.exhausted == frozenset()
        assert not playing.echo.open
        _each_flow_ended_once(playing.events)

    async def end(self) -> None:
        """The hops end, with every task that they had."""
        for client in self.model.clients:
            client.connection.close()
        self.stop.set()
        await self.holding
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left


def _each_flow_ended_once(events: list[Event]) -> None:
    closes = [(each.hop, each.flow) for each in events if isinstance(each, Record) and each.kind == "close"]
    assert len(closes) == len(set(closes))


def chaos(examples: int) -> None:
    """So many random sequences."""
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    limits = settings(max_examples=examples, stateful_step_count=15, deadline=None, suppress_health_check=checks)
    run_state_machine_as_test(Chaos, settings=limits)


@pytest.fixture(autouse=True)
def seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours pass in these tests: look for dropped attempts and for ends that left less often than in real time."""
    monkeypatch.setattr(attempts, "LOOK", 3.0)
    monkeypatch.setattr(dark, "LOOK", 10.0)


@pytest.mark.timeout(300)
def test_random_sequences() -> None:
    """Twenty-five sequences of up to fifteen things that happen."""
    chaos(25)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_thousand_random_sequences() -> None:
    """A thousand of them."""
    chaos(1000)
