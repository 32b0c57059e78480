"""The programs of this guest, beside the shell's own: small, and exact in what they know."""

import asyncio
import posixpath
import re
import stat
import time

from emulator.machines.builtin.filesystem import File, Folder, MemoryFiles, Node
from emulator.machines.builtin.printing import escaped, formatted
from emulator.machines.builtin.programs import Call, Program
from emulator.machines.builtin.testing import evaluate
from emulator.machines.builtin.text_commands import TEXT_PROGRAMS


async def _true(_: Call) -> int:
    return 0


async def _false(_: Call) -> int:
    return 1


async def _echo(call: Call) -> int:
    words = list(call.operands)
    flags = ""
    while words and re.fullmatch(r"-[neE]+", words[0]):
        flags += words.pop(0)
    text = " ".join(words)
    if flags.rfind("e") > flags.rfind("E"):
        text = escaped(text)
    await call.stdout.write(text.encode("utf-8", "surrogateescape") + (b"" if "n" in flags else b"\n"))
    return 0


async def _printf(call: Call) -> int:
    text = formatted(call.operands[0], call.operands[1:])
    await call.stdout.write(text.encode("utf-8", "surrogateescape"))
    return 0


async def _cat(call: Call) -> int:
    for name in call.operands or ["-"]:
        if name == "-":
            async for chunk in call.chunks():
                await call.stdout.write(chunk)
        else:
            await call.stdout.write(call.contents(name))
    return 0


async def _pwd(call: Call) -> int:
    await call.say(call.shell.folder)
    return 0


async def _ls(call: Call) -> int:
    several = len(call.operands) > 1
    for name in call.operands or ["."]:
        path = call.path(name)
        node = call.shell.files.node(path)
        entries: dict[str, Node] = {name: node}
        if isinstance(node, Folder) and "d" not in call.options:
            hidden = bool({"a", "A"} & call.options)
            entries = {key: node.entries[key] for key in sorted(node.entries) if hidden or not key.startswith(".")}
            if several:
                await call.say(f"{name}:")
        for key, entry in entries.items():
            await call.say(listing(key, entry, call.shell.username) if "l" in call.options else key)
    return 0


def listing(name: str, node: Node, owner: str) -> str:
    """A line as `ls -l` prints it."""
    size = len(node.data) if isinstance(node, File) else 4096
    when = time.strftime("%b %d %H:%M", time.gmtime(node.modified))
    return f"{stat.filemode(node.mode)} 1 {owner} root {size:>8} {when} {name}"


async def _mkdir(call: Call) -> int:
    mode = int(call.values.get("m", "755"), 8)
    for name in call.operands:
        call.shell.files.make_folder(call.path(name), mode, parents="p" in call.options)
    return 0


async def _rm(call: Call) -> int:
    files = call.shell.files
    for name in call.operands:
        path = call.path(name)
        if "f" in call.options and not files.exists(path):
            continue
        recursive = bool({"r", "R"} & call.options)
        if files.is_folder(path) and not recursive:
            return await call.complain(f"cannot remove '{name}': Is a directory")
        files.remove(path, recursive=recursive)
    return 0


async def _rmdir(call: Call) -> int:
    for name in call.operands:
        call.shell.files.folder(call.path(name))
        call.shell.files.remove(call.path(name))
    return 0


def _into(files: MemoryFiles, source: str, target: str) -> str:
    """Where a source lands: in the target if that is a folder."""
    return posixpath.join(target, posixpath.basename(source)) if files.is_folder(target) else target


async def _cp(call: Call) -> int:
    files = call.shell.files
    target = call.path(call.operands[-1])
    for name in call.operands[:-1]:
        source = call.path(name)
        if files.is_folder(source) and not {"r", "R", "a"} & call.options:
            return await call.complain(f"-r not specified; omitting directory '{name}'")
        _copy(files, source, _into(files, source, target))
    return 0


def _copy(files: MemoryFiles, source: str, target: str) -> None:
    node = files.node(source)
    if f"{target}/".startswith(f"{source}/"):
        raise OSError(22, f"cannot copy '{source}' into itself")
    if isinstance(node, Folder):
        files.make_folder(target, node.mode & 0o7777, parents=True)
        for name in list(node.entries):
            _copy(files, f"{source}/{name}", f"{target}/{name}")
    elif isinstance(node, File):
        copied = files.create(target, node.mode & 0o7777)
        files.write(copied, 0, bytes(node.data))


