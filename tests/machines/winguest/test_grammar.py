"""The door to the grammar: what it takes, what is mended for it, and what is refused."""

import pytest

from emulator.machines.winguest import grammar
from emulator.machines.winguest.errors import NotUnderstoodError


@pytest.mark.parametrize(
    ("script", "found"),
    [
        (r"Test-Path $env:TEMP\a.txt", r'Test-Path "$env:TEMP\a.txt"'),
        (r"Copy-Item $a\b $c\$d -Force", r'Copy-Item "$a\b" "$c\$d" -Force'),
        (r"(Test-Path $a\b)", r'(Test-Path "$a\b")'),
        ("$x = 1GB + 2KB; '1GB'", "$x = 1gb + 2kb; '1GB'"),
        ("Select-Object Name, Status", "Select-Object 'Name', 'Status'"),
        ("Foo -Name a,b -Other $x, c", "Foo -Name 'a','b' -Other $x, 'c'"),
        ("Foo 'a', $b, 3", "Foo 'a', $b, 3"),
        ("$x = 'a', 'b'; function F($a, $b) { }", "$x = 'a', 'b'; function F($a, $b) { }"),
        # In an expression, a text and a comment it is none
        (r"$x = $a\b", r"$x = $a\b"),
        (r"'echo $a\b'; # echo $a\b", r"'echo $a\b'; # echo $a\b"),
        ('"echo $a\\b"', '"echo $a\\b"'),
        ("@'\necho $a\\b\n'@", "@'\necho $a\\b\n'@"),
    ],
)
def test_bare_words_get_quotes(script: str, found: str) -> None:
    """Bare arguments that begin with a variable, and bare lists, are put in quotes, and nothing else is."""
    assert grammar.mended(script) == found


def test_a_script_that_was_fine_stays() -> None:
    """Only a script in which the grammar finds an error is mended."""
    script = r"& $a\b.ps1 c"

    assert grammar.text_of(grammar.read(script)) == script


@pytest.mark.parametrize(
    ("script", "part"),
    [
        ("'open", "'open"),
        ("if ($true) {", "incomplete"),
        (r"$x = $a\b", r"\\b"),
        ("x" * (grammar.MAX_CHARACTERS + 1), "of that length"),
        ("(" * 500 + "1" + ")" * 500, "nests so deep"),
    ],
    ids=["string", "block", "path in an expression", "length", "depth"],
)
def test_refuses_what_is_no_powershell(script: str, part: str) -> None:
    """A broken script, and one beyond all measure, is refused with the part that is wrong."""
    with pytest.raises(NotUnderstoodError, match=part):
        grammar.read(script)
