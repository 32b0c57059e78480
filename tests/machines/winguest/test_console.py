"""Where programs write and read."""

import pytest

from emulator.machines.winguest.console import Kept, encoding_of


async def test_keeps_what_is_written() -> None:
    """Each stream for itself, as text; what is given is the input."""
    kept = Kept(b"in")
    kept.write("stdout", "ä".encode())
    kept.write("stderr", b"\xff")
    await kept.drained()

    assert (kept.text("stdout"), kept.text("stderr")) == ("ä", "\ufffd")
    assert [data async for data in kept.standard_input()] == [b"in"]
    assert [data async for data in Kept().standard_input()] == []


@pytest.mark.parametrize(
    ("page", "name"), [("437", "cp437"), ("65001", "utf-8"), ("1252", "cp1252"), ("99999", "utf-8"), ("x", "utf-8")]
)
def test_code_pages(page: str, name: str) -> None:
    """Windows' numbers by Python's names; UTF-8 for one that nobody knows."""
    assert encoding_of(page) == name
