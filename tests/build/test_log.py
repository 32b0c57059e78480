"""`customization.log`: the lines that a parser of Azure's logs looks for."""

import datetime
import io
import re

from emulator.build.log import Log, err_line, out_line
from emulator.clock import Clock

BEGAN = datetime.datetime(2026, 3, 1, 12, 0, 0, tzinfo=datetime.UTC)


async def log_of(*hidden: str) -> tuple[Log, io.StringIO, list[str]]:
    stream = io.StringIO()
    heard: list[str] = []
    clock = Clock(60)
    return Log("g", stream, clock, (BEGAN, clock.now() - 90.0), heard.append, hidden), stream, heard


def test_the_form_of_lines() -> None:
    """OUT lines carry the build, ERR lines the time twice besides, as the service's page quotes them."""
    assert out_line("g", "==> azure-arm: x") == "[g] PACKER OUT ==> azure-arm: x"
    assert err_line("g", BEGAN, "x") == "[g] PACKER ERR 2026/03/01 12:00:00 packer: 2026/03/01 12:00:00 x"


async def test_times_are_emulated() -> None:
    """A minute and a half of emulated time stands in the line, however long it took."""
    log, stream, _ = await log_of()
    log.err("x")

    assert re.search(r"packer: 2026/03/01 12:01:3\d x$", stream.getvalue().strip())


async def test_output_is_whole_lines() -> None:
    """Pieces become lines; what has no end is written at the end; errors are told from output by Packer's marks."""
    log, stream, heard = await log_of()
    log.output(b"one\ntw", False)
    log.output(b"bad\r\n", True)
    log.output(b"o\nrest", False)
    log.end_output()

    assert heard == ["    azure-arm: one", "==> azure-arm: bad", "    azure-arm: two", "    azure-arm: rest"]
    assert stream.getvalue().splitlines() == [f"[g] PACKER OUT {each}" for each in heard]


async def test_secrets_stay_out() -> None:
    """The account's password is in no line, whoever prints it."""
    log, stream, heard = await log_of("s3cret")
    log.output(b"it is s3cret\n", False)
    log.err("s3cret")

    assert "s3cret" not in stream.getvalue() + "".join(heard)
    assert stream.getvalue().count("<sensitive>") == 2
