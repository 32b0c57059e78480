"""The control API over real HTTP: who may ask, what is answered, and what is refused."""

import asyncio
import contextlib
import http.client
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from emulator.control.api import serving
from emulator.control.client import Control
from emulator.control.metrics import Tally
from emulator.errors import InvalidInputError, UnavailableError
from emulator.net.listener import bind
from emulator.observe import Event, Observation

pytestmark = pytest.mark.network
TOKEN = "correct-horse"
GROUP = {"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/n"}


@dataclass(frozen=True)
class FakeStatus:
    """A status that is ready or not."""

    ready: bool

    def as_json(self) -> dict[str, Any]:
        return {"ready": self.ready, "hops": [{"name": "proxy", "state": "up"}]}


class FakeFaults:
    """Faults that are remembered as they came."""

    def __init__(self) -> None:
        self.values: list[dict[str, Any]] = []

    def add(self, values: Mapping[str, Any]) -> None:
        if "kind" not in values:
            raise InvalidInputError("kind: found None, expected one of delay")
        self.values.append({"name": "it", **values})

    def remove(self, name: str) -> None:
        if name not in [each["name"] for each in self.values]:
            raise InvalidInputError(f"name: found {name!r}, expected one of the running faults")
        self.values = [each for each in self.values if each["name"] != name]

    def clear(self) -> None:
        self.values = []

    def all(self) -> list[dict[str, Any]]:
        return self.values


class FakeChannel:
    """A channel that remembers what was applied."""

    def __init__(self, *, ready: bool = True) -> None:
        self.status = FakeStatus(ready)
        self.applied: list[Mapping[str, Any]] = []
        self.tally = Tally()
        self.faults = FakeFaults()
        self.states = {"proxy": "running"}
        self.stopped = asyncio.Event()

    def events(self) -> tuple[Event, ...]:
        return (Observation("now", "WorldApplied", "control", "the world → changed"),)

    async def follow(self) -> AsyncIterator[Event]:
        for event in self.events():
            yield event

    def resources(self) -> list[dict[str, Any]]:
        return [dict(each) for each in self.applied]

    async def apply(self, resources: list[Mapping[str, Any]]) -> None:
        if any("bad" in each for each in resources):
            raise InvalidInputError("resource: bad: found 1, expected nothing of the kind")
        self.applied = resources

    async def reset(self) -> None:
        self.applied = []

    def machine_states(self) -> dict[str, str]:
        return self.states

    async def set_machine(self, hop: str, state: str) -> None:
        if hop not in self.states:
            raise InvalidInputError(f"hop: found {hop!r}, expected one of proxy")
        self.states[hop] = state


@contextlib.asynccontextmanager
async def api(channel: FakeChannel) -> AsyncIterator[str]:
    """The API of a channel on a free port; yields its URL."""
    bound = bind("127.0.0.1", 0)
    with contextlib.closing(bound):
        async with serving(channel, TOKEN, bound, stop=channel.stopped.set) as url:
            yield url


async def ask(
    url: str, method: str, path: str, body: str | None = None, **headers: str
) -> tuple[int, dict[str, Any]]:
    """One request, exactly as given."""

    def talk() -> tuple[int, dict[str, Any]]:
        with contextlib.closing(http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)) as connection:
            connection.request(method, path, body, {key.replace("_", "-"): value for key, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    return await asyncio.to_thread(talk)


BEARER = f"Bearer {TOKEN}"
PATHS = [
    ("GET", "/emulator/status"),
    ("GET", "/emulator/events"),
    ("GET", "/emulator/world"),
    ("PUT", "/emulator/world"),
    ("POST", "/emulator/reset"),
    ("POST", "/emulator/stop"),
    ("GET", "/nonsense"),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}])
async def test_nobody_gets_in_without_the_token(method: str, path: str, given: dict[str, str]) -> None:
    """Everything but health answers 401 without the right bearer token, and does nothing."""
    channel = FakeChannel()
    async with api(channel) as url:
        status, answer = await ask(url, method, path, "{}", Content_Type="application/json", **given)

    assert (status, answer["status"]) == (401, 401)
    assert not channel.stopped.is_set()
    assert TOKEN not in json.dumps(answer)


@pytest.mark.parametrize(("ready", "expected"), [(True, 200), (False, 503)])
async def test_health_is_open_and_honest(*, ready: bool, expected: int) -> None:
    """Health needs no token; it is 200 only when the channel is ready, with each hop's state."""
    async with api(FakeChannel(ready=ready)) as url:
        assert await ask(url, "GET", "/emulator/health") == (expected, {"ready": ready, "hops": {"proxy": "up"}})


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1:80", ""])
async def test_other_hosts_are_refused(host: str) -> None:
    """A page in a browser that names another host gets nothing, token or not."""
    async with api(FakeChannel()) as url:
        status, _ = await ask(url, "GET", "/emulator/health", None, Host=host, Authorization=BEARER)

    assert status in (400, 421)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:80", "CONTROL"])
async def test_loopback_names_are_allowed(host: str) -> None:
    """The loopback names and the service's own are hosts of ours."""
    async with api(FakeChannel()) as url:
        assert (await ask(url, "GET", "/emulator/health", None, Host=host))[0] == 200


