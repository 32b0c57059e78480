"""Files in memory fail as files on a disk do, and end at their limit."""

import errno
import os
import re

import pytest

from emulator.machines.builtin.filesystem import MemoryFiles


@pytest.fixture
def files() -> MemoryFiles:
    return MemoryFiles("/home/packer", limit_bytes=1000)


def test_the_limit_holds_and_removal_gives_back(files: MemoryFiles) -> None:
    """Writing past the limit is "no space left"; what is removed can be used again."""
    first = files.create("/tmp/a")
    files.write(first, 0, bytes(900))
    with pytest.raises(OSError, match="No space left") as caught:
        files.write(files.create("/tmp/b"), 0, bytes(101))
    assert caught.value.errno == errno.ENOSPC
    files.remove("/tmp", recursive=True)
    files.make_folder("/tmp")
    files.write(files.create("/tmp/b"), 500, bytes(500))
    assert len(files.file("/tmp/b").data) == 1000


def test_paths_stay_below_the_root(files: MemoryFiles) -> None:
    """`..` does not leave the root, and a relative path starts at home."""
    assert files.absolute("../../../../etc") == "/etc"
    assert files.absolute("x/./y") == "/home/packer/x/y"
    assert files.absolute("x", "/tmp") == "/tmp/x"


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda f: f.file("/nope"), errno.ENOENT),
        (lambda f: f.file("/tmp"), errno.EISDIR),
        (lambda f: f.create("/nope/x"), errno.ENOENT),
        (lambda f: f.create("/tmp"), errno.EISDIR),
        (lambda f: f.make_folder("/tmp"), errno.EEXIST),
        (lambda f: f.remove("/home"), errno.ENOTEMPTY),
        (lambda f: f.rename("/home", "/home/packer/x"), errno.EINVAL),
        (lambda f: f.node("/tmp/x/y"), errno.ENOENT),
    ],
)
def test_errors_are_the_systems(files: MemoryFiles, act: object, code: int) -> None:
    """Each wrong use has the number that the operating system gives it."""
    assert callable(act)
    with pytest.raises(OSError, match=re.escape(os.strerror(code))) as caught:
        act(files)
    assert caught.value.errno == code


def test_renaming_replaces_a_file(files: MemoryFiles) -> None:
    """A move onto a file takes its place."""
    files.write(files.create("/tmp/a"), 0, b"a")
    files.write(files.create("/tmp/b"), 0, b"b")
    files.rename("/tmp/a", "/tmp/b")
    assert bytes(files.file("/tmp/b").data) == b"a"
    assert not files.exists("/tmp/a")
