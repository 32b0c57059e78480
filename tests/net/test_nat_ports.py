"""Counting the flows that private link has ports for."""

from dataclasses import replace

from emulator.net.nat_ports import NatPorts
from tests.net.conftest import Run
from tests.net.scenes import scene
from tests.worlds import world


def test_the_last_port_and_the_first_that_is_free_again(run: Run) -> None:
    """With two ports the second flow exhausts them, whichever listener has it; its end frees one."""

    async def body() -> None:
        found = world()
        small = replace(found, switches=replace(found.switches, nat_ports_per_backend=2))
        async with scene(small) as playing:
            linux, windows = NatPorts(playing), NatPorts(playing)
            with linux.held("proxy"):
                assert playing.condition.exhausted == frozenset()
                with windows.held("proxy"):
                    assert playing.condition.exhausted == {"proxy"}
                    with linux.held("proxy-2"):
                        assert playing.condition.exhausted == {"proxy"}
                assert playing.condition.exhausted == frozenset()
        assert not +playing.nat_ports

    run(body())
