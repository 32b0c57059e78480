"""What can go wrong in a guest: what is not played, and what PowerShell itself raises."""

from dataclasses import dataclass, field


class NotUnderstoodError(Exception):
    """Something is not played, so nothing of the line or script may run; the message names the part."""


@dataclass(eq=False)
class PowerShellError(Exception):
    """An error as PowerShell has it: what becomes an ErrorRecord.

    Attributes:
        message: the sentence.
        identity: the first part of FullyQualifiedErrorId.
        category: of CategoryInfo.
        target: what it was about, as text.
        exception: the .NET type's name.
        activity: the cmdlet, or empty for the engine.
        hresult: the exception's own number.
        is_thrown: whether a script threw it, which ends the script wherever it came from.
    """

    message: str
    identity: str = "RuntimeException"
    category: str = "NotSpecified"
    target: str = ""
    exception: str = "System.Management.Automation.RuntimeException"
    activity: str = ""
    is_thrown: bool = False
    hresult: int = -2146233087
    thrown: object = field(default=None, repr=False)

    def __str__(self) -> str:
        return self.message
