"""Clients' own scripts, known by their whole text."""

import pytest

from emulator.machines.winguest import recognisers


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('$a = "x"\nb', {"value": "x"}),
        ('   $a = "x y"   \n\n  b', {"value": "x y"}),
        ('$a = "x"\nb more', {"value": "x"}),
        ('$a = "x"\nc', None),
        ('first\n$a = "x"\nb', None),
        ('$a = "x"\nb\nlast', None),
    ],
)
def test_templates(text: str, found: dict[str, str] | None) -> None:
    """The whole text counts, but for white space around lines and what differs from call to call."""
    pattern = recognisers.template('\n  $a = "<<value>>"\n  b<<? more>>\n')
    match = pattern.fullmatch(recognisers.flattened(text))

    assert (match.groupdict() if match else None) == found


def test_digests() -> None:
    """Comments and white space at lines' ends do not count, anything else does."""
    assert recognisers.digest("a\n b # c\n# d\n<# e\n #>f") == recognisers.digest("a\nb # c\nf")
    assert recognisers.digest("a\nb") != recognisers.digest("a\nb;")


def test_others_are_not_recognised() -> None:
    """A script of a user's is none of them, and neither is a client's with a line more."""
    assert recognisers.find("Write-Output 1") is None
    assert recognisers.find("") is None
