"""Faults of a running channel, as a real client meets them and as its records tell."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

import emulator
from emulator.app.channel import Channel
from emulator.app.faults import Faults, read_all
from emulator.channels.base import Outcome
from emulator.errors import InvalidInputError, PeerError
from emulator.observe import Observation, Record
from emulator.rules.faults.fault import Fault
from tests.app.test_run import attempt, client, connects, entry, hears, quick, seen

pytestmark = pytest.mark.network
HURRY: dict[str, Any] = {"time_scale": 10, "switches": {"proxy_connect_timeout": 5}}


async def banner(channel: Channel, seconds: float = 5) -> bytes | None:
    """What a fresh client hears of the Linux build VM: None for silence, nothing for an end."""
    with client() as connection:
        assert await connects(connection, entry(channel), 5) == "connected"
        return await hears(connection, seconds)


async def record_of(channel: Channel, name: str, hop: str = "proxy") -> Record:
    """The record that names a fault, at a hop."""
    return await seen(channel, lambda found: name in found.faults and found.hop == hop, 20)


@pytest.mark.parametrize(
    ("hop", "kind", "meets"),
    [
        ("load-balancer", "drop-syn", "silent"),
        ("load-balancer", "refuse", "refused"),
        ("load-balancer", "mute", "connected"),
        ("proxy", "drop-syn", "silent"),
        ("proxy", "refuse", "refused"),
        ("proxy", "mute", "connected"),
    ],
)
async def test_attempts_at_the_balancer_and_the_proxy(hop: str, kind: str, meets: str) -> None:
    """What a client's connect meets: the balancer answers for nobody. Probes stay green, and removed it is healed."""
    async with quick(**HURRY) as channel:
        channel.add_fault(kind, hop=hop, name="it")
        assert await attempt(channel) == meets
        assert channel.status.hops[1].state == "up"
        channel.remove_fault("it")
        assert (await banner(channel) or b"").startswith(b"SSH-2.0")


@pytest.mark.parametrize(
    ("hop", "leg"),
    [("load-balancer", "private-endpoint → load-balancer"), ("proxy", "load-balancer → proxy")],
)
async def test_a_dropped_attempt_names_the_leg_to_its_hop(hop: str, leg: str) -> None:
    """Not the one behind it, which the attempt never came to."""
    async with quick(**HURRY) as channel:
        channel.add_fault("drop-syn", hop=hop, name="it")
        assert await attempt(channel) == "silent"
        record = await record_of(channel, "it", "load-balancer")

    assert record.leg == leg
    assert f" dropped at {leg}: fault it (drop-syn at {hop})" in record.sentence


@pytest.mark.parametrize("hop", ["load-balancer", "proxy"])
async def test_a_half_close_is_the_faults_doing(hop: str) -> None:
    """Though client and build VM end the connection in turn, who ended it first is the hop, by its fault."""
    async with quick(**HURRY) as channel:
        channel.add_fault("half-close", hop=hop, direction="to-client", name="it")
        assert await banner(channel) == b""
        record = await seen(channel, lambda found: found.hop == hop and found.reason.name == "it", 20)

    assert (record.ended_by, record.how, record.reason.kind, record.faults) == (hop, "fin", "fault", ("it",))
    assert f"at {hop} was ended by {hop} with FIN" in record.sentence


@pytest.mark.parametrize(("kind", "heard"), [("drop-syn", None), ("refuse", b"")])
async def test_attempts_at_the_build_vm(kind: str, heard: bytes | None) -> None:
    """A client connects to the proxy and hears nothing, or its end; the path is denied by the fault."""
    async with quick(**HURRY) as channel:
        channel.add_fault(kind, hop="build-linux", name="it")
        assert await banner(channel, 0.2) == heard
        record = await record_of(channel, "it")
        path = channel.status.paths["linux"]
        channel.remove_fault("it")
        assert (await banner(channel) or b"").startswith(b"SSH-2.0")

    assert (record.reason.kind, record.reason.name) == ("fault", "it")
    assert f"fault it ({kind} at build-linux)" in record.sentence
    assert (path.outcome, path.reason) == ("denied", f"fault it ({kind} at build-linux)")


async def test_a_reset_in_the_handshake_is_told_with_its_hop() -> None:
    """A client of ours is reset; the record says by which fault, at which hop, and when."""
    async with quick(**HURRY) as channel:
        fault = channel.add_fault("reset", hop="proxy", at="handshake", name="cut")
        with pytest.raises(PeerError):
            await channel.run("linux", "true", timeout=20)
        record = await record_of(channel, "cut")
        channel.remove_fault("cut")
        healed = await channel.run("linux", "echo well", timeout=20)

    assert fault.name == "cut"
    assert (record.ended_by, record.how, record.faults) == ("proxy", "rst", ("cut",))
    assert "fault cut (reset) (faults: cut after 0." in record.sentence
    assert healed == Outcome(0, b"well\n", b"")


async def test_a_fault_reaches_a_session_under_way() -> None:
    """A stall that is added to an open connection holds it, and its removal lets it go on."""
    async with quick(**HURRY) as channel:
        with client() as session:
            assert await connects(session, entry(channel), 5) == "connected"
            assert await hears(session, 5)
            channel.add_fault("stall", hop="load-balancer", direction="from-client", name="held")
            session.send(b"SSH-2.0-client\r\n")
            assert await hears(session, 0.3) is None
            channel.remove_fault("held")
            assert await hears(session, 5)
        record = await record_of(channel, "held", "load-balancer")

    assert record.ended_by == "client"
    assert "(faults: held after" in record.sentence


