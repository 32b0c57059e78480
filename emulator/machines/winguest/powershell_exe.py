"""powershell.exe: its options, and what becomes of a script's streams on a console."""

import base64
import binascii
import html
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from emulator.machines.winguest import host_calls, recognisers, text
from emulator.machines.winguest.console import Console
from emulator.machines.winguest.drive import IN_USE, decoded
from emulator.machines.winguest.errors import NotUnderstoodError, PowerShellError
from emulator.machines.winguest.recognisers import Given, Recognised
from emulator.machines.winguest.tree import Block, Literal
from emulator.machines.winguest.values import Value
from emulator.machines.winguest.vetted import Vetted

_FLAGS = re.compile(
    r"\s*[-/](?:(?P<bare>nop(?:rofile)?|noni(?:nteractive)?|nol(?:ogo)?|sta|mta)"
    r"|(?P<valued>ep|ex(?:ec)?(?:utionpolicy)?|w(?:indowstyle)?|inputformat|outputformat|of|if|version)\s+[\w.]+"
    r"|(?P<encoded>e|ec|en|enc(?:odedcommand)?)|(?P<file>f(?:ile)?)|(?P<command>c(?:ommand)?))(?=\s|$)",
    re.IGNORECASE,
)
LINE = re.compile(
    r"\s*\"?(?:[^\s\"]*[\\/])?(?:powershell|pwsh)(?:\.exe)?\"?(?=\s|$)(?P<rest>.*)", re.IGNORECASE | re.DOTALL
)
"""A line that starts PowerShell."""
_UNREAD = Block(())
CTRL_C = -1073741510
"""0xC000013A, what a process ends with that was interrupted."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A script that was understood: a tree, or a template of a client's; None where it comes on standard input.

    Attributes:
        script: see above.
        is_encoded: whether it came as `-EncodedCommand`, so that errors are CLIXML.
        path: the file that it came from, whose `text` it was.
        arguments: the file's.
        vetted: what it may run, where that is not the session's.
    """

    script: Block | Recognised | None
    is_encoded: bool = False
    path: str = ""
    text: str = ""
    arguments: tuple[str, ...] = ()
    vetted: Vetted | None = None


class UnknownScriptError(NotUnderstoodError):
    """The part that is not understood is PowerShell's, which words its refusal otherwise."""

    def __init__(self, part: str, *, is_encoded: bool) -> None:
        super().__init__(part)
        self.is_encoded = is_encoded


def plan(session: Any, arguments: str, changing: frozenset[str] | None = frozenset()) -> Planned | UnknownScriptError:
    """What `powershell ARGUMENTS` means; an error as a value where the script in it is not understood.

    Environment variables in `changing` may have another value by then; None for any.

    Raises:
        NotUnderstoodError: an option is not played.
    """
    found = options(session, arguments)
    if found.script is None:
        return found
    from emulator.machines.winguest.engine import Scope

    found = replace(found, vetted=Vetted())
    own = replace(session, scope=Scope(), vetted=found.vetted)
    try:
        return replace(found, script=understood(own, found.text, changing))
    except NotUnderstoodError as error:
        return UnknownScriptError(str(error), is_encoded=found.is_encoded)


def must_be_decided(planned: Planned | UnknownScriptError) -> None:
    """Refuse what would be refused only once something else has run.

    Raises:
        NotUnderstoodError: it would be.
    """
    if isinstance(planned, UnknownScriptError):
        raise NotUnderstoodError(str(planned))
    if planned.script is None or (isinstance(planned.script, Recognised) and planned.script.is_decided_late):
        raise NotUnderstoodError("powershell")


def understood(session: Any, script: str, changing: frozenset[str] | None = frozenset()) -> Block | Recognised:
    """A script as a template of a client's, or as a tree that is wholly played in the session.

    Raises:
        NotUnderstoodError: it is neither.
    """
    from emulator.machines.winguest import check, parser
    from emulator.machines.winguest.engine import Engine

    known = recognisers.find(script)
    if known is not None:
        return known
    block = parser.parse(script)
    check.check(block, Engine(session, cast("Any", None)), changing)
    return block


