"""`$Host` with pypsrp at its other end: what is told and asked there, and what a script learns of it."""

from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from pypsrp.complex_objects import Color, Coordinates, GenericComplexObject, KeyInfo, ObjectMeta, PSCredential, Size
from pypsrp.host import PSHost, PSHostRawUserInterface, PSHostUserInterface
from pypsrp.powershell import PowerShell, RunspacePool

from tests.clients.pools import in_pool

pytestmark = pytest.mark.network
Found = TypeVar("Found")
Asked = list[tuple[str, tuple[Any, ...]]]


class Person(PSHostUserInterface):
    """Answers as the test says, and remembers what was told and asked."""

    def __init__(self, answers: dict[str, Any] | None = None) -> None:
        window = PSHostRawUserInterface(
            "a window", 25, Color(value=Color.WHITE), Color(value=Color.BLUE), Coordinates(x=1, y=2),
            Coordinates(x=3, y=4), Size(width=80, height=50), Size(width=90, height=60), Size(width=81, height=51),
            Size(width=82, height=52),
        )  # fmt: skip
        super().__init__(window)
        self.asked: Asked = []
        for name in ("Write1", "Write2", "WriteLine1", "WriteLine2", "WriteLine3"):
            setattr(self, name, self._noting(name))
        for name in ("WriteErrorLine", "WriteDebugLine", "WriteVerboseLine", "WriteWarningLine"):
            setattr(self, name, self._noting(name))
        for name, answer in (answers or {}).items():
            self.answer(name, answer)

    def answer(self, name: str, answer: Any) -> None:
        """Answer so when a method of that name is called."""
        setattr(self, name, self._noting(name, answer))

    def _noting(self, name: str, answer: Any = None) -> Callable[..., Any]:
        def note(_pool: object, _pipeline: object, *arguments: Any) -> Any:
            self.asked.append((name, arguments))
            return answer

        return note


def client_host(person: Person) -> PSHost:
    """The client's host, with a person at it."""
    return PSHost(None, None, False, "a client", None, person, "1.0")


async def asking(script: str, answers: dict[str, Any] | None = None) -> tuple[list[Any], Asked, list[str]]:
    """What a script writes, what its host was asked, and its errors."""
    person = Person(answers)

    def work(pool: RunspacePool) -> tuple[list[Any], Asked, list[str]]:
        made = PowerShell(pool).add_script(script)
        made.invoke()
        return list(made.output), person.asked, [str(each) for each in made.streams.error]

    return await in_pool(work, host=client_host(person))


async def test_what_a_remote_host_is() -> None:
    """The name, version and cultures are those of Windows' remote host, whatever the client's host is called."""
    script = (
        "$Host.Name; $Host.Version.ToString(); $Host.CurrentCulture.Name; $Host.IsRunspacePushed; (Get-Host).Name"
    )

    output, _, errors = await asking(script)

    assert output == ["ServerRemoteHost", "1.0.0.0", "en-US", False, "ServerRemoteHost"]
    assert errors == []


async def test_the_window() -> None:
    """The window is the client's, as it was when the pool was opened."""
    script = "$raw = $Host.UI.RawUI; $raw.WindowTitle; $raw.ForegroundColor; $raw.CursorSize"
    shown = '; "$($raw.CursorPosition) $($raw.WindowSize)"; $raw.BufferSize.Width'

    output, _, _ = await asking(script + shown)

    assert output == ["a window", "White", 25, "1,2 82,52", 80]


async def test_the_window_is_changed() -> None:
    """What a script sets of the window is set at the client, and is what the script then reads."""
    script = """
        $raw = $Host.UI.RawUI; $raw.WindowTitle = 'mine'; $raw.ForegroundColor = [ConsoleColor]::Green
        $raw.BackgroundColor = 'Red'; $raw.CursorSize = 50; $raw.FlushInputBuffer()
        "$($raw.WindowTitle) $($raw.ForegroundColor) $($raw.CursorSize)"
    """
    setters = ("SetWindowTitle", "SetForegroundColor", "SetBackgroundColor", "SetCursorSize", "FlushInputBuffer")
    person, noted = Person(), Asked()
    for name in setters:
        setattr(person.raw_ui, name, lambda _pool, _pipeline, *given, name=name: noted.append((name, given)))

    output = await in_pool(lambda pool: PowerShell(pool).add_script(script).invoke(), host=client_host(person))

    assert output == ["mine Green 50"]
    assert noted == [
        ("SetWindowTitle", ("mine",)), ("SetForegroundColor", (Color.GREEN,)), ("SetBackgroundColor", (Color.RED,)),
        ("SetCursorSize", (50,)), ("FlushInputBuffer", ()),
    ]  # fmt: skip


async def test_a_key_is_read() -> None:
    """A script waits for a key, by the options that it names, and learns which it was."""
    person, noted = Person(), Asked()
    key = KeyInfo(code=65, character="a", state=0, key_down=True)  # type: ignore[no-untyped-call]

    def read_key(_pool: object, _pipeline: object, *given: Any) -> KeyInfo:
        noted.append(("ReadKey", given))
        return key

    setattr(person.raw_ui, "ReadKey", read_key)  # noqa: B010  # a method is replaced
    script = "$k = $Host.UI.RawUI.ReadKey('NoEcho,IncludeKeyDown'); $k.Character; $k.VirtualKeyCode"

    output = await in_pool(lambda pool: PowerShell(pool).add_script(script).invoke(), host=client_host(person))

    assert [str(each) for each in output] == ["a", "65"]
    assert noted == [("ReadKey", (6,))]


