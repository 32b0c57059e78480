"""A running emulator as the site of a build that another process drives."""

import asyncio

import pytest

from emulator.app.remote_site import site_of
from emulator.build.staging import staging
from tests.app.test_build_routes import controlled
from tests.builds import linux, shell
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