def understand_command(session: Any, name: str, parameters: Sequence[tuple[str, Value]]) -> None:
    """A command that a client names with its parameters, as in a script.

    Raises:
        NotUnderstoodError: it is not played.
    """
    from emulator.machines.winguest import check
    from emulator.machines.winguest.engine import Engine
    from emulator.machines.winguest.tree import Argument, Command, Pipeline

    arguments = tuple(Argument(each, check.given(value)) for each, value in parameters)
    block = Block((Pipeline((Command("&", Literal(name), arguments, (), name),)),))
    check.check(block, Engine(session, cast("Any", None)))


def options(session: Any, arguments: str) -> Planned:
    """The options, and the script's text, which is not read yet.

    Raises:
        NotUnderstoodError: an option is not played, or the file is not there.
    """
    at = 0
    while match := _FLAGS.match(arguments, at):
        at = match.end()
        if match["encoded"]:
            return Planned(_UNREAD, is_encoded=True, text=_decoded(arguments[at:]))
        if match["file"]:
            return _file(session, arguments[at:])
        if match["command"]:
            break
    rest = arguments[at:].strip()
    if rest == "-":
        return Planned(None)
    if not rest or (rest.startswith(("-", "/")) and not rest.startswith("--")):
        raise NotUnderstoodError(f"powershell {rest}".strip())
    return Planned(_UNREAD, text=_unquoted(rest))


def _unquoted(text: str) -> str:
    """A command line's words as PowerShell joins them: outer quotes off, inner ones kept where they are escaped."""
    if re.fullmatch(r'"(?:[^"\\]|\\.|"")*"', text, re.DOTALL):
        text = text[1:-1]
    return text.replace('\\"', '"')


def _file(session: Any, rest: str) -> Planned:
    words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', rest)]
    path = session.computer.drive.resolve(words[0], session.directory) if words else ""
    found = session.computer.drive.find(path) if words else None
    if found is None or not found.is_file():
        raise NotUnderstoodError(words[0] if words else "-File")
    return Planned(_UNREAD, path=path, text=decoded(found.read_bytes()), arguments=tuple(words[1:]))


def _decoded(encoded: str) -> str:
    try:
        return base64.b64decode(encoded.strip().strip("\"'"), validate=True).decode("utf-16-le")
    except (binascii.Error, ValueError):
        raise NotUnderstoodError("powershell -EncodedCommand") from None


async def run(planned: Planned | UnknownScriptError, session: Any, console: Console) -> int:
    """Run it as a process of its own; its exit code."""
    if isinstance(planned, UnknownScriptError):
        streams = ConsoleStreams(console, is_encoded=planned.is_encoded)
        streams.refuse(str(planned))
        return 1
    from emulator.machines.winguest.engine import Scope

    streams = ConsoleStreams(console, is_encoded=planned.is_encoded)
    if planned.path and session.computer.drive.text(planned.path) != planned.text:
        streams.console.write("stderr", f"{IN_USE}\r\n".encode())
        return 1
    with session.computer.processes.running("powershell.exe", session.pid) as pid:
        own = replace(
            session,
            environment=dict(session.environment),
            scope=Scope(variables={"host": host_calls.console()}),
            pid=pid,
            vetted=planned.vetted or session.vetted,
        )
        try:
            return await _outcome(planned, own, streams)
        except NotUnderstoodError as error:
            streams.refuse(str(error))
            return 1
        finally:
            streams.flush()


async def _outcome(planned: Planned, session: Any, streams: "ConsoleStreams") -> int:
    from emulator.machines.winguest import commands
    from emulator.machines.winguest.engine import Engine, ExitSignal, LoopSignal

    engine = Engine(session, streams)
    script = planned.script
    if script is None:
        text = b"".join([data async for data in streams.standard_input()]).decode(streams.console.encoding, "replace")
        script = understood(session, text)
    try:
        if isinstance(script, Recognised):
            return await script.play(Given(engine, streams.output, inputs=streams.standard_input()))
        arguments = [("", word) for word in planned.arguments]
        await commands.call_block(engine, script, arguments, None, streams.output, is_new=False)
    except ExitSignal as signal:
        return signal.code
    except LoopSignal:
        return 0
    except PowerShellError as error:
        streams.error(error)
        return 1
    return 0 if engine.last_succeeded or planned.path else 1


