"""A running emulator as the site of a build that another process drives."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.app.building import Order, carried_out
from emulator.app.remote_site import site_of
from emulator.build.plan import plan_of
from emulator.build.staging import staging
from emulator.control.client import Control
from tests.app.fleet.fleet import entry, running
from tests.app.test_build_routes import controlled
from tests.builds import linux, needs_sandbox, shell
from tests.templates import loaded

pytestmark = pytest.mark.network


async def test_the_site_is_what_status_and_world_say() -> None:
    """Account, address in Azure, clock and topology are the running emulator's; a build comes and goes in it."""
    template = loaded(linux(shell("a")))
    async with controlled() as (channel, control):
        site = await asyncio.to_thread(site_of, control, template)
        async with site.reach("linux") as (account, azure):
            pass
        staged = staging(template, "linux", site.world.topology, "guid")
        await site.deploy(staged)
        during = channel.status.builds[0]["state"]
        await asyncio.to_thread(control.cancel_build, "guid")
        async with asyncio.timeout(20):
            await site.cancel_asked(staged)
        await site.tear_down(staged, keep=False)
        await site.tear_down(staging(template, "linux", "public-ip", "never begun"), keep=False)
        after = channel.status.builds[0]["state"]
        endpoint = channel.status.endpoints["linux"]

    assert (account.host, account.port, azure) == (endpoint.host, endpoint.port, "10.60.0.8:22")
    assert site.clock.scale == 1.0
    assert (during, after) == ("running", "done")


@needs_sandbox
async def test_a_build_over_a_fleet(tmp_path: Path) -> None:
    """Hops that are processes of their own carry a build, whose resources their control shows."""
    template = loaded(linux(shell("echo hello")))
    async with running(guest="sandbox") as found:
        control = Control(found.fleet.control, found.token())
        site = await asyncio.to_thread(site_of, control, template)
        host, port = entry(found)
        linux_endpoint = {**site.status["endpoints"]["linux"], "host": host, "port": port}
        near = replace(site, status={**site.status, "endpoints": {"linux": linux_endpoint}})
        result = await carried_out(Order(template, plan_of(template)), near, site.world, tmp_path)
        (build,) = found.fleet.status.builds
        kinds = [each["type"] for each in await asyncio.to_thread(control.world)]

    assert result.succeeded, result.failure
    assert (build["state"], len(build["resources"])) == ("done", 2)
    assert "Microsoft.Storage/storageAccounts" in kinds
    assert "no container engine here has this channel" in site.doubts[0]
