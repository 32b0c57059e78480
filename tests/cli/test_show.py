"""What people read of a status."""

import shlex
from typing import Any

from rich.console import Console

from emulator.cli import show

LINUX = {"host": "127.0.0.1", "port": 60001, "username": "packer", "password": "p'w", "private_key": "/a folder/key"}
WINDOWS = {**LINUX, "port": 60000, "url": "https://127.0.0.1:60000/wsman"}


def drawn(status: dict[str, Any]) -> str:
    """What `summary` prints on 80 columns."""
    out = Console(width=80, record=True, quiet=False, file=None, no_color=True)
    with out.capture() as capture:
        show.summary(out, status)
    return capture.get()


def status(**changes: Any) -> dict[str, Any]:
    """A status with nothing in it, but for `changes`."""
    empty = {"ready": True, "topology": "public-ip", "hops": [], "paths": {}, "endpoints": {}, "approximated": []}
    return {**empty, **changes}


def test_lines_to_paste_survive_the_shell() -> None:
    """Folders with blanks and passwords with quotes arrive as they are, and no line is wrapped."""
    commands = [command for _, command in show.how_to_connect({"linux": LINUX, "windows": WINDOWS})]

    assert all(command in drawn(status(endpoints={"linux": LINUX, "windows": WINDOWS})) for command in commands)
    assert shlex.split(commands[0])[1:3] == ["-i", "/a folder/key"]
    compile(shlex.split(commands[2])[2], "pasted", "exec")


def test_what_is_denied_is_said_with_its_reason() -> None:
    """A path that is not carried is named; one that is carried needs no line."""
    paths = {"linux": {"outcome": "denied", "reason": "by rule X"}, "windows": {"outcome": "carried", "reason": ""}}
    text = drawn(status(paths=paths))

    assert "linux is denied: by rule X" in text
    assert "windows" not in text


def test_approximations_are_said() -> None:
    """What is not as in Azure is listed; nothing is said where all is."""
    assert "held: no filters" in drawn(status(approximated=["held: no filters"]))
    assert "Approximated" not in drawn(status())


def test_builds_are_shown_with_what_they_have_deployed() -> None:
    """A build under way lists its resources, and the hops that they are; of one that is done the count is enough."""
    group = "/subscriptions/s/resourceGroups/IT_g_t_1"
    resource = {"id": f"{group}/providers/Microsoft.Compute/virtualMachines/pkrvm1", "hop": "build-linux"}
    build = {
        "template": "/x/imageTemplates/web",
        "stagingResourceGroup": group,
        "state": "running",
        "resources": [{**resource, "type": "Microsoft.Compute/virtualMachines"}],
    }
    text = drawn(status(builds=[build, {**build, "state": "done"}]))

    assert "build of web is running, 1 resources in IT_g_t_1" in text
    assert text.count("virtualMachines pkrvm1 (build-linux)") == 1
