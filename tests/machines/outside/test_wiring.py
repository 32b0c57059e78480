"""A guest's interface where the kernel makes one, and a guest without it where it does not."""

import pytest

from emulator.errors import UnavailableError
from emulator.machines.guest import Command
from emulator.machines.outside.wish import Wish
from emulator.machines.sandbox import messages
from emulator.machines.sandbox.host import WayOut, sandbox

pytestmark = pytest.mark.network
WISH = Wish("10.60.0.8", 24, "10.60.0.1", "000D3A112233", ("168.63.129.16",))


async def started(wish: Wish) -> tuple[list[str], str]:
    """What the switchboard of a guest says first, and the interfaces that a command of the guest's sees."""
    ours, theirs = messages.pair()
    with ours, theirs:
        ours.settimeout(20)
        try:
            async with sandbox(hostname="guest", username="packer", way_out=WayOut(wish, theirs)) as guest:
                process = await guest.start(Command("tail -n +3 /proc/net/dev | cut -d: -f1"))
                seen = (await process.read("stdout")).decode().split()
                await process.wait()
                await process.close()
                said: list[str] = []
                while not said or said[-1] == "resolver":
                    message, descriptors = messages.receive(ours)
                    messages.close(descriptors)
                    said.append(next(iter(message)))
                return said, " ".join(sorted(seen))
        except UnavailableError as error:
            pytest.skip(str(error))


async def test_a_guest_has_an_interface() -> None:
    """Its resolver's socket comes out of it, then it is ready, and its commands see eth0."""
    assert await started(WISH) == (["resolver", "ready"], "eth0 lo")


async def test_a_guest_starts_without_one_where_the_kernel_refuses() -> None:
    """An address that no interface can have: the reason is told, and commands run without a network."""
    said, seen = await started(Wish("10.60.0.8", 24, "10.60.0.1", "0D3A11"))

    assert said == ["lost"]
    assert "eth0" not in seen