async def test_changes_need_json() -> None:
    """A form that a page can post is no change."""
    channel = FakeChannel()
    async with api(channel) as url:
        form = {"Content_Type": "text/plain", "Authorization": BEARER}
        status, answer = await ask(url, "PUT", "/emulator/world", json.dumps(GROUP), **form)

    assert status == 415
    assert "application/json" in answer["error"]
    assert channel.applied == []


@pytest.mark.parametrize("body", ["", "{", "[]", "[1]", "null", '"/etc/passwd"', '{"bad": 1}', "[" * 100_000])
async def test_a_bad_body_is_one_clear_answer(body: str) -> None:
    """What is not resources is 400 with a message, and nothing changes."""
    channel = FakeChannel()
    async with api(channel) as url:
        given = {"Content_Type": "application/json", "Authorization": BEARER}
        status, answer = await ask(url, "PUT", "/emulator/world", body, **given)

    assert status == 400
    assert answer["error"]
    assert channel.applied == []


async def test_the_client_speaks_every_route() -> None:
    """Control asks for status, world and events, applies, resets and stops."""
    channel = FakeChannel()
    async with api(channel) as url:
        control = Control(url, TOKEN)
        status = await asyncio.to_thread(control.status)
        applied = await asyncio.to_thread(control.apply, [GROUP])
        world = await asyncio.to_thread(control.world)
        now = await asyncio.to_thread(lambda: list(control.events()))
        followed = await asyncio.to_thread(lambda: list(control.events(follow=True)))
        after = await asyncio.to_thread(control.reset)
        await asyncio.to_thread(control.shutdown)

    assert status["ready"]
    assert applied == world == [GROUP]
    assert [event["sentence"] for event in now] == ["the world → changed"] == [each["sentence"] for each in followed]
    assert after == []
    assert channel.stopped.is_set()


async def test_the_client_tells_trouble_apart() -> None:
    """Findings are InvalidInputError with the API's message; a wrong token or nobody there is UnavailableError."""
    async with api(FakeChannel()) as url:
        with pytest.raises(InvalidInputError, match="nothing of the kind"):
            await asyncio.to_thread(Control(url, TOKEN).apply, [{"bad": 1}])
        with pytest.raises(UnavailableError, match="token"):
            await asyncio.to_thread(Control(url, "wrong").status)
    with pytest.raises(UnavailableError, match="no emulator answers"):
        await asyncio.to_thread(Control(url, TOKEN).status)
    with pytest.raises(InvalidInputError, match="expected a URL"):
        Control("ftp://x", TOKEN).status()


async def test_metrics_are_for_who_has_the_token() -> None:
    """Prometheus gives the token as a bearer; without it there are no numbers."""
    async with api(FakeChannel()) as url:

        def scrape(**headers: str) -> tuple[int, str]:
            address = url.removeprefix("http://")
            with contextlib.closing(http.client.HTTPConnection(address, timeout=10)) as connection:
                connection.request("GET", "/metrics", None, headers)
                answer = connection.getresponse()
                return answer.status, answer.read().decode()

        refused, _ = await asyncio.to_thread(scrape)
        status, text = await asyncio.to_thread(scrape, Authorization=f"Bearer {TOKEN}")

    assert (refused, status) == (401, 200)
    assert 'aib_emulator_hop_up{hop="proxy"} 1.0' in text


async def test_machines_have_states() -> None:
    """States are shown, set by the machine's name, and refused with what is allowed."""
    async with api(FakeChannel()) as url:
        control = Control(url, TOKEN)
        before = await asyncio.to_thread(control.machines)
        after = await asyncio.to_thread(control.set_machine, "proxy", "deallocated")
        with pytest.raises(InvalidInputError, match=r"hop: found 'a/b', expected one of proxy"):
            await asyncio.to_thread(control.set_machine, "a/b", "running")
        known = {"Authorization": f"Bearer {TOKEN}", "Content_Type": "application/json"}
        status, answer = await ask(url, "PUT", "/emulator/machines/proxy", "[]", **known)

    assert (before, after) == ({"proxy": "running"}, {"proxy": "deallocated"})
    assert status == 400
    assert answer["error"] == 'body: expected an object as {"state": "deallocated"}'


async def test_faults_come_and_go() -> None:
    """The client adds, lists and removes them; what is wrong is one clear answer."""
    async with api(FakeChannel()) as url:
        control = Control(url, TOKEN)
        added = await asyncio.to_thread(control.add_fault, {"kind": "delay", "seconds": 1})
        listed = await asyncio.to_thread(control.faults)
        with pytest.raises(InvalidInputError, match="kind: found None"):
            await asyncio.to_thread(control.add_fault, {})
        with pytest.raises(InvalidInputError, match="name: found 'other/one'"):
            await asyncio.to_thread(control.remove_fault, "other/one")
        left = await asyncio.to_thread(control.remove_fault, "it")
        await asyncio.to_thread(control.add_fault, {"kind": "mute"})
        await asyncio.to_thread(control.clear_faults)
        cleared = await asyncio.to_thread(control.faults)

    assert listed == [added] == [{"name": "it", "kind": "delay", "seconds": 1}]
    assert left == cleared == []
