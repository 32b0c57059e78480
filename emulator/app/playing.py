"""Play a scenario: its world is started, broken as it says, and its clients are driven, hop by hop observed."""

import asyncio
import contextlib
import datetime
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace

from emulator.app.acts import ACTS, CLIENTS
from emulator.app.channel import Channel
from emulator.app.config import Config, load_config
from emulator.app.run import start
from emulator.app.stage import Stage
from emulator.errors import InvalidInputError, UnavailableError
from emulator.observe import Event
from emulator.scenarios import programs
from emulator.scenarios.judging import Seen, difference
from emulator.scenarios.scenario import Scenario
from emulator.scenarios.step import Client, Step
from emulator.scenarios.wording import step_in_words

Starter = Callable[[Config], AbstractAsyncContextManager[Channel]]
"""Starts a channel of these settings."""


@dataclass(frozen=True, slots=True)
class Told:
    """One step that was played.

    Attributes:
        what: what it was, on a line.
        seen: what its client saw; None for a step of no client.
        wrong: how that differs from what the scenario says; empty where it does not.
        events: what the emulator recorded meanwhile, and until the next step began.
    """

    what: str
    seen: Seen | None = None
    wrong: str = ""
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Played:
    """A scenario that was played to its end.

    Attributes:
        missing: evidence that did not come, each in a sentence.
        seconds: real ones, from the script's begin.
    """

    scenario: Scenario
    steps: tuple[Told, ...]
    missing: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def wrong(self) -> tuple[str, ...]:
        """Everything that is not as the scenario says; nothing where it is."""
        steps = (
            f"step {number}, {each.what}: {each.wrong}" for number, each in enumerate(self.steps, 1) if each.wrong
        )
        return (*steps, *(f"evidence: {each}" for each in self.missing))


@dataclass(slots=True)
class Player:
    """Plays one step after the other, and keeps how it went."""

    stage: Stage
    steps: list[Told] = field(default_factory=list)
    since: list[int] = field(default_factory=list)

    async def play(self, step: Step) -> None:
        """Play one step.

        Raises:
            InvalidInputError: it names what is not there.
        """
        place = len(self.steps)
        self.since.append(len(self.stage.channel.events()))
        self.steps.append(Told(step_in_words(step)))
        if isinstance(step.value, Client):
            seen, wrong = await self._client(step)
            self.steps[place] = replace(self.steps[place], seen=seen, wrong=wrong)
        else:
            answer, wrong = await ACTS[step.verb](self.stage, step.value)
            self.steps[place] = replace(self.steps[place], seen=answer, wrong=wrong)

    def told(self) -> tuple[Told, ...]:
        """Every step, with what was recorded until the next began."""
        events = self.stage.channel.events()
        ends = [*self.since[1:], len(events)]
        spans = zip(self.steps, self.since, ends, strict=True)
        return tuple(
            replace(each, events=tuple(filter(self.stage.is_ours, events[first:last]))) for each, first, last in spans
        )

    async def _client(self, step: Step) -> tuple[Seen, str]:
        client: Client = step.value
        hearing, before = _Hearing(client.after), self.stage.connections
        async with asyncio.TaskGroup() as group:
            beside = group.create_task(self._meanwhile(client, hearing))
            seen = await self._timed(step, hearing)
            if not hearing.heard.is_set():
                beside.cancel()
        await self.stage.settled(before)
        wrong = difference(seen, client.sees, filters=self.stage.exact)
        if not wrong and not hearing.heard.is_set():
            wrong = f"found {hearing.text!r}, expected {client.after!r} in it before its end"
        return seen, wrong

    async def _meanwhile(self, client: Client, hearing: "_Hearing") -> None:
        await hearing.heard.wait()
        for step in client.meanwhile:
            await self.play(step)

    async def _timed(self, step: Step, hearing: "_Hearing") -> Seen:
        """What the client saw; one that runs out of patience is ended, and hangs. Sockets keep time themselves."""
        client, loop = step.value, asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(None if step.verb in ("tcp", "tls") else client.seconds):
                seen = await CLIENTS[step.verb](self.stage, client, hearing)
        except TimeoutError:
            seen = Seen("hangs", f"{hearing.text}(ended after {client.seconds:g} s)")
        return replace(seen, seconds=loop.time() - began)


class _Hearing:
    """Hears a client until it has said what is waited for."""

    def __init__(self, after: str) -> None:
        self._after = after
        self.text = ""
        self.heard = asyncio.Event()
        self("")

    def __call__(self, piece: str) -> None:
        self.text += piece
        if self._after in self.text:
            self.heard.set()


async def played(scenario: Scenario, *, time_scale: float | None = None, starter: Starter | None = None) -> Played:
    """Play a scenario in a world of its own, with free ports.

    Args:
        scenario: of `scenarios.reading`.
        time_scale: emulated seconds in a real one, in place of the scenario's own.
        starter: starts the channel; `start` by default.

    Raises:
        InvalidInputError: its settings, patches or names are wrong.
        UnavailableError: this machine lacks what it needs.
    """
    async with on_stage(scenario, time_scale=time_scale, starter=starter) as stage:
        began = asyncio.get_running_loop().time()
        player = Player(stage)
        for step in scenario.script:
            await player.play(step)
        stage.leave()
        missing = [await stage.until(each.value) for each in scenario.evidence]
        seconds = asyncio.get_running_loop().time() - began
        return Played(scenario, player.told(), tuple(filter(None, missing)), seconds)


@contextlib.asynccontextmanager
async def on_stage(
    scenario: Scenario, *, time_scale: float | None = None, starter: Starter | None = None
) -> AsyncIterator[Stage]:
    """A running channel with a scenario's world, machines and faults; its clients have not come yet.

    Raises:
        InvalidInputError: its settings, patches or names are wrong.
        UnavailableError: this machine lacks what it needs.
    """
    lacks = [why for why in map(programs.lacking, scenario.needs) if why]
    if lacks:
        raise UnavailableError(f"{scenario.name}: {'; '.join(lacks)}")
    running = (starter or _started)(config_of(scenario, time_scale))
    async with running as channel, contextlib.AsyncExitStack() as stack:
        stage = Stage(channel, datetime.datetime.now(datetime.UTC))
        stack.callback(stage.leave)
        await stage.change(scenario.world)
        for hop, state in scenario.machines.items():
            await channel.set_machine(hop, state)
        for values in scenario.faults:
            channel.faults.add(values)
        yield stage


def _started(config: Config) -> AbstractAsyncContextManager[Channel]:
    return start(config=config)


def config_of(scenario: Scenario, time_scale: float | None = None) -> Config:
    """The settings of a scenario's channel.

    Raises:
        InvalidInputError: one of its settings is wrong, or the scale is beyond what it bears.
    """
    scale = scenario.time_scale if time_scale is None else time_scale
    if scale > scenario.largest_time_scale:
        raise InvalidInputError(
            f"--time-scale: found {scale:g}, expected at most {scenario.largest_time_scale:g}: beyond it "
            f"{scenario.name} shows another symptom"
        )
    own = {"topology": scenario.topology, "time_scale": scale, "listen": "auto", "guest": "builtin"}
    try:
        return load_config(None, {**own, **scenario.settings}, {})
    except InvalidInputError as error:
        raise InvalidInputError(str(error).replace("settings:", f"{scenario.name}: settings:")) from None
