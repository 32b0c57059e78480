"""cmd.exe's commands over files and folders."""

import pytest

from emulator.machines.winguest.cmd_files import Words
from emulator.machines.winguest.errors import NotUnderstoodError
from tests.windows_guest import guest

FILES = {f"C:\\{name}": name for name in ("a.txt", "b.txt", "c.log")}


@pytest.mark.parametrize(
    ("line", "there", "gone", "code"),
    [
        ("del C:\\a.txt", ("b.txt",), ("a.txt",), 0),
        ("del /f /q C:\\*.txt", ("c.log",), ("a.txt", "b.txt"), 0),
        ("del/q C:\\a.txt C:\\c.log", ("b.txt",), ("a.txt", "c.log"), 0),
        ("del /s /q C:\\*.deep", ("f\\keep.txt",), ("f\\x.deep", "f\\g\\y.deep"), 0),
        ("del /q C:\\f", ("f\\g\\y.deep",), ("f\\x.deep", "f\\keep.txt"), 0),
        ("del C:\\nope", ("a.txt",), (), 0),
        ("copy C:\\a.txt C:\\new.txt", ("a.txt", "new.txt"), (), 0),
        ("copy /y C:\\*.txt C:\\f", ("f\\a.txt", "f\\b.txt"), ("f\\c.log",), 0),
        ("copy C:\\nope C:\\x", (), ("x",), 1),
        ("copy C:\\a.txt C:\\nope\\a.txt", (), (), 1),
        ("move C:\\a.txt C:\\f", ("f\\a.txt",), ("a.txt",), 0),
        ("ren C:\\a.txt z.txt", ("z.txt",), ("a.txt",), 0),
        ("ren C:\\nope z.txt", (), ("z.txt",), 1),
        ("mkdir C:\\one\\two", ("one\\two",), (), 0),
        ("md C:\\f", ("f",), (), 1),
        ("rd C:\\f", ("f",), (), 145),
        ("rd /s /q C:\\f", (), ("f",), 0),
        ("rmdir C:\\nope", (), (), 2),
    ],
)
async def test_changes_files(line: str, there: tuple[str, ...], gone: tuple[str, ...], code: int) -> None:
    """What is there afterwards, what is not, and the exit code."""
    with guest(FILES) as made:
        made.computer.drive.make_folder("C:\\f\\g")
        made.put({"C:\\f\\x.deep": "", "C:\\f\\g\\y.deep": "", "C:\\f\\keep.txt": ""})
        assert (await made.cmd(line))[2] == code

        assert all(made.computer.drive.find(f"C:\\{name}") is not None for name in there)
        assert all(made.computer.drive.find(f"C:\\{name}") is None for name in gone)


@pytest.mark.parametrize(
    ("line", "stdout", "code"),
    [
        ("cd", "C:\\Users\\packer\r\n", 0),
        ("cd C:\\Windows & cd", "C:\\Windows\r\n", 0),
        ("cd /d C:\\Program Files & cd", "C:\\Program Files\r\n", 0),
        ("cd C:\\nope", "", 1),
        ("type C:\\a.txt C:\\b.txt", "a.txtb.txt", 0),
        ("type C:\\Windows", "", 1),
        ("dir /b C:\\*.txt", "a.txt\r\nb.txt\r\n", 0),
        ("dir /b /ad C:\\Windows", "System32\r\nTemp\r\n", 0),
        ("dir /b /a-d C:\\Windows", "win.ini\r\n", 0),
        ("dir /s /b C:\\Users\\Public C:", "", 1),
        ("dir C:\\nope", "", 1),
    ],
)
async def test_shows(line: str, stdout: str, code: int) -> None:
    """Folders and contents as cmd.exe shows them."""
    with guest(FILES) as made:
        said, _, ended = await made.cmd(line)

    head = " Volume in drive C is Windows\r\n Volume Serial Number is 5A49-4221\r\n\r\n"
    assert (said.removeprefix(head), ended) == (stdout, code)


@pytest.mark.parametrize(
    ("arguments", "switches", "count"),
    [
        (" /s /q a b", {"s", "q"}, 2),
        ("/s/q a", {"s", "q"}, 1),
        (' "a b" c', set(), 2),
        (' "a b"\\c', set(), 1),
        ("", set(), 0),
    ],
)
def test_words(arguments: str, switches: set[str], count: int) -> None:
    """Switches may stand together, and quotes keep a path in one."""
    words = Words(arguments, "s q")

    assert (words.switches, words.count) == (switches, count)


def test_unknown_switches_are_refused() -> None:
    """A switch that is not played is never left out."""
    with pytest.raises(NotUnderstoodError, match="/x"):
        Words(" /s /x a", "s q")
