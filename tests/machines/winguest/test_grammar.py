"""The door to the grammar: what it takes, what is mended for it, and what is refused."""

import pytest

from emulator.machines.winguest import grammar
from emulator.machines.winguest.errors import NotUnderstoodError


@pytest.mark.parametrize(
    ("script", "mended"),
    [
        (r"Test-Path $env:TEMP\a.txt", r'Test-Path "$env:TEMP\a.txt"'),
        (r"Copy-Item $a\b $c\$d -Force", r'Copy-Item "$a\b" "$c\$d" -Force'),
        (r"(Test-Path $a\b)", r'(Test-Path "$a\b")'),
        ("$x = 1GB + 2KB; '1GB'", "$x = 1gb + 2kb; '1GB'"),
        # In an expression, a text and a comment it is none
        (r"$x = $a\b", r"$x = $a\b"),
        (r"'echo $a\b'; # echo $a\b", r"'echo $a\b'; # echo $a\b"),
        ('"echo $a\\b"', '"echo $a\\b"'),
        ("@'\necho $a\\b\n'@", "@'\necho $a\\b\n'@"),
    ],
)
def test_paths_with_variables_get_quotes(script: str, mended: str) -> None:
    """A bare argument that begins with a variable is put in quotes, and nothing else is."""
    assert grammar.with_quotes(script) == mended


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