@dataclass(slots=True)
class ConsoleStreams:
    """A script's streams on a console: text, and errors as CLIXML where the command came encoded."""

    console: Console
    is_encoded: bool = False
    _objects: list[Value] = field(default_factory=list)
    _errors: list[str] = field(default_factory=list)

    def output(self, value: Value) -> None:
        """Write a value's lines; objects wait for others of their kind."""
        if text.is_object(value):
            self._objects.append(value)
            return
        self._write_objects()
        self._print("".join(text.lines_of([value])))

    def _write_objects(self) -> None:
        if self._objects:
            self._print("".join(text.lines_of(self._objects)))
            self._objects.clear()

    def _print(self, words: str, stream: str = "stdout") -> None:
        self.console.write(stream, words.encode(self.console.encoding, "replace"))

    def error(self, error: PowerShellError) -> None:
        """An error on stderr."""
        self._error(text.error_lines(error))

    def _error(self, lines: str) -> None:
        if self.is_encoded:
            self._errors.append(lines)
        else:
            self._print(lines, "stderr")

    def refuse(self, part: str) -> None:
        """Say that something is not known."""
        name = part.split(maxsplit=1)[0] if part.split() else "powershell"
        self._error(
            f"{name} : The term '{name}' is not recognized as the name of a cmdlet, function, script file, or "
            "operable program. Check the spelling of the name, or if a path was included, verify that the path is "
            "correct and try again.\r\n"
        )
        self.flush()

    def message(self, kind: str, words: str) -> None:
        """Warnings and the like stand on stdout under their names."""
        if kind == "stderr":
            self._print(words, "stderr")
            return
        self._write_objects()
        self._print(f"{words}\r\n" if kind == "information" else f"{kind.upper()}: {words}\r\n")

    def host(self, words: str, *, ends_line: bool) -> None:
        """What is for the console ends its lines with LF alone where there is none."""
        self._write_objects()
        self._print(f"{words}\n" if ends_line else words)

    def progress(self, activity: str, status: str, percent: int) -> None:
        """Nobody looks."""

    async def drained(self) -> None:
        """As the console."""
        await self.console.drained()

    async def ask(self, method: str, arguments: list[Value]) -> Value:
        """What is for a person is written, and nobody is there to answer."""
        words = str(arguments[-1]) if arguments else ""
        match method:
            case "Write1" | "Write2" | "WriteLine1" | "WriteLine2" | "WriteLine3":
                self.host(words, ends_line="Line" in method)
                return None
            case "WriteErrorLine":
                self.message("stderr", f"{words}\r\n")
                return None
            case "WriteDebugLine" | "WriteVerboseLine" | "WriteWarningLine":
                self.message(method.removeprefix("Write").removesuffix("Line").casefold(), words)
                return None
            case "SetShouldExit" | "FlushInputBuffer":
                return None
            case _ if method.startswith("Set"):
                return None  # there is no window
        raise PowerShellError(
            "Windows PowerShell is in NonInteractive mode. Read and Prompt functionality is not available.",
            "InvalidOperation",
            "InvalidOperation",
        )

    def standard_input(self) -> AsyncIterator[bytes]:
        """As the console."""
        return self.console.standard_input()

    def flush(self) -> None:
        """Write what waits."""
        self._write_objects()
        if self._errors:
            self._print(clixml("".join(self._errors)), "stderr")
            self._errors.clear()


def clixml(words: str) -> str:
    """An error as powershell.exe writes it where its output is no console and its command was encoded."""
    lines = "".join(f'<S S="Error">{_escaped(line)}</S>' for line in words.splitlines(keepends=True))
    return (
        f'#< CLIXML\r\n<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">{lines}</Objs>'
    )


def _escaped(line: str) -> str:
    return html.escape(line).replace("\r", "_x000D_").replace("\n", "_x000A_")
