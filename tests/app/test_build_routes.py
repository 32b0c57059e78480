"""Builds over the control API, as a process of its own drives them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import emulator
from emulator.app.build_routes import routes
from emulator.app.channel import Channel
from emulator.control.api import serving
from emulator.control.client import Control
from emulator.errors import InvalidInputError
from emulator.net.listener import bind
from tests.builds import linux, shell

pytestmark = pytest.mark.network


@contextlib.asynccontextmanager
async def controlled() -> AsyncIterator[tuple[Channel, Control]]:
    """A channel with its control API."""
    with contextlib.closing(bind("127.0.0.1", 0)) as bound:
        async with emulator.start(guest="builtin") as channel:
            api = serving(channel, "token", bound, stop=lambda: None, more=routes(channel))
            async with api as url:
                yield channel, Control(url, "token")


async def test_a_build_of_another_process_is_deployed_and_deleted(tmp_path: Path) -> None:
    """Begun, shown by status, ended; what leaves is gone."""
    async with controlled() as (_, control):
        begun: Any = await asyncio.to_thread(control.begin_build, "guid", linux(shell("a")), "linux")
        during = await asyncio.to_thread(control.status)
        await asyncio.to_thread(control.end_build, "guid")
        after = await asyncio.to_thread(control.status)

    assert during["builds"] == [begun]
    assert len(begun["resources"]) > 10
    assert [each["type"].rpartition("/")[2] for each in after["builds"][0]["resources"]] == [
        "resourceGroups",
        "storageAccounts",
    ]


async def test_wrong_bodies_are_refused() -> None:
    """A body without template or system, and an ID of nobody, are told what is expected."""
    async with controlled() as (channel, control):
        with pytest.raises(InvalidInputError, match="expected an object as"):
            await asyncio.to_thread(control.begin_build, "guid", linux(shell("a")), "plan9")
        with pytest.raises(InvalidInputError, match="expected a GUID"):
            await asyncio.to_thread(control.begin_build, "a.b", linux(shell("a")), "linux")
        with pytest.raises(InvalidInputError, match="expected one of"):
            await asyncio.to_thread(control.end_build, "nobody")
        assert channel.status.builds == ()


async def test_the_world_has_a_build_s_resources_while_they_are_there() -> None:
    """Beside the channel's own, between deployment and teardown; the group's storage stays."""
    async with controlled() as (_, control):
        before = await asyncio.to_thread(control.world)
        begun: Any = await asyncio.to_thread(control.begin_build, "guid", linux(shell("a")), "linux")
        during = await asyncio.to_thread(control.world)
        await asyncio.to_thread(control.end_build, "guid")
        after = await asyncio.to_thread(control.world)

    own = [each["id"] for each in before]
    assert [each["id"] for each in during] == own + [each["id"] for each in begun["resources"][1:]]
    assert [each["type"].rpartition("/")[2] for each in after[len(own) :]] == ["storageAccounts"]
    assert [each["id"] for each in after[: len(own)]] == own


async def test_a_world_that_was_shown_during_a_build_is_applied() -> None:
    """Shown, edited and applied: what is the build's may stand in it as it was shown, and may not be changed."""
    async with controlled() as (channel, control):
        await asyncio.to_thread(control.begin_build, "guid", linux(shell("a")), "linux")
        shown = await asyncio.to_thread(control.world)
        (group,) = [each for each in shown if each["name"] == "build-nsg"]
        group["properties"]["securityRules"][0]["properties"]["priority"] = 321
        again = await asyncio.to_thread(control.apply, shown)
        (balancer,) = [each for each in shown if each["name"].startswith("aiblb")]
        balancer["properties"]["loadBalancingRules"].pop()
        with pytest.raises(InvalidInputError, match=r"aiblb\w+, expected a resource of the world's own"):
            await asyncio.to_thread(control.apply, [balancer])
        balancers = [each.id.name for each in channel.world.balancers]

    assert [each["id"] for each in again] == [each["id"] for each in shown]
    assert balancers == ["aib-lb"]
