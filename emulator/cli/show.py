"""What people see of a running emulator: tables and lines to paste, drawn by Rich."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

STATES = {"up": "green", "down": "red", "stopped": "yellow", "absent": "dim"}
OUTCOMES = {"carried": "green", "denied": "red", "failed": "red", "absent": "dim"}
BUILDS = {"running": "green", "canceling": "yellow", "kept": "yellow", "done": "dim"}
SSH_OPTIONS = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"


def console() -> Console:
    """The terminal, or whatever standard output is."""
    return Console(highlight=False)


def summary(out: Console, status: Mapping[str, Any]) -> None:
    """The hops, how to connect, and what is not as in Azure."""
    word = Text("ready", "bold green") if status["ready"] else Text("not ready", "bold red")
    out.print(Text.assemble(("Azure Image Builder channel", "bold"), f"  {status['topology']}  ", word))
    out.print(hops(status["hops"]))
    for line in paths(status["paths"]):
        out.print(line)
    for line in builds(status.get("builds", ())):
        out.print(line, soft_wrap=True)
    out.print()
    for title, command in how_to_connect(status["endpoints"]):
        out.print(Text(title, "bold"))
        # Whole, whatever the terminal's width: it is there to be pasted.
        out.print(Text("  " + command), soft_wrap=True)
    approximations(out, status["approximated"])


def hops(found: list[Mapping[str, Any]]) -> Table:
    """A table of the hops of a status."""
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("hop", no_wrap=True)
    table.add_column("in Azure", no_wrap=True)
    table.add_column("here", overflow="fold")
    table.add_column("state", no_wrap=True)
    table.add_column("detail", overflow="fold", style="dim")
    for hop in found:
        state = Text(hop["state"], STATES.get(hop["state"], ""))
        local = hop["local"].replace(", ", "\n")
        table.add_row(hop["name"], hop["address"] or "–", local or "–", state, hop["detail"])
    return table


def paths(found: Mapping[str, Mapping[str, Any]]) -> Iterator[Text]:
    """How the trial of each path ended, where it was not carried."""
    for system, path in found.items():
        if path["outcome"] != "carried":
            word = (path["outcome"], OUTCOMES.get(path["outcome"], ""))
            yield Text.assemble((system, "bold"), " is ", word, f": {path['reason']}")


def builds(found: Sequence[Mapping[str, Any]]) -> Iterator[Text]:
    """The image builds that are under way, or of which something is left, and what each has deployed."""
    for build in found:
        name, group = (build[key].rpartition("/")[2] for key in ("template", "stagingResourceGroup"))
        word = (build["state"], BUILDS.get(build["state"], ""))
        yield Text.assemble(
            "build of ", (name, "bold"), " is ", word, f", {len(build['resources'])} resources in {group}"
        )
        if build["state"] != "done":
            for each in build["resources"]:
                kind, named = each["type"].rpartition("/")[2], each["id"].rpartition("/")[2]
                yield Text(f"  {kind} {named}" + (f" ({each['hop']})" if "hop" in each else ""), "dim")


def how_to_connect(endpoints: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Lines to paste into a shell, each with a title."""
    linux, windows = endpoints.get("linux"), endpoints.get("windows")
    if linux:
        key = f"-i {shlex.quote(linux['private_key'])} {SSH_OPTIONS}" if linux["private_key"] else SSH_OPTIONS
        login = f"{linux['username']}@{linux['host']}"
        password = "" if linux["private_key"] else f", password {linux['password']}"
        yield f"Linux, SSH{password}", f"ssh {key} -p {linux['port']} {login}"
        yield "Linux, files", f"scp {key} -P {linux['port']} FILE {login}:"
    if windows:
        login = f"({windows['username']!r}, {windows['password']!r})"
        session = f"winrm.Session({windows['url']!r}, {login}, transport='ntlm', server_cert_validation='ignore')"
        yield "Windows, WinRM", "python -c " + shlex.quote(f"import winrm; print({session}.run_cmd('ver'))")


def approximations(out: Console, found: list[str] | tuple[str, ...]) -> None:
    """What this machine cannot play to the packet, plainly."""
    if found:
        out.print()
        out.print(Text("Approximated on this machine", "bold yellow"))
        for line in found:
            out.print(Text(f"  · {line}", "yellow"))
