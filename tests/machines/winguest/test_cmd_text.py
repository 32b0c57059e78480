"""Programs over text: more, find, findstr, sort."""

import pytest

from tests.windows_guest import guest

TEXT = b"beta\r\nAlpha\r\ngamma alpha\r\n"


@pytest.mark.parametrize(
    ("line", "stdout", "code"),
    [
        ("more", "beta\r\nAlpha\r\ngamma alpha\r\n", 0),
        ("sort", "Alpha\r\nbeta\r\ngamma alpha\r\n", 0),
        ("sort /r", "gamma alpha\r\nbeta\r\nAlpha\r\n", 0),
        ('find "alpha"', "gamma alpha\r\n", 0),
        ('find /i "ALPHA"', "Alpha\r\ngamma alpha\r\n", 0),
        ('find /v /i "alpha"', "beta\r\n", 0),
        ('find /c /i "alpha"', "2\r\n", 0),
        ('find /n "beta"', "[1]beta\r\n", 0),
        ('find "nope"', "", 1),
        ("findstr alpha", "gamma alpha\r\n", 0),
        ('findstr "beta Alpha"', "beta\r\nAlpha\r\n", 0),
        ('findstr /c:"gamma alpha"', "gamma alpha\r\n", 0),
        ("findstr /i /x ALPHA", "Alpha\r\n", 0),
        ("findstr /b al", "", 1),
        ("findstr /i /b al", "Alpha\r\n", 0),
        ("findstr /l /i A.", "", 1),
    ],
)
async def test_over_input(line: str, stdout: str, code: int) -> None:
    """What comes in is filtered or put in order; finding nothing is code 1."""
    with guest() as made:
        assert await made.cmd(line, TEXT) == (stdout, "", code)


async def test_over_files() -> None:
    """Files are read instead, `find` names them, and one that is not there fails."""
    with guest({"C:\\a.txt": "one\r\ntwo\r\n"}) as made:
        assert (await made.cmd('find "two" C:\\a.txt'))[0] == "\r\n---------- C:\\A.TXT\r\ntwo\r\n"
        assert (await made.cmd("findstr one C:\\a.txt"))[0] == "one\r\n"
        assert (await made.cmd("sort C:\\a.txt"))[0] == "one\r\ntwo\r\n"
        assert await made.cmd('find "x" C:\\nope') == ("", "File not found - C:\\NOPE\r\n", 1)


@pytest.mark.parametrize("line", ["more /e", "find two", 'find /x "a"', "findstr a.b", "findstr /s a *", "sort /+3"])
async def test_refuses(line: str) -> None:
    """Switches that are not played, and regular expressions of findstr's own kind."""
    with guest() as made:
        assert "is not recognized" in (await made.cmd(line))[1]
