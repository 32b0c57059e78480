"""What can go wrong in a guest."""

from emulator.machines.winguest.errors import NotUnderstoodError, PowerShellError


def test_errors_say_themselves() -> None:
    """A script's error is its sentence; what is not understood names its part, and no script catches it."""
    assert str(PowerShellError("it failed", "Id")) == "it failed"
    assert str(NotUnderstoodError("Get-Foo")) == "Get-Foo"
    assert not issubclass(NotUnderstoodError, PowerShellError)


def test_two_errors_are_two() -> None:
    """Errors are compared by what they are, not by what they say: `$Error` keeps each."""
    assert PowerShellError("a") != PowerShellError("a")
