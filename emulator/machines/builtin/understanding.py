"""Check a whole script before any of it runs: every command known, every option, every script it calls.

The result has the inner scripts already read, so that what was checked is what runs.
"""

import re
from dataclasses import dataclass

from emulator.machines.builtin.commands import PROGRAMS
from emulator.machines.builtin.filesystem import MemoryFiles
from emulator.machines.builtin.parser import parse
from emulator.machines.builtin.programs import Program, Sorted, sort_words
from emulator.machines.builtin.tree import For, If, NotUnderstoodError, Part, Script, Simple, Word

SHELLS = {"sh", "bash", "/bin/sh", "/bin/bash", "/usr/bin/bash"}
OWN = {"cd", "export", "exit", "set", "env", "unset"}
MAX_SCRIPT_BYTES = 1 << 20
MAX_DEPTH = 10


@dataclass(frozen=True, slots=True)
class Known:
    """A simple command that was understood.

    Attributes:
        name: of the program or of the shell's own command; empty for assignments alone; `script` for `inner`.
        sorted: its words.
        program: what runs it, unless the shell itself does.
        inner: the script that it runs, in a shell of its own.
        path: the script's file, whose x bit must be set where it is called by its name; else empty.
        assignments: what an `env` or `sudo` before it set.
    """

    name: str
    sorted: Sorted
    program: Program | None = None
    inner: "Understood | None" = None
    path: str = ""
    assignments: tuple[tuple[str, Word], ...] = ()


@dataclass(frozen=True, slots=True)
class Understood:
    """A script and what each of its simple commands is, by identity."""

    script: Script
    known: dict[int, Known]


def understand(text: str, files: MemoryFiles, depth: int = 0) -> Understood:
    """A script, checked to its last word.

    Raises:
        NotUnderstoodError: part of it is not known here; nothing must run.
    """
    if depth > MAX_DEPTH:
        raise NotUnderstoodError("scripts that call so many others")
    found = Understood(parse(text), {})
    for simple in _simples(found.script):
        found.known[id(simple)] = _know(simple.words, files, depth)
    return found


def _simples(script: Script) -> list[Simple]:
    found: list[Simple] = []
    for chain in script.chains:
        for _, pipeline in chain.links:
            for command in pipeline.commands:
                found += _inside(command)
    return found


def _inside(command: Simple | If | For) -> list[Simple]:
    if isinstance(command, Simple):
        return [command]
    if isinstance(command, For):
        return _simples(command.body)
    scripts = [script for branch in command.branches for script in branch]
    return [
        simple
        for script in [*scripts, *([command.otherwise] if command.otherwise else [])]
        for simple in _simples(script)
    ]


def _know(words: tuple[Word, ...], files: MemoryFiles, depth: int) -> Known:
    assignments: list[tuple[str, Word]] = []
    while words and words[0].literal in {"sudo", "env"}:
        before = words
        words = _unwrapped(words, assignments)
        if not words:
            return Known("env" if before[0].literal == "env" else "", Sorted(), assignments=tuple(assignments))
    if not words:
        return Known("", Sorted())
    name = words[0].literal
    if name is None:
        raise NotUnderstoodError("a command whose name is a variable")
    return _named(name, words[1:], files, depth, tuple(assignments))


def _named(
    name: str, words: tuple[Word, ...], files: MemoryFiles, depth: int, assignments: tuple[tuple[str, Word], ...]
) -> Known:
    if name in SHELLS:
        return _shell(name, words, files, depth, assignments)
    if name in OWN:
        return Known(name, _own(name, words), assignments=assignments)
    short = re.sub(r"^/(usr/)?s?bin/", "", name)
    if short in PROGRAMS:
        program = PROGRAMS[short]
        found = sort_words(short, program, words)
        if not program.least <= len(found.operands) <= program.most:
            raise NotUnderstoodError(f"{short} with {len(found.operands)} operands")
        return Known(short, found, program, assignments=assignments)
    if name.startswith("/"):
        return _file(name, words, files, depth, assignments, by_name=True)
    raise NotUnderstoodError(f"the command '{name}'")