async def _mv(call: Call) -> int:
    target = call.path(call.operands[-1])
    for name in call.operands[:-1]:
        source = call.path(name)
        call.shell.files.rename(source, _into(call.shell.files, source, target))
    return 0


async def _touch(call: Call) -> int:
    for name in call.operands:
        path = call.path(name)
        files = call.shell.files
        (files.node(path) if files.exists(path) else files.create(path)).modified = time.time()
    return 0


async def _chmod(call: Call) -> int:
    wish, *names = call.operands
    for name in names:
        node = call.shell.files.node(call.path(name))
        node.mode = stat.S_IFMT(node.mode) | _mode(wish, stat.S_IMODE(node.mode))
    return 0


def _mode(wish: str, mode: int) -> int:
    if re.fullmatch(r"[0-7]{1,4}", wish):
        return int(wish, 8)
    found = re.fullmatch(r"([ugoa]*)([+=-])([rwx]+)", wish)
    if not found:
        raise ValueError(f"invalid mode: '{wish}'")
    bits = sum({"r": 4, "w": 2, "x": 1}[letter] for letter in set(found[3]))
    who = found[1].replace("a", "ugo") or "ugo"
    mask = sum(bits << {"u": 6, "g": 3, "o": 0}[letter] for letter in set(who))
    if found[2] == "=":
        return (mode & ~sum(7 << {"u": 6, "g": 3, "o": 0}[letter] for letter in set(who))) | mask
    return mode | mask if found[2] == "+" else mode & ~mask


async def _test(call: Call) -> int:
    words = call.operands
    if call.name == "[":
        if not words or words[-1] != "]":
            return 2 * await call.complain("missing ']'")
        words = words[:-1]
    return 0 if evaluate(words, call.shell.files, call.shell.folder) else 1


async def _whoami(call: Call) -> int:
    await call.say(call.shell.username)
    return 0


async def _id(call: Call) -> int:
    names = "n" in call.options
    if "u" in call.options:
        await call.say(call.shell.username if names else "0")
    elif "g" in call.options:
        await call.say("root" if names else "0")
    else:
        await call.say(f"uid=0({call.shell.username}) gid=0(root) groups=0(root)")
    return 0


async def _hostname(call: Call) -> int:
    await call.say(call.shell.hostname)
    return 0


async def _uname(call: Call) -> int:
    shown = {"s": "Linux", "n": call.shell.hostname, "r": "0.0.0-aib-emulator", "m": "x86_64"}
    wanted = "snrm" if "a" in call.options else "".join(key for key in "snrm" if key in call.options) or "s"
    await call.say(" ".join(shown[key] for key in wanted))
    return 0


async def _sleep(call: Call) -> int:
    await asyncio.sleep(float(call.operands[0]))
    return 0


PROGRAMS: dict[str, Program] = {
    **TEXT_PROGRAMS,
    "true": Program(_true, plain=True),
    ":": Program(_true, plain=True),
    "false": Program(_false, plain=True),
    "sync": Program(_true, most=0),
    "echo": Program(_echo, plain=True),
    "printf": Program(_printf, plain=True, least=1),
    "cat": Program(_cat),
    "pwd": Program(_pwd, most=0),
    "ls": Program(_ls, flags="laA1dh"),
    "mkdir": Program(_mkdir, flags="pv", valued="m", least=1),
    "rm": Program(_rm, flags="rRf", least=1),
    "rmdir": Program(_rmdir, least=1),
    "cp": Program(_cp, flags="rRapf", least=2),
    "mv": Program(_mv, flags="f", least=2),
    "touch": Program(_touch, least=1),
    "chmod": Program(_chmod, least=2),
    "test": Program(_test, plain=True),
    "[": Program(_test, plain=True),
    "whoami": Program(_whoami, most=0),
    "id": Program(_id, flags="ung", most=0),
    "hostname": Program(_hostname, flags="fs", most=0),
    "uname": Program(_uname, flags="asnrm", most=0),
    "sleep": Program(_sleep, least=1, most=1),
}