async def test_what_is_told() -> None:
    """What a script writes to the host comes there by the method of its overload, and in no stream."""
    script = """
        $Host.UI.Write('a'); $Host.UI.Write([ConsoleColor]::Blue, 'White', 'b'); $Host.UI.WriteLine()
        $Host.UI.WriteLine('c'); $Host.UI.WriteLine('Gray', [System.ConsoleColor]::Green, 'd')
        $Host.UI.WriteErrorLine('e'); $Host.UI.WriteDebugLine('f'); $Host.UI.WriteVerboseLine('g')
        $Host.UI.WriteWarningLine('h'); 'output'
    """

    output, told, errors = await asking(script)

    assert told == [
        ("Write1", ("a",)), ("Write2", (Color.BLUE, Color.WHITE, "b")), ("WriteLine1", ()), ("WriteLine2", ("c",)),
        ("WriteLine3", (Color.GRAY, Color.GREEN, "d")), ("WriteErrorLine", ("e",)), ("WriteDebugLine", ("f",)),
        ("WriteVerboseLine", ("g",)), ("WriteWarningLine", ("h",)),
    ]  # fmt: skip
    assert (output, errors) == (["output"], [])


async def test_write_host() -> None:
    """Write-Host comes to the host as a line, and as a piece of one without its end."""
    _, told, _ = await asking("Write-Host one two; Write-Host -NoNewline three")

    assert told == [("WriteLine2", ("one two",)), ("Write1", ("three",))]


async def test_lines_are_read() -> None:
    """A script waits for the line that the person at the client writes, and goes on with it."""
    answers = {"ReadLine": "typed", "Prompt": {"Name": "answered"}}

    output, asked, _ = await asking("$Host.UI.ReadLine(); Read-Host; $a = Read-Host 'Name'; \"got $a\"", answers)

    assert output == ["typed", "typed", "got answered"]
    assert [name for name, _ in asked] == ["ReadLine", "ReadLine", "Prompt"]
    caption, message, fields = asked[2][1]
    assert (caption, message, fields[0].extended_properties["name"]) == ("", "", "Name")


async def test_choices() -> None:
    """A person chooses among answers that a script made, or named by their labels alone."""
    script = """
        $yes = New-Object System.Management.Automation.Host.ChoiceDescription '&Yes', 'Do it'
        $answers = [System.Management.Automation.Host.ChoiceDescription[]]($yes, '&No')
        $Host.UI.PromptForChoice('Caption', 'Sure?', $answers, 1)
    """

    output, asked, _ = await asking(script, {"PromptForChoice": 1})

    assert output == [1]
    caption, message, choices, default = asked[0][1]
    assert (caption, message, default) == ("Caption", "Sure?", 1)
    shown = [(each.extended_properties["label"], each.extended_properties["helpMessage"]) for each in choices]
    assert shown == [("&Yes", "Do it"), ("&No", "")]


async def test_forms() -> None:
    """A form's fields come with their labels, and its answers go back by their names."""
    script = """
        $field = New-Object System.Management.Automation.Host.FieldDescription 'a name'
        $field.Label = 'A label'
        $told = $Host.UI.Prompt('Caption', 'Message', $field)
        $told['a name']
    """

    output, asked, _ = await asking(script, {"Prompt": {"a name": "told"}})

    assert output == ["told"]
    shown: GenericComplexObject = asked[0][1][2][0]
    assert (shown.extended_properties["name"], shown.extended_properties["label"]) == ("a name", "A label")


async def test_secrets_are_asked() -> None:
    """A password comes as a secret, within a credential and alone, and is one to the script."""
    person = Person()

    def work(pool: RunspacePool) -> list[Any]:
        pool.exchange_keys()
        hidden = pool.serialize("hidden", ObjectMeta("SS"))
        credential = PSCredential(username="me", password="word")  # type: ignore[no-untyped-call]
        person.answer("ReadLineAsSecureString", hidden)
        person.answer("PromptForCredential2", credential)
        script = (
            "$s = Read-Host -AsSecureString; $s.GetType().Name; $s; $c = Get-Credential me; $c.UserName; $c.Password"
        )
        return PowerShell(pool).add_script(script).invoke()

    found = await in_pool(work, host=client_host(person))

    assert found == ["SecureString", "hidden", "me", "word"]


async def test_nobody() -> None:
    """Without a host what is told is dropped, and what is asked is an error; the script goes on."""

    def work(pool: RunspacePool) -> tuple[list[Any], list[str]]:
        made = PowerShell(pool).add_script("$Host.UI.WriteLine('a'); $Host.SetShouldExit(3); Read-Host; 'on'")
        made.invoke()
        return list(made.output), [str(each)[:66] for each in made.streams.error]

    output, errors = await in_pool(work)

    assert output == ["on"]
    assert errors == ["A command that prompts the user failed because the host program or"]


async def test_the_exit_code() -> None:
    """`SetShouldExit` and `exit` give the client's host its exit code."""
    host = client_host(Person())

    def work(pool: RunspacePool) -> list[int | None]:
        codes = []
        for script in ("$Host.SetShouldExit(3)", "exit 4"):
            PowerShell(pool).add_script(script).invoke()
            codes.append(host.rc)
        return codes

    assert await in_pool(work, host=host) == [3, 4]
