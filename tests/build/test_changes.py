"""Which files a build changed."""

import pytest

from emulator.build.changes import before, since
from tests.build.communicators import Scripted


async def test_linux_files_are_found_by_the_time_of_their_change() -> None:
    """A mark before, `find` after; the mark itself is taken away."""
    over = Scripted(says={"find": b"/etc/b\n/etc/a\n/etc/a\n"})
    found = await before(over, "linux")
    assert found
    changed = await since(over, found)

    assert changed == ["/etc/a", "/etc/b"]
    assert over.heard[0] == f"touch {found.mark}"
    assert over.heard[-1] == f"rm -f {found.mark}"


@pytest.mark.parametrize(("said", "prunes"), [(b"sandbox\n", True), (b"", False)])
async def test_only_in_a_sandbox_the_machine_s_own_folders_are_passed_by(said: bytes, *, prunes: bool) -> None:
    """Where its guest cannot write, nothing changes; on any other machine every folder is looked into."""
    over = Scripted(says={"grep": said, "find": b"/etc/a\n"})
    found = await before(over, "linux")
    assert found
    await since(over, found)
    (line,) = [each for each in over.heard if each.startswith("find")]

    assert (f"! -cnewer {found.mark} -prune" in line) == prunes


async def test_windows_files_are_compared() -> None:
    """A file whose hash is new is changed; the others are not."""
    over = Scripted(says={"encodedCommand": b"C:\\a|1\r\nC:\\b|2\r\n"})
    found = await before(over, "windows")
    assert found
    over.says = {"encodedCommand": b"C:\\a|1\r\nC:\\b|3\r\nC:\\c|4\r\n"}

    assert await since(over, found) == ["C:\\b", "C:\\c"]


async def test_a_machine_that_cannot_say() -> None:
    """Where a command is not known nothing is claimed."""
    assert await before(Scripted({"touch": 127}), "linux") is None
    assert await before(Scripted({"encodedCommand": 1}), "windows") is None
    over = Scripted({"find": 127})
    found = await before(over, "linux")
    assert found
    assert await since(over, found) is None


async def test_a_machine_that_is_lost() -> None:
    """A connection that ends says nothing of files; the steps find out by themselves."""
    assert await before(Scripted({"touch": -1}), "linux") is None
    over = Scripted({"find": -1})
    found = await before(over, "linux")
    assert found
    assert await since(over, found) is None
