"""The Linux build VM as a container: real OpenSSH, no network, nothing left."""

import asyncio
from pathlib import Path

import pytest

from emulator.app.run import start
from emulator.errors import UnavailableError
from emulator.machines import container
from tests.containers.stack import BUILDING, docker

pytestmark = [pytest.mark.network, pytest.mark.containers, pytest.mark.xdist_group("containers")]


@pytest.fixture(scope="module")
def image() -> None:
    """The image that `docker compose` builds."""
    reason = container.missing()
    if reason and "no image" in reason:
        docker("compose", "build", "--quiet", "build-linux", patience=BUILDING)
        reason = container.missing()
    if reason:
        pytest.skip(reason)


def left() -> list[str]:
    """Containers of this kind that are still there."""
    return docker("ps", "--all", "--quiet", "--filter", f"label={container.LABEL}").stdout.split()


@pytest.mark.timeout(300)
async def test_commands_run_in_it(image: None) -> None:
    """A command runs in a container by OpenSSH, as an ordinary user with sudo and without a network."""
    before = left()
    async with start(guest="container") as channel:
        who = await channel.run("linux", "id -un; sudo id -un; cat /etc/debian_version")
        interfaces = await channel.run("linux", "ls /sys/class/net")
        detail = next(hop.detail for hop in channel.status.hops if hop.name == "build-linux")

    assert who.stdout.decode().split()[:2] == ["packer", "root"]
    assert interfaces.stdout == b"lo\n"
    assert detail.startswith("container: OpenSSH in ")
    assert left() == before


@pytest.mark.timeout(300)
async def test_many_connections_at_once(image: None) -> None:
    """Each connection has a server of its own, and they do not wait for one another."""
    async with start(guest="container") as channel:
        outcomes = await asyncio.gather(*(channel.run("linux", f"echo {number}") for number in range(8)))

    assert [outcome.stdout for outcome in outcomes] == [f"{number}\n".encode() for number in range(8)]


@pytest.mark.timeout(300)
async def test_it_is_stopped_and_started(image: None) -> None:
    """Stopped it refuses; started again it is a new machine that serves."""
    async with start(guest="container") as channel:
        await channel.run("linux", "echo old > note")
        await channel.stop("build-linux")
        await channel.start("build-linux")
        outcome = await channel.run("linux", "cat note || echo new")

    assert outcome.stdout == b"new\n"


async def test_without_an_engine_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A guest that was asked for and cannot be is an error with its reason, not another guest."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")

    with pytest.raises(UnavailableError, match="guest container: no container engine answers"):
        async with start(guest="container"):
            raise AssertionError("it must not start")


def test_a_detail_names_its_container() -> None:
    """What status says of a container guest names the container; what it says of another names none."""
    assert container.named_in(container.DETAIL.format("0123456789ab")) == "0123456789ab"
    assert container.named_in("sandbox: namespaces") is None
