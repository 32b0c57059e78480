"""Drive C:: names as Windows takes them, nothing outside its folder, and a size that is kept."""

import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.machines.winguest.drive import Drive, DriveError, NoSuchPathError, clusters, decoded
from tests.windows_guest import guest

MEGABYTE = 1 << 20


@pytest.fixture
def drive(tmp_path: Path) -> Drive:
    """A drive of a megabyte."""
    return Drive(tmp_path, "packer", MEGABYTE)


@pytest.mark.parametrize(
    ("path", "directory", "resolved"),
    [
        ("a.txt", "C:\\Users", "C:\\Users\\a.txt"),
        ("..\\b", "C:\\Users\\packer", "C:\\Users\\b"),
        ("c:/Windows/Temp", "C:\\", "c:\\Windows\\Temp"),
        ('"C:\\a b"', "C:\\", "C:\\a b"),
        ("\\\\?\\C:\\x", "C:\\", "C:\\x"),
        ("..\\..\\..", "C:\\Users", "C:\\"),
    ],
)
def test_resolves(drive: Drive, path: str, directory: str, resolved: str) -> None:
    """Relative paths, both slashes, quotes and long-path prefixes mean what they mean on Windows."""
    assert drive.resolve(path, directory) == resolved


def test_names_have_no_case(drive: Drive) -> None:
    """A file is found by any spelling, and keeps the first one."""
    drive.write("C:\\Users\\Made.TXT", b"one")
    drive.write("c:\\USERS\\made.txt", b"two")

    assert drive.read("C:\\users\\MADE.txt") == b"two"
    assert drive.written("c:\\users\\made.txt") == "C:\\Users\\Made.TXT"


