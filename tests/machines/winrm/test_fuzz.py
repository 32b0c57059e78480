"""Random and mutated input of every kind: whatever comes, the answer is a reply or a fault, and nothing grows."""

import asyncio
import contextlib
import gc
import os
import random

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.machines.winrm import fuzzing
from tests.machines.winrm.fuzzing import KINDS, Kind
from tests.windows_vm import windows_vm

EXAMPLES: dict[Kind, int] = {
    fuzzing.soap: 200,
    fuzzing.psrp: 60,
    fuzzing.ntlm: 100,
    fuzzing.sealed: 200,
    fuzzing.http: 60,
}
"""How many examples a kind gets; a login by CredSSP takes long, and gets the rest."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_whatever_comes_is_answered(kind: Kind) -> None:
    """Input of this kind that was changed is answered or refused, and raises nothing but that."""

    async def feed(chance: random.Random) -> None:
        async with fuzzing.stand() as at:
            for _ in range(3):
                await kind(at, chance)

    @settings(max_examples=EXAMPLES.get(kind, 20), suppress_health_check=list(HealthCheck))
    @given(st.randoms(use_true_random=False))
    def one(chance: random.Random) -> None:
        asyncio.run(feed(chance))

    one()


@pytest.mark.parametrize("which", range(5))
async def test_what_is_not_changed_is_understood(which: int) -> None:
    """The dialogue that is changed by chance is a good one: unchanged, it is taken, and its pipeline answers."""
    async with fuzzing.stand() as at:
        replies = await fuzzing.talk(at, 1, which, lambda data: data)

    assert [reply.action for reply in replies if reply.action.endswith("/fault")] == []
    assert len(replies[5].stream("stdout")) > 100


async def soak(count: int) -> tuple[int, int]:
    """Feed one machine that many inputs of all kinds; the resident bytes after the first thousand, and at the end."""
    chance, process, early = random.Random(5), psutil.Process(os.getpid()), 0
    kinds = chance.choices(list(KINDS), list(KINDS.values()), k=count)
    async with fuzzing.stand() as at:
        for number, kind in enumerate(kinds, 1):
            await kind(at, chance)
            if number == 1000:
                gc.collect()
                early = process.memory_info().rss
        at.service.shells.close_all()
    gc.collect()
    return early, process.memory_info().rss


async def test_a_thousand_inputs_of_all_kinds() -> None:
    """A machine that was fed a thousand inputs of all kinds still runs commands."""
    await soak(1000)


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_twenty_thousand_inputs_leave_nothing() -> None:
    """Twenty thousand inputs of all kinds later the process is at most 20 MiB larger than after a thousand."""
    early, late = await soak(20_000)

    assert late - early < 20 * 1024 * 1024


@pytest.mark.network
async def test_random_http_ends() -> None:
    """Whatever bytes a stranger sends within TLS, the connection ends, and the next one is served."""
    chance = random.Random(8)
    request = b"POST /wsman HTTP/1.1\r\nHost: x\r\nAuthorization: Basic cGFja2VyOng=\r\nContent-Length: 4\r\n\r\nabcd"

    def knock(vm: object) -> None:
        with vm.dial_tls() as client:  # type: ignore[attr-defined]
            client.settimeout(5)
            client.sendall(fuzzing.mutated(chance, request) if chance.random() < 0.7 else chance.randbytes(200))
            with contextlib.suppress(TimeoutError, OSError):
                client.unwrap()

    async with windows_vm() as vm:
        for _ in range(60):
            await asyncio.to_thread(knock, vm)
        assert vm.observed.count("CommandAnswered") == 0
