"""Expanding variables before a line is read: what is certain becomes text, what is not a hole."""

from dataclasses import replace

import pytest

from emulator.machines.winguest.cmd_expand import Scope, assigned, expand
from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.holes import Hole

SCOPE = Scope({"USER": "packer", "AND": "a & b"})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("%user% %NoSuch% 100%", "packer %NoSuch% 100%"),
        ("%USER:~0,4% %USER:ack=-%", "pack p-er"),
        ("for %i in (a) do echo %i", "for %i in (a) do echo %i"),
        ("%AND%", "a & b"),
    ],
)
def test_on_a_command_line(text: str, found: str) -> None:
    """Known names are replaced without regard to case; unknown ones stay, and so do loops' variables."""
    assert expand(text, SCOPE) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("%user% [%NoSuch%] 100%% %", "packer [] 100% "),
        ("%0 %1 %~2 [%3] %*", 'C:\\x.bat a b c [] a "b c"'),
        ("%%i %%~ni", "%i %~ni"),
    ],
)
def test_in_a_batch_file(text: str, found: str) -> None:
    """Arguments are replaced, unknown names are empty, and `%%` is `%`."""
    assert expand(text, replace(SCOPE, arguments=("C:\\x.bat", "a", '"b c"'))) == found


def test_what_may_change_is_a_hole() -> None:
    """A variable that a line before may set is filled when the line runs; so is what cmd.exe computes."""
    scope = Scope({"USER": "packer"}, frozenset({"user"}))
    text = expand("%USER% %CD% %USER:~1%", scope)

    assert scope.holes.known == [Hole("variable", "USER"), Hole("variable", "CD"), Hole("variable", "USER", ":~1")]
    assert scope.holes.fill(text, lambda hole: hole.name.lower()) == "user cd user"


def test_delayed_variables() -> None:
    """`!NAME!` is one only where delayed expansion is on, and then is as it is when the command runs."""
    scope = Scope({"USER": "packer"}, is_delayed=True)

    assert expand("!USER!", SCOPE) == "!USER!"
    expand("!USER!", scope)
    assert scope.holes.known == [Hole("delayed", "USER")]


@pytest.mark.parametrize("text", ["%~z1", "%~t2"])
def test_modifiers_that_are_not_played(text: str) -> None:
    """A file's size or date in a name is refused, not left out."""
    with pytest.raises(NotUnderstoodError):
        expand(text, replace(SCOPE, arguments=("x", "a")))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("set A=1\r\nif x==y set b=2", {"a", "b"}),
        ('set "A B=1"', {"a b"}),
        ("set /a n+=1, m=2", {"n", "m"}),
        ("set /p X=name?", {"x"}),
        ("echo set", set()),
        ("set %X%=1", None),
        ("set !X!=1", None),
    ],
)
def test_what_a_text_may_set(text: str, names: set[str] | None) -> None:
    """Each name that a `set` may give a value; where one is computed, any."""
    assert assigned(text) == names
