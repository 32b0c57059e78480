"""What the built-in guest refuses, it refuses before anything runs."""

import pytest

from emulator.machines.builtin import interpreter
from emulator.machines.builtin.filesystem import MemoryFiles
from emulator.machines.builtin.interpreter import Buffer, Null, Streams
from emulator.machines.builtin.programs import Shell
from emulator.machines.builtin.tree import NotUnderstoodError
from emulator.machines.builtin.understanding import understand


async def run(script: str, files: MemoryFiles | None = None, stdin: bytes = b"") -> tuple[int, str, str]:
    """A script's exit status and its outputs."""
    files = files or MemoryFiles("/home/packer")
    environment = {"HOME": "/home/packer", "USER": "packer"}
    shell = Shell(files, "build-linux", "packer", environment, dict(environment), "/home/packer")
    out, err = Buffer(), Buffer()
    status = await interpreter.run(understand(script, files), shell, Streams(Buffer(stdin), out, err))
    return status, (await out.read()).decode(), (await err.read()).decode()


@pytest.mark.parametrize(
    "script",
    [
        "python3 -c 1",  # a program that is not there
        "ls --colour",  # an option it does not know
        "echo $(id)",  # a command within a word
        "echo `id`",
        'echo "`id`"',
        "echo $((1+1))",
        "echo ${X:-y}",
        "ls *.txt",  # names to be looked up
        "echo [ab]c",
        "while true; do echo; done",
        "case x in esac",
        "f() { echo; }",
        "{ echo; }",
        "sleep 1 &",
        "cat <<E\nx\nE",
        "echo 'open",
        'echo "open',
        "$X",  # a command that only running would tell
        "sh ./relative.sh",
        "sh -s",
        "/no/such/script",
        "set -x",
        "sudo -u nobody id",
        "if true; then echo",
        "echo x | ",
        "&& echo",
        "for 1 in a; do echo; done",
        "echo >",
        "echo 3>x",
        "sh -c 'python3'",  # known only by looking inside
    ],
)
async def test_what_is_not_known_is_refused_whole(script: str) -> None:
    """Nothing of a script runs when any part of it is not understood."""
    files = MemoryFiles("/home/packer")
    with pytest.raises(NotUnderstoodError):
        await run(f"echo ran > /tmp/ran\n{script}", files)
    assert not files.exists("/tmp/ran")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo a  b 'c  d' \"e  f\"", "a b c  d e  f\n"),
        ("X='a  b'; echo $X \"$X\" ${X}c", "a b a  b a bc\n"),
        ("false; echo $?; true; echo $?", "1\n0\n"),
        ("false && echo no || echo yes", "yes\n"),
        ("! false && echo yes", "yes\n"),
        ("if false; then echo a; elif [ 1 -lt 2 ]; then echo b; else echo c; fi", "b\n"),
        ("for x in a 'b c' d; do echo \"<$x>\"; done", "<a>\n<b c>\n<d>\n"),
        ("printf 'b\\na\\n' | head -n 1 | wc -c", "2\n"),
        ("echo one > f; echo two >> f; cat < f; cat f | wc -l", "one\ntwo\n2\n"),
        ("echo lost > /dev/null 2>&1; echo kept 2>/dev/null", "kept\n"),
        ("mkdir -p a/b && cd a/b && pwd; cd; pwd", "/home/packer/a/b\n/home/packer\n"),
        ("sh -c 'X=inner; echo $X $1' sh word; echo \"<$X>\"", "inner word\n<>\n"),
        ("export X=1; sh -c 'echo $X'; Y=2 sh -c 'echo $Y'; sudo -E env Z=3 sh -c 'echo $Z'", "1\n2\n3\n"),
        ("set -e; false || true; if false; then :; fi; echo on; false; echo off", "on\n"),
        ("echo hello | sha256sum", "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03  -\n"),
        ("echo a#b # comment\necho \\$HOME ~", "a#b\n$HOME /home/packer\n"),
        ("printf '%s-%s\\n' a b c d", "a-b\nc-d\n"),
        ("echo abc | grep -q b && echo found; echo abc | grep -v b || echo none", "found\nnone\n"),
        ("touch f; chmod 700 f; [ -x f ] && [ -f f ] && test ! -d f && echo yes", "yes\n"),
        ("exit 3; echo never", ""),
    ],
)
async def test_what_is_known_runs_as_in_a_shell(script: str, expected: str) -> None:
    """The outputs are those that `sh` gives."""
    assert (await run(script))[1] == expected


async def test_a_script_file_runs_as_it_was_checked() -> None:
    """A script is read when it is checked; without its x bit it is not run by name."""
    files = MemoryFiles("/home/packer")
    files.write(files.create("/tmp/s.sh"), 0, b"#!/bin/sh -e\necho $0 $1\nfalse\necho never\n")
    assert (await run("/tmp/s.sh a", files))[0] == 126
    assert await run("chmod +x /tmp/s.sh; /tmp/s.sh a", files) == (1, "/tmp/s.sh a\n", "")


async def test_failures_are_told_like_a_shells() -> None:
    """A missing file is a line on the error output and a status; the script goes on."""
    assert await run("cat /nope; echo $?; cd /nope; rm -f /nope; echo $?") == (
        0,
        "1\n0\n",
        "cat: /nope: No such file or directory\ncd: /nope: No such file or directory\n",
    )


async def test_null_takes_all_and_gives_nothing() -> None:
    """/dev/null is as everywhere."""
    await Null().write(b"x")
    assert await Null().read() == b""