def _unwrapped(words: tuple[Word, ...], assignments: list[tuple[str, Word]]) -> tuple[Word, ...]:
    """What follows `sudo` or `env` and their options and assignments."""
    wrapper, *rest = words
    while rest:
        text = rest[0].literal
        if wrapper.literal == "sudo" and text in {"-n", "-E", "-H", "-S", "--"}:
            rest.pop(0)
        elif wrapper.literal == "sudo" and text in {"-u", "-g"}:
            if len(rest) < 2 or rest[1].literal not in {"root", "packer"}:
                raise NotUnderstoodError("sudo as somebody else")
            del rest[:2]
        elif found := _set(rest[0]):
            assignments.append(found)
            rest.pop(0)
        elif text is not None and text.startswith("-"):
            raise NotUnderstoodError(f"{wrapper.literal} {text}")
        else:
            break
    return tuple(rest)


def _set(word: Word) -> tuple[str, Word] | None:
    """`NAME=value`, quoted or not."""
    first = word.parts[0] if word.parts else Part("")
    text = ""
    for index, part in enumerate(word.parts):
        if part.is_variable:
            return None
        text += part.text
        if found := re.match(r"([A-Za-z_]\w*)=(.*)", text, re.DOTALL):
            head = Part(found[2], quoted=True)
            return found[1], Word((head, *word.parts[index + 1 :]))
    del first
    return None


def _own(name: str, words: tuple[Word, ...]) -> Sorted:
    if name == "set":
        if [word.literal for word in words] != ["-e"]:
            raise NotUnderstoodError("set with anything but -e")
    elif any((word.literal or "").startswith("-") for word in words):
        raise NotUnderstoodError(f"{name} with options")
    if name == "exit" and len(words) > 1:
        raise NotUnderstoodError("exit with several operands")
    return Sorted(operands=list(words))


def _shell(
    name: str, words: tuple[Word, ...], files: MemoryFiles, depth: int, assignments: tuple[tuple[str, Word], ...]
) -> Known:
    letters = ""
    while words and words[0].literal in {"-c", "-e", "-l", "-ec", "-lc"}:
        letters += words[0].literal or ""
        words = words[1:]
    text = words[0].literal if words else None
    if text is None or not ("c" in letters or text.startswith("/")):
        raise NotUnderstoodError(f"{name} without a written script, or the whole path of one")
    prefix = "set -e\n" if "e" in letters else ""
    if "c" in letters:
        inner = understand(prefix + text, files, depth + 1)
        return Known("script", Sorted(operands=list(words[1:])), inner=inner, assignments=assignments)
    return _file(text, words[1:], files, depth, assignments, by_name=False, prefix=prefix)


def _file(
    path: str,
    words: tuple[Word, ...],
    files: MemoryFiles,
    depth: int,
    assignments: tuple[tuple[str, Word], ...],
    *,
    by_name: bool,
    prefix: str = "",
) -> Known:
    try:
        data = bytes(files.file(files.absolute(path)).data)
    except OSError:
        raise NotUnderstoodError(f"the command '{path}'") from None
    if len(data) > MAX_SCRIPT_BYTES or b"\0" in data:
        raise NotUnderstoodError(f"{path}, which is no script")
    text = data.decode("utf-8", "surrogateescape")
    first = text.split("\n", 1)[0].strip()
    if first.startswith("#!") and not re.fullmatch(r"#!\s*(/usr/bin/env\s+)?(/usr)?(/bin/)?(ba)?sh( -e)?", first):
        raise NotUnderstoodError(f"{path}, a script for {first[2:].strip()}")
    if first.endswith(" -e"):
        prefix = "set -e\n"
    inner = understand(prefix + text, files, depth + 1)
    operands = [Word((Part(path, quoted=True),)), *words]
    return Known(
        "script", Sorted(operands=operands), inner=inner, path=path if by_name else "", assignments=assignments
    )
