"""Clients of a composed channel on this machine, and what its control tells them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import aiohttp

from emulator.control import engine
from emulator.control.client import Control
from tests.containers import dialler
from tests.containers.stack import Stack

Seen = Literal["goes on", "silent", "ended"]
Event = Mapping[str, Any]
Where = tuple[str, int]
SERVED = "SSH-2.0-"
ASKED = b"still there?\n"
QUIET = 1.0
"""Real seconds without a byte that count as silence."""
START = 20.0
"""Real seconds for a login on a busy machine."""
ENOUGH = 1 << 20
PLENTY = 64 << 20
"""More bytes than all buffers between here and a build VM hold."""
OPTIONS = (
    *("-F", "/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
    *("-o", "LogLevel=ERROR", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=20"),
)


@dataclass(frozen=True, slots=True)
class Session:
    """A command on the Linux build VM, by OpenSSH's client: `cat`, which is asked, or one that speaks without end."""

    process: asyncio.subprocess.Process
    asked: bool

    async def starts(self) -> None:
        """Wait until it is at work."""
        assert await self.sees(ENOUGH, START) == "goes on"

    async def sees(self, plenty: int = PLENTY, quiet: float = QUIET) -> Seen:
        """Whether it goes on, hears nothing, or was ended; `plenty` bytes are no more what was under way."""
        assert self.process.stdin
        assert self.process.stdout
        if self.asked:
            self.process.stdin.write(ASKED)
        left = len(ASKED) if self.asked else plenty
        while left > 0:
            try:
                async with asyncio.timeout(quiet):
                    heard = await self.process.stdout.read(1 << 20)
            except TimeoutError:
                return "silent"
            if not heard:
                return "ended"
            left -= len(heard)
        return "goes on"

    async def ends(self, seconds: float = 30.0) -> None:
        """Wait until it was ended."""
        async with asyncio.timeout(seconds):
            await self.process.wait()


@contextlib.asynccontextmanager
async def session(key: Path, where: Where, command: str) -> AsyncIterator[Session]:
    """A command that runs until the body ends."""
    process = await asyncio.create_subprocess_exec(
        *ssh(key, where, command),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield Session(process, asked=command == "cat")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def ssh(key: Path, where: Where, *command: str) -> tuple[str, ...]:
    """The command line of OpenSSH's client."""
    return ("ssh", *OPTIONS, "-i", str(key), "-p", str(where[1]), f"packer@{where[0]}", *command)


def exact(stack: Stack, port: int = 60001) -> Where:
    """Where a Linux host dials for what is true to the packet."""
    return f"{stack.service_net}.5", port


def published(stack: Stack, name: str) -> Where:
    """Where a port is published; `name` is that of its variable."""
    return "127.0.0.1", int(stack.settings[f"AIB_EMULATOR_{name}_PORT"])


async def met(where: Where, patience: float = QUIET) -> str:
    """What a new connection meets; see `dialler.dial`."""
    heard = await asyncio.to_thread(dialler.dial, f"{where[0]}:{where[1]}", patience)
    return SERVED if heard.startswith(SERVED) else heard


async def until_met(where: Where, wanted: Collection[str], seconds: float) -> None:
    """Connect anew until a connection meets what is wanted."""
    async with asyncio.timeout(seconds):
        while await met(where) not in wanted:
            pass


@dataclass(frozen=True, slots=True)
class Observed:
    """What control tells of the channel."""

    control: Control

    def __call__(self, wanted: Callable[[Event], bool], since: str) -> list[Event]:
        """The events so far, since a time, for which something is true."""
        return [each for each in self.control.events() if each["time"] >= since and wanted(each)]

    async def first(self, wanted: Callable[[Event], bool], since: str, seconds: float = 40.0) -> Event:
        """The first event since a time for which something is true; waits for it."""
        return (await self.many(1, wanted, since, seconds))[0]

    async def many(
        self, count: int, wanted: Callable[[Event], bool], since: str, seconds: float = 40.0
    ) -> Sequence[Event]:
        """The first so many of them."""
        headers = {"Authorization": f"Bearer {self.control.token}"}
        heard: list[str] = []
        found: list[Event] = []
        try:
            async with (
                asyncio.timeout(seconds),
                aiohttp.ClientSession(headers=headers) as client,
                client.get(f"{self.control.url}/emulator/events?follow=1") as answer,
            ):
                async for line in answer.content:
                    event: Event = json.loads(line)
                    if event["time"] >= since:
                        heard.append(event["sentence"])
                        found += [event] if wanted(event) else []
                        if len(found) == count:
                            return found
        except TimeoutError:
            raise AssertionError("\n".join([f"told {len(found)} of {count} in:", *heard[-50:]])) from None
        raise AssertionError("control ended first")


def control(stack: Stack) -> Control:
    """The control API of a channel, as the command line finds it."""
    port = int(stack.settings["AIB_EMULATOR_CONTROL_PORT"])
    return Control(f"http://127.0.0.1:{port}", engine.token(port))


def observed(stack: Stack) -> Observed:
    """What control tells, from now on; a control that was started anew is asked anew."""
    return Observed(control(stack))


def is_event(name: str, hop: str = "", **data: object) -> Callable[[Event], bool]:
    """Whether an event is an observation of a name, of a hop."""

    def wanted(event: Event) -> bool:
        return (
            event.get("event") == name
            and hop in ("", event["hop"])
            and all(event["data"].get(key) == value for key, value in data.items())
        )

    return wanted


def is_record(kind: str, hop: str, **fields: object) -> Callable[[Event], bool]:
    """Whether an event is a record of a kind at a hop, with some fields."""

    def wanted(event: Event) -> bool:
        return (event.get("kind"), event["hop"]) == (kind, hop) and all(
            event[key] == value for key, value in fields.items()
        )

    return wanted
