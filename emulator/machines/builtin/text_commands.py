"""The programs that read text and names: checksums, counts, searches."""

import hashlib
import posixpath
import re

from emulator.machines.builtin.programs import Call, Program


async def _sha256sum(call: Call) -> int:
    if not call.operands:
        await call.say(f"{hashlib.sha256(await call.input()).hexdigest()}  -")
    for name in call.operands:
        await call.say(f"{hashlib.sha256(call.contents(name)).hexdigest()}  {name}")
    return 0


async def _head(call: Call) -> int:
    data = await call.input()
    if "c" in call.values:
        await call.stdout.write(data[: int(call.values["c"])])
    else:
        await call.stdout.write(b"".join(data.splitlines(keepends=True)[: int(call.values.get("n", "10"))]))
    return 0


async def _tail(call: Call) -> int:
    data = await call.input()
    bytes_wanted = "c" in call.values
    count = int(call.values.get("c" if bytes_wanted else "n", "10"))
    lines = data.splitlines(keepends=True)
    if count:
        await call.stdout.write(data[-count:] if bytes_wanted else b"".join(lines[-count:]))
    return 0


async def _wc(call: Call) -> int:
    data = await call.input()
    counts = {"l": data.count(b"\n"), "w": len(data.split()), "c": len(data)}
    wanted = [str(counts[key]) for key in "lwc" if key in (call.options or set("lwc"))]
    await call.say(" ".join([*wanted, *call.operands[:1]]))
    return 0


async def _grep(call: Call) -> int:
    pattern, *names = call.operands
    literal = "F" in call.options or not re.search(r"[][\\.*+?(){}|^$]", pattern)
    if not literal and not re.fullmatch(r"\^?[\w \-:=/@,.]*\$?", pattern):
        raise ValueError(f"the pattern '{pattern}' is beyond the built-in guest")
    expression = re.compile(re.escape(pattern) if literal else pattern, re.IGNORECASE if "i" in call.options else 0)
    call.operands = names
    lines = (await call.input()).decode("utf-8", "surrogateescape").splitlines()
    found = [
        (number, line)
        for number, line in enumerate(lines, 1)
        if bool(expression.search(line)) != ("v" in call.options)
    ]
    if "c" in call.options:
        await call.say(str(len(found)))
    elif "q" not in call.options:
        for number, line in found:
            shown = f"{number}:{line}" if "n" in call.options else line
            await call.stdout.write(shown.encode("utf-8", "surrogateescape") + b"\n")
    return 0 if found else 1


async def _tee(call: Call) -> int:
    data = b"".join([chunk async for chunk in call.chunks()])
    await call.stdout.write(data)
    for name in call.operands:
        file = call.shell.files.create(call.path(name), truncate="a" not in call.options)
        call.shell.files.write(file, len(file.data), data)
    return 0


async def _basename(call: Call) -> int:
    await call.say(posixpath.basename(call.operands[0].rstrip("/")) or "/")
    return 0


async def _dirname(call: Call) -> int:
    await call.say(posixpath.dirname(call.operands[0].rstrip("/")) or ".")
    return 0


TEXT_PROGRAMS: dict[str, Program] = {
    "sha256sum": Program(_sha256sum),
    "head": Program(_head, valued="nc", most=1),
    "tail": Program(_tail, valued="nc", most=1),
    "wc": Program(_wc, flags="lwc", most=1),
    "grep": Program(_grep, flags="qivnFEc", least=1, most=2),
    "tee": Program(_tee, flags="a"),
    "basename": Program(_basename, least=1, most=1),
    "dirname": Program(_dirname, least=1, most=1),
}
