"""Sources: mirrors, files and http; ten attempts; checksums."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from emulator.build.plan import plan_of
from emulator.build.sources import ATTEMPTS, Fetcher, Mirror, mirror_of
from emulator.build.steps import Source
from emulator.clock import Clock
from emulator.errors import InvalidInputError
from tests.builds import linux
from tests.templates import loaded

QUICK = Clock(100_000)


async def got(uri: str, *mirrors: Mirror, checksum: str = "", told: list[str] | None = None) -> bytes:
    """What a script's address comes to."""
    step = {"type": "Shell", "scriptUri": uri, **({"sha256Checksum": checksum} if checksum else {})}
    fetcher = Fetcher(mirrors, QUICK, (told if told is not None else []).append)
    found = await fetcher.all(plan_of(loaded(linux(step))))
    return found.of(Source(uri, checksum))


@contextlib.asynccontextmanager
async def server(*failures: int) -> AsyncIterator[str]:
    """A server whose first answers are failures."""
    left = list(failures)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=left.pop(0)) if left else web.Response(text="echo served")

    app = web.Application()
    app.router.add_get("/s.sh", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield _name(runner)
    finally:
        await runner.cleanup()


def _name(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}/s.sh"


async def test_a_mirror_has_what_is_below_its_address(tmp_path: Path) -> None:
    """A folder stands for an address; whatever else is in an address, its file is inside the folder."""
    (tmp_path / "a b.sh").write_text("echo mirrored")
    mirror = Mirror("https://example.com/scripts/", tmp_path)

    assert await got("https://example.com/scripts/a%20b.sh?token=x", mirror) == b"echo mirrored"
    with pytest.raises(InvalidInputError, match="is outside"):
        await got("https://example.com/scripts/%2e%2e/%2e%2e/etc/passwd", mirror)


async def test_a_file_s_address(tmp_path: Path) -> None:
    """`file://` is read from this machine."""
    (tmp_path / "s.sh").write_text("echo file")

    assert await got(f"file://{tmp_path}/s.sh") == b"echo file"


@pytest.mark.network
async def test_ten_attempts() -> None:
    """Nine failures are told in the service's words, and the tenth attempt may succeed."""
    told: list[str] = []
    async with server(*[503] * 9) as uri:
        assert await got(uri, told=told) == b"echo served"

    assert len(told) == 9
    assert told[8].startswith(f"Downloading external file ({uri}) to local file (")
    assert told[8].endswith("customizer.fp) [attempt 9 of 10] failed")


async def test_what_cannot_be_had_is_one_line(tmp_path: Path) -> None:
    """After ten attempts the message has place, address, reason, and what helps."""
    told: list[str] = []
    with pytest.raises(InvalidInputError) as caught:
        await got(f"file://{tmp_path}/none.sh", told=told)

    assert len(told) == ATTEMPTS
    assert str(caught.value).startswith(f"properties.customize[0].scriptUri: found file://{tmp_path}/none.sh")
    assert "No such file" in str(caught.value)
    assert "--mirror URL=DIR" in str(caught.value)


async def test_checksums_are_compared(tmp_path: Path) -> None:
    """The right checksum passes; a wrong one is a line with both."""
    (tmp_path / "s.sh").write_text("echo sum")
    right = hashlib.sha256(b"echo sum").hexdigest()

    assert await got(f"file://{tmp_path}/s.sh", checksum=right) == b"echo sum"
    with pytest.raises(InvalidInputError, match=rf"sha256Checksum: found {'0' * 64}, expected {right}"):
        await got(f"file://{tmp_path}/s.sh", checksum="0" * 64)


def test_mirrors_are_checked(tmp_path: Path) -> None:
    """A mirror is an address and a folder that exists."""
    assert mirror_of(f"https://example.com/x={tmp_path}") == Mirror("https://example.com/x/", tmp_path)
    for wrong in ("https://example.com/x", f"x={tmp_path}", f"https://example.com/x={tmp_path}/none"):
        with pytest.raises(InvalidInputError, match="--mirror"):
            mirror_of(wrong)


async def test_a_cancelled_wait_ends(tmp_path: Path) -> None:
    """Waiting for the next attempt can be cancelled."""
    plan = plan_of(loaded(linux({"type": "Shell", "scriptUri": f"file://{tmp_path}/none"})))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await Fetcher((), Clock(1), lambda _: None).all(plan)