async def test_one_connection_of_three() -> None:
    """The second connection is closed, the first and third are not."""
    async with quick(**HURRY) as channel:
        channel.add_fault("close", hop="proxy", nth=2)
        heard = [await banner(channel) for _ in range(3)]

    assert [bool(each) for each in heard] == [True, False, True]


async def test_faults_of_the_settings_are_there_from_the_start_and_after_a_reset(tmp_path: Path) -> None:
    """`faults` in emulator.yaml; a reset removes what was added and brings them back."""
    file = tmp_path / "emulator.yaml"
    file.write_text("time_scale: 10\nfaults:\n  - {kind: delay, hop: proxy, seconds: 0.1, seed: 1}\n")
    async with emulator.start(config=file, guest="builtin") as channel:
        first = channel.faults.all()
        channel.remove_fault("delay")
        channel.add_fault("mute", hop="proxy")
        await channel.reset()
        assert channel.faults.all() == first
        assert [each["name"] for each in first] == ["delay"]


async def test_a_build_vms_fault_may_be_there_from_the_start() -> None:
    """The build VM that will play it is known before it runs."""
    async with quick(faults=({"kind": "no-exit-status", "hop": "build-linux"},)) as channel:
        with pytest.raises(PeerError, match="ended before the command did"):
            await channel.run("linux", "true", timeout=30)


async def test_a_share_of_refusals_at_the_entry() -> None:
    """A listener cannot refuse some: they are accepted and reset, and their records say so."""
    async with quick(**HURRY) as channel:
        channel.add_fault("refuse", hop="load-balancer", share=0.5, seed=7, name="half")
        heard = []
        for _ in range(12):
            with client() as connection:
                assert await connects(connection, entry(channel), 5) == "connected"
                try:
                    heard.append(bool(await hears(connection, 5)))
                except OSError:
                    heard.append(False)
        record = await record_of(channel, "half", "load-balancer")

    assert set(heard) == {True, False}
    assert (record.how, record.approximated) == ("rst", True)


async def test_what_waits_for_a_listener_is_served_once_it_is_healed() -> None:
    """A mute proxy's client hears the banner as soon as the fault is gone; its record names the fault."""
    async with quick(**HURRY) as channel:
        channel.add_fault("mute", hop="proxy", name="held")
        with client() as connection:
            assert await connects(connection, entry(channel), 5) == "connected"
            assert await hears(connection, 0.3) is None
            channel.remove_fault("held")
            assert (await hears(connection, 10) or b"").startswith(b"SSH-2.0")


async def test_wrong_faults_of_the_settings_start_nothing() -> None:
    """Every finding with its place."""
    wrong = ({"kind": "delay", "hop": "proxy"}, {"kind": "slow", "hop": "proxy"})
    with pytest.raises(
        InvalidInputError, match=r"faults\.0\.seconds: found nothing(.|\n)*faults\.1\.kind: found 'slow'"
    ):
        async with emulator.start(faults=wrong):
            pass


async def test_flapping_and_healing() -> None:
    """A listener that flaps refuses for a while, then listens, by itself."""
    async with quick(**HURRY) as channel:
        channel.add_fault("flap", hop="load-balancer", down=3, up=3600)
        assert await attempt(channel) == "refused"
        async with asyncio.timeout(20):
            while await attempt(channel) != "connected":
                pass


def kept() -> tuple[Faults, list[tuple[Fault, ...]], list[Observation]]:
    """Faults of nobody: what is played, and what is told."""
    played: list[tuple[Fault, ...]] = []
    told: list[Observation] = []

    def observe(event: Any) -> None:
        told.append(event)

    return Faults(played.append, lambda: ["proxy", "build-linux"], observe), played, told


def test_names_are_given_and_unique() -> None:
    """Two of a kind are told apart; a name that is taken is refused, and nothing changes."""
    faults, played, told = kept()
    names = [faults.add({"kind": "mute", "hop": "proxy"}).name for _ in range(3)]
    with pytest.raises(InvalidInputError, match="name: found 'mute-2', which another fault has already"):
        faults.add({"kind": "mute", "hop": "proxy", "name": "mute-2"})

    assert names == ["mute", "mute-2", "mute-3"]
    assert len(played) == 3
    assert [each.event for each in told] == ["FaultAdded"] * 3


def test_removal_is_told_and_an_unknown_name_is_refused() -> None:
    """What goes is named; what is not there, too, beside what is."""
    faults, played, told = kept()
    faults.add({"kind": "mute", "hop": "proxy"})
    with pytest.raises(InvalidInputError, match="name: found 'x', expected one of the running faults: mute"):
        faults.remove("x")
    faults.clear()

    assert played[-1] == ()
    assert [each.event for each in told] == ["FaultAdded", "FaultRemoved"]
    assert "fault mute (mute at proxy, seed " in told[-1].sentence


def test_a_seed_is_drawn_where_none_is_given() -> None:
    """Each fault without a seed gets its own."""
    found = read_all([{"kind": "mute", "hop": "proxy"}] * 8, ["proxy"])

    assert len({each.seed for each in found}) > 1
