"""`set`: variables, sums and questions."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.machines.winguest.cmd_set import Sum
from emulator.machines.winguest.errors import NotUnderstoodError
from tests.windows_guest import guest


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("1+2*3", 7),
        ("(1+2)*3", 9),
        ("7/2", 3),
        ("-7/2", -3),
        ("-7%3", -1),
        ("0x10", 16),
        ("1<<4|1", 17),
        ("~0", -1),
        ("!5", 0),
        ("2147483647+1", -2147483648),
        ("a=5,a*2", 10),
        ("b+=2", 12),
    ],
)
def test_sums(text: str, result: int) -> None:
    """Precedence, division towards zero, 32 bits that wrap, and assignments within."""
    assert Sum(text, lambda name: {"b": 10}.get(name, 0)).all() == result


@given(st.text(alphabet="12+-*/%()ab=,<>&|^~! x0", max_size=15))
def test_any_sum_is_one_or_refused(text: str) -> None:
    """No text raises anything but a refusal, or a division by zero."""
    with contextlib.suppress(NotUnderstoodError, ZeroDivisionError):
        Sum(text, lambda _: 1).all()


@pytest.mark.parametrize(
    ("line", "stdout", "code"),
    [
        ("set ZA=1& set ZA", "ZA=1\r\n", 0),
        ('set "ZA=1 2" & set za', "ZA=1 2\r\n", 0),
        ("set ZA=1& set ZA=& set ZA", "", 1),
        ("set NOPE", "", 1),
        ("set /a 6*7", "42", 0),
        ("set /a A=3, B=A*2 >nul & set B", "B=6\r\n", 0),
        ("set /a 1/0", "", 1073750993),
        ("set =x", "", 1),
    ],
)
async def test_lines(line: str, stdout: str, code: int) -> None:
    """Variables are set, shown by the beginning of their names, and removed."""
    with guest() as made:
        said, _, ended = await made.cmd(line)

    assert (said, ended) == (stdout, code)


async def test_a_question_reads_one_line() -> None:
    """`set /p` shows its prompt and takes a line; without input it fails and changes nothing."""
    with guest() as made:
        assert await made.cmd("set /p X=? & set X", b"one\r\ntwo\r\n") == ("? X=one\r\n", "", 0)
        assert (await made.cmd("set /p X=?"))[2] == 1


@pytest.mark.parametrize("line", ["set /x", "set /a", "set /a 1+", "set /a (1", "set /a 1 2", 'set /a "a b"'])
async def test_refuses(line: str) -> None:
    """Other switches, and sums that are none."""
    with guest() as made:
        assert "is not recognized" in (await made.cmd(line))[1]
