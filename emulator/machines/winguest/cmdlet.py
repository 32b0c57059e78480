"""What a cmdlet is: its parameters, and what it does with what was bound to them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emulator.machines.winguest.errors import PowerShellError
from emulator.machines.winguest.values import Value, is_true, items, to_text

if TYPE_CHECKING:
    from emulator.machines.winguest.engine import Emit, Engine

COMMON = (
    "erroraction",
    "warningaction",
    "informationaction",
    "verbose",
    "debug",
    "confirm",
    "whatif",
)
_SHORT = {"ea": "erroraction", "wa": "warningaction", "infa": "informationaction"}
_SWITCHES = {"verbose", "debug", "confirm", "whatif"}


@dataclass(slots=True)
class Invocation:
    """One call of a cmdlet.

    Attributes:
        engine: who runs it.
        name: the cmdlet's own, whatever alias was used.
        arguments: values by parameter in lower case.
        given: what came through the pipeline; None where it is the first in it.
        emit: takes what it writes.
    """

    engine: "Engine"
    name: str
    arguments: dict[str, Value]
    given: list[Value] | None
    emit: "Emit"

    def has(self, name: str) -> bool:
        """Whether a switch is set."""
        return is_true(self.arguments.get(name.casefold()))

    def get(self, name: str, default: Value = None) -> Value:
        """A parameter's value."""
        return self.arguments.get(name.casefold(), default)

    def text(self, name: str, default: str = "") -> str:
        """A parameter's value as a string."""
        value = self.get(name)
        return default if value is None else to_text(value)

    def texts(self, name: str) -> list[str]:
        """A parameter's values as strings."""
        return [to_text(item) for item in items(self.get(name))]

    def inputs(self, name: str) -> list[Value]:
        """The values of a parameter that also takes them from the pipeline."""
        if name.casefold() in self.arguments:
            return items(self.get(name))
        return list(self.given or [])

    def error(self, message: str, identity: str, category: str = "ObjectNotFound", target: str = "") -> None:
        """Write an error that does not end the cmdlet."""
        self.engine.report(self.failure(message, identity, category, target), self.text("erroraction").casefold())

    def failure(
        self, message: str, identity: str, category: str = "ObjectNotFound", target: str = ""
    ) -> PowerShellError:
        """An error of this cmdlet."""
        kind = "System.Management.Automation.ItemNotFoundException" if category == "ObjectNotFound" else ""
        return PowerShellError(
            message,
            f"{identity},Microsoft.PowerShell.Commands.{self.name.replace('-', '')}Command",
            category,
            target,
            kind or "System.Management.Automation.RuntimeException",
            self.name,
        )


Run = Callable[[Invocation], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Cmdlet:
    """A cmdlet that is played.

    Attributes:
        name: its name.
        run: what it does.
        parameters: each in lower case, and whether it is a switch.
        positional: those that arguments without a name are bound to, in order.
        takes_rest: whether the last of them takes all that is left.
        aliases: other names of parameters, in lower case.
    """

    name: str
    run: Run
    parameters: Mapping[str, bool] = field(default_factory=dict)
    positional: tuple[str, ...] = ()
    takes_rest: bool = False
    aliases: Mapping[str, str] = field(default_factory=dict)

    def parameter(self, written: str) -> str | None:
        """The parameter that a script means by that name or its beginning; None where it is none, or many."""
        folded = written.casefold()
        folded = self.aliases.get(folded) or _SHORT.get(folded, folded)
        if folded in self.parameters or folded in COMMON:
            return folded
        found = [name for name in self.parameters if name.startswith(folded)]
        found = found or [name for name in COMMON if name.startswith(folded)]
        return found[0] if len(found) == 1 else None

    def is_switch(self, name: str) -> bool:
        """Whether a parameter takes no value."""
        return self.parameters.get(name, name in _SWITCHES)


def cmdlet(name: str, run: Run, parameters: str = "", *, positional: str = "", takes_rest: bool = False) -> Cmdlet:
    """A cmdlet; `parameters` are separated by spaces, switches begin with `-`, an alias is `Alias=Parameter`."""
    words = [word for word in parameters.casefold().split() if "=" not in word]
    known = {word.lstrip("-"): word.startswith("-") for word in words}
    aliases = dict(word.split("=") for word in parameters.casefold().split() if "=" in word)
    return Cmdlet(name, run, known, tuple(positional.casefold().split()), takes_rest, aliases)
