"""The way for our own clients; what goes over it is in test_proxy_modes."""

from dataclasses import replace

import pytest

from emulator.app.way import way
from emulator.errors import PeerError
from tests.app.test_run import client, connects, quick
from tests.app.test_status import LINUX

pytestmark = pytest.mark.network


async def test_straight_where_the_proxy_just_forwards() -> None:
    """The entry itself."""
    async with way(LINUX) as found:
        assert found == (LINUX.host, LINUX.port)


async def test_a_port_of_its_own_through_a_proxy_that_is_told() -> None:
    """A local port for as long as it is used; a target that is not to be had ends its connections."""
    async with quick(switches={"proxy_mode": "http-connect"}) as channel:
        endpoint = replace(channel.status.endpoints["linux"], target="10.60.0.8:5985")
        async with way(endpoint) as found:
            assert found[1] != endpoint.port
            with client() as connection:
                assert await connects(connection, found, 5) == "connected"
        with client() as connection:
            assert await connects(connection, found, 5) == "refused"


async def test_a_jump_that_lets_nobody_in() -> None:
    """A wrong account is a sentence."""
    async with quick(switches={"proxy_mode": "ssh-jump"}) as channel:
        endpoint = replace(channel.status.endpoints["linux"], username="nobody", password="wrong")
        with pytest.raises(PeerError, match="ssh nobody@"):
            async with way(endpoint):
                raise AssertionError("it must not open")
