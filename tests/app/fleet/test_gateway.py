"""Whose connections come through the gateway; what becomes of them is in tests/containers/test_gateway.py."""

import pytest

from emulator.app.fleet.gateway import Machines
from emulator.app.outbound.atlas import Atlas
from tests.net.scenes import scene
from tests.worlds import nic_of, world

pytestmark = pytest.mark.network


async def test_a_machine_is_known_by_where_it_is() -> None:
    """A build VM's transport address means that build VM; a proxy's, and a stranger's, nobody."""
    async with scene(world()) as found:
        machines = Machines(found, Atlas())
        places = {
            hop: found.loopback.of(nic_of(found.world, hop).address) for hop in ("build-linux", "build-windows")
        }
        proxy = found.loopback.of(nic_of(found.world, "proxy").address)

        for hop, place in places.items():
            known = machines(place)
            assert known
            assert (known.hop, known.address) == (hop, nic_of(found.world, hop).address)
        if found.loopback.exact:
            assert machines(proxy) is None
        assert machines("203.0.113.1") is None