@given(st.text(alphabet=r"ab.\/:*?<>|" + "\0 Cc~", max_size=30))
def test_nothing_is_outside_its_folder(path: str) -> None:
    """Whatever a path says, what it names is below the folder, or nothing is written."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "drive"
        root.mkdir()
        drive = Drive(root, "packer", MEGABYTE)
        try:
            drive.write(drive.resolve(path, "C:\\"), b"x")
        except DriveError:
            return
        assert list(Path(folder).iterdir()) == [root]
        found = drive.find(drive.resolve(path, "C:\\"))
        assert found is not None
        assert found.resolve().is_relative_to(drive.root.resolve())


@pytest.mark.parametrize("name", ["con", "NUL.txt", "a|b", "a:b", "x" * 300, "a\0b"])
def test_refuses_names_that_windows_refuses(drive: Drive, name: str) -> None:
    """Devices, forbidden characters and endless names are errors."""
    with pytest.raises(DriveError):
        drive.write(f"C:\\{name}", b"")


def test_a_missing_folder_is_an_error(drive: Drive) -> None:
    """A file is not written into a folder that is not there, nor onto another drive."""
    with pytest.raises(NoSuchPathError):
        drive.write("C:\\nope\\a.txt", b"")
    with pytest.raises(NoSuchPathError):
        drive.write("D:\\a.txt", b"")


def test_the_size_is_kept(drive: Drive) -> None:
    """What does not fit is not written, with Windows' error and its number; what is removed makes room again."""
    with pytest.raises(DriveError, match="There is not enough space on the disk") as caught:
        drive.write("C:\\big", bytes(MEGABYTE + 1))

    assert caught.value.code == 112
    assert drive.find("C:\\big") is None
    free = drive.free_bytes
    drive.write("C:\\half", bytes(MEGABYTE // 2))
    assert drive.free_bytes == free - MEGABYTE // 2
    drive.write("C:\\half", b"x")
    assert drive.free_bytes == free - clusters(1)
    drive.remove("C:\\half")
    assert drive.free_bytes == free


@pytest.mark.parametrize("act", ["append", "copy", "copy folder", "write from"])
def test_no_way_around_the_size(drive: Drive, act: str) -> None:
    """Appending, copying a file or a folder, and uploads meet the same limit."""
    drive.make_folder("C:\\folder")
    drive.write("C:\\folder\\half", bytes(MEGABYTE * 2 // 3))
    grow = {
        "append": lambda: drive.write("C:\\folder\\half", bytes(MEGABYTE // 2), is_appended=True),
        "copy": lambda: drive.copy("C:\\folder\\half", "C:\\other"),
        "copy folder": lambda: drive.copy("C:\\folder", "C:\\other"),
        "write from": lambda: drive.write_from("C:\\other", io.BytesIO(bytes(MEGABYTE // 2))),
    }
    with pytest.raises(DriveError, match="not enough space"):
        grow[act]()


@given(st.lists(st.tuples(st.sampled_from("wacmr"), st.sampled_from("xyz"), st.integers(0, 20_000)), max_size=12))
def test_what_is_used_is_what_is_there(steps: list[tuple[str, str, int]]) -> None:
    """Whatever is written, copied, moved and removed, free space is the size less what the files take."""
    with guest() as made:
        drive = made.computer.drive
        for kind, name, size in steps:
            act(drive, kind, name, size)
        files = [path for path in drive.root.rglob("*") if path.is_file()]

        assert drive.size_bytes - drive.free_bytes == sum(clusters(path.stat().st_size) for path in files)


def act(drive: Drive, kind: str, name: str, size: int) -> None:
    """One change; those that cannot be made change nothing."""
    path = f"C:\\{name}"
    try:
        match kind:
            case "w" | "a":
                drive.write(path, bytes(size), is_appended=kind == "a")
            case "c":
                drive.copy(path, "C:\\x")
            case "m":
                drive.move(path, "C:\\y")
            case _:
                drive.remove(path)
    except DriveError:
        return


async def test_what_is_said_of_space_agrees() -> None:
    """PowerShell's three ways of asking, `dir` and `fsutil` tell one free space, which a file makes smaller."""
    script = (
        "(Get-PSDrive C).Free; (Get-Volume C).SizeRemaining; "
        "(Get-CimInstance Win32_LogicalDisk -Filter x).FreeSpace".replace(" -Filter x", "")
    )
    with guest(drive_megabytes=64) as made:
        before = made.computer.drive.free_bytes
        made.computer.drive.write("C:\\a", bytes(5000))
        free = made.computer.drive.free_bytes
        said, _, _ = await made.powershell(script)
        listed, _, _ = await made.cmd("dir C:\\ & fsutil volume diskfree C:")

    assert before - free == 8192
    assert said.splitlines() == [str(free)] * 3
    assert listed.count(f"{free:,}") == 2


async def test_a_full_disk_is_an_error_of_scripts() -> None:
    """A script may catch it by its number; a line of cmd.exe says it and ends with 112."""
    script = (
        "try { Set-Content C:\\a (('x' * 1MB) * 2) -ErrorAction Stop } catch { "
        "'{0:X8} {1}' -f $_.Exception.HResult, $_.Exception.Message }"
    )
    with guest(drive_megabytes=1) as made:
        said, _, _ = await made.powershell(script)
        made.put({"C:\\half": "x" * (600 << 10)})
        _, stderr, code = await made.cmd("copy C:\\half C:\\other")

    assert "There is not enough space on the disk." in said
    assert "80070070" in said.replace("-7FF8FF90", "80070070")
    assert (stderr, code) == ("There is not enough space on the disk.\r\n", 112)


async def test_temp_is_one_folder() -> None:
    """`%TEMP%`, `$env:TEMP` and .NET's temporary folder are the same, and it is there."""
    with guest() as made:
        first, _, _ = await made.cmd("echo %TEMP%")
        second, _, _ = await made.powershell("$env:TEMP; [IO.Path]::GetTempPath(); Test-Path $env:TEMP")

    assert second.splitlines() == [first.strip(), f"{first.strip()}\\", "True"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain", "plain"),
        ("ä".encode(), "ä"),
        (b"\xef\xbb\xbfbom", "bom"),
        ("wide".encode("utf-16"), "wide"),
        (b"caf\xe9", "café"),
    ],
)
def test_reads_texts_of_every_encoding(data: bytes, text: str) -> None:
    """By the byte order mark, else UTF-8, else Windows-1252."""
    assert decoded(data) == text
