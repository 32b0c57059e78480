"""The composed channel used: clients of this machine and of the client's container, our own command, and its end."""

import asyncio
import json
import shutil
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.app.status import Endpoint, Exact
from emulator.control.client import Control
from emulator.errors import InvalidInputError
from emulator.model import arm
from tests.app.test_clients import MIB, digest, random_file, tool, winrm
from tests.app.test_run import deny
from tests.cli.command import Cli
from tests.containers.clients import (
    OPTIONS,
    Where,
    control,
    published,
    ssh,
)
from tests.containers.stack import PASSWORD, Stack, docker, settings_folder

pytestmark = [
    pytest.mark.containers,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("containers"),
    pytest.mark.filterwarnings("ignore:Unverified HTTPS"),  # pywinrm's library, of the certificate we know
]
EXPORT = Path(__file__).parents[1] / "data" / "export" / "cli"
OTHERS = ("public-ip", "container-instance")


def endpoint(stack: Stack, system: str) -> Endpoint:
    """How status says that a client reaches a build VM."""
    found = control(stack).status()["endpoints"][system]
    return Endpoint(**{**found, "exact": Exact(**found["exact"])})


async def carries(stack: Stack, key: Path, folder: Path, size: int = MIB) -> None:
    """Commands by OpenSSH and pywinrm, and a file both ways by scp, arrive from this machine at 127.0.0.1."""
    code, out, complaint = await tool(*ssh(key, published(stack, "LINUX"), "hostname; exit 42"))
    assert (code, out) == (42, b"build-linux\n"), complaint
    assert winrm(endpoint(stack, "windows"), "ntlm") == (5, b"hello\r\n")
    await round_trip(published(stack, "LINUX"), key, folder, size)


async def round_trip(where: Where, key: Path, folder: Path, size: int) -> None:
    """Send and fetch a file, and compare."""
    sent, fetched = random_file(folder, size), folder / "fetched"
    copy = ("scp", *OPTIONS, "-i", str(key), "-P", str(where[1]))
    there = f"packer@{where[0]}:/tmp/{size}"
    for each in ((str(sent), there), (there, str(fetched))):
        code, _, complaint = await tool(*copy, *each)
        assert code == 0, complaint
    await tool(*ssh(key, where, "rm", f"/tmp/{size}"))
    assert digest(sent) == digest(fetched)


async def test_ssh_passes_exit_codes_on(stack: Stack, key_file: Path) -> None:
    """OpenSSH logs in at the published port, with a key, and gets each command's own exit code."""
    for code in (0, 1, 42):
        command = f"id -un; exit {code}"
        assert (await tool(*ssh(key_file, published(stack, "LINUX"), command)))[:2] == (code, b"packer\n")


async def test_a_fault_is_played_by_the_hops_container(stack: Stack, key_file: Path) -> None:
    """A reset in the key exchange at the proxy, told by control within a second; cleared, commands run again."""
    command = ssh(key_file, published(stack, "LINUX"), "true")
    control(stack).add_fault({"kind": "reset", "hop": "proxy", "at": "handshake", "name": "cut"})
    try:
        async with asyncio.timeout(20):
            while (await tool(*command))[0] == 0:
                pass
            while not any(each.get("faults") == ["cut"] for each in control(stack).events()):
                pass
    finally:
        control(stack).clear_faults()
    async with asyncio.timeout(20):
        while (await tool(*command))[0] != 0:
            pass


def test_a_build_vms_own_faults_are_refused(stack: Stack) -> None:
    """OpenSSH plays none of them, and says so."""
    with pytest.raises(InvalidInputError, match="this channel has no linux build VM that plays it"):
        control(stack).add_fault({"kind": "no-exit-status", "hop": "build-linux"})


@pytest.mark.parametrize("transport", ["basic", "ntlm"])
def test_pywinrm(stack: Stack, transport: str) -> None:
    """A command runs by pywinrm at the published port, by Basic and by NTLM."""
    assert winrm(endpoint(stack, "windows"), transport) == (5, b"hello\r\n")


async def test_files_arrive_whole_both_ways(stack: Stack, key_file: Path, tmp_path: Path) -> None:
    """5 MB by scp, both ways, with equal checksums."""
    await round_trip(published(stack, "LINUX"), key_file, tmp_path, 5 * MIB + 17)


@pytest.mark.slow
async def test_large_files_arrive_whole_both_ways(stack: Stack, key_file: Path, tmp_path: Path) -> None:
    """200 MB by scp, both ways, with equal checksums."""
    await round_trip(published(stack, "LINUX"), key_file, tmp_path, 200_000_000)


def test_status_names_what_is_published(stack: Stack) -> None:
    """Status names the published ports, the account, and the address where drops are true to the packet."""
    status = control(stack).status()
    linux, windows = status["endpoints"]["linux"], status["endpoints"]["windows"]

    assert (status["ready"], status["runtime"], status["topology"]) == (True, "containers", "existing-vnet")
    assert (linux["host"], linux["port"]) == published(stack, "LINUX")
    assert (windows["host"], windows["port"]) == published(stack, "WINDOWS")
    assert linux["exact"] == {"host": f"{stack.service_net}.5", "port": 60001}
    assert (linux["username"], linux["password"]) == ("packer", PASSWORD)
    assert "at 127.0.0.1 Docker's own proxy answers" in status["approximated"][0]


@pytest.fixture
def cli(stack: Stack, tmp_path: Path) -> Iterator["At"]:
    """Our own command, which knows of the channel nothing but where control is; the world is put back."""
    yield At(Cli(tmp_path / "home"), control(stack).url)
    control(stack).reset()


class At:
    """Our own command with `--control URL`, no token, and no state folder."""

    def __init__(self, command: Cli, url: str) -> None:
        self.command = command
        self._where = ("--control", url)

    def __call__(self, *words: str, after: tuple[str, ...] = ()) -> tuple[int, str, str]:
        """Its exit code, output and complaints; `after` comes behind the URL."""
        done = self.command(*words, *self._where, *after)
        return done.returncode, done.stdout, done.stderr

    def json(self, *words: str) -> Any:
        """What it printed, which is JSON."""
        return self.command.json(*words, *self._where)


@pytest.mark.parametrize("system", ["linux", "windows"])
def test_our_command_runs_commands(cli: At, system: str) -> None:
    """`exec` runs a command on either build VM, by a token that it fetches through the engine."""
    line = "echo through& exit 3" if system == "windows" else "echo through; exit 3"

    assert cli("exec", system, after=("--", line)) == (3, "through\n", "")


def test_our_command_changes_the_world(cli: At, tmp_path: Path) -> None:
    """`status`, `world` and `events` work as on an embedded channel: a rule is applied, told of, and undone."""
    file = tmp_path / "deny.json"
    file.write_text(json.dumps(arm.dump(deny("NoSsh", 300, 22))))
    applied, applied_again = cli("world", "apply", str(file)), cli.json("world", "show")
    reset = cli("world", "reset")
    events = [json.loads(line)["sentence"] for line in cli("events")[1].splitlines()]

    assert (applied[0], reset[0]) == (0, 0), applied + reset
    assert "NoSsh" in str(applied_again)
    assert "NoSsh" not in str(cli.json("world", "show"))
    assert "the world changed: applied build-nsg" in events
    assert events[-1] == "the world changed: reset to the world it started with"
    assert cli.json("status", "--json")["ready"] is True


def test_a_bad_world_is_refused(cli: At, tmp_path: Path) -> None:
    """Control refuses what the command line does, in the same words, and the old world stays."""
    group = arm.dump(deny("NoSsh", 300, 22))
    group["properties"]["securityRules"][1]["properties"]["priority"] = 5000
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(group))
    before = cli.json("world", "show")
    code, _, complaint = cli("world", "apply", str(file))
    offline = cli.command("explain", "-r", str(file))

    assert (code, offline.returncode) == (2, 2)
    assert "priority" in complaint
    assert complaint.splitlines()[0] == offline.stderr.splitlines()[0]
    assert cli.json("world", "show") == before


@pytest.mark.slow
async def test_a_taken_port_is_named(built: Stack) -> None:
    """`up` at a port that somebody has fails, and the engine's message names the port."""
    taken = published(built, "LINUX")[1]
    other = built.beside("taken", AIB_EMULATOR_LINUX_PORT=str(taken))
    try:
        docker(
            "run",
            "--detach",
            "--rm",
            "--name",
            f"{other.project}-holder",
            "--publish",
            f"127.0.0.1:{taken}:22",
            built.image("build-linux"),
            check=False,
        )
        started = other.compose("up", "--detach", "--wait", check=False)
    finally:
        docker("rm", "--force", f"{other.project}-holder", check=False)
        other.remove()

    assert started.returncode != 0
    assert f":{taken}" in started.stderr


@pytest.mark.slow
def test_our_command_ends_it(built: Stack, tmp_path: Path) -> None:
    """`down` ends a composed channel with all that belongs to it, and says which it was."""
    ended = built.beside("ended")
    with ended.running() as stack:
        code, out, complaint = At(Cli(tmp_path / "home"), control(stack).url)("down")
        left = stack.left()

    assert (code, left) == (0, []), complaint
    assert ended.project in out + complaint


@pytest.mark.slow
@pytest.mark.parametrize("topology", OTHERS)
async def test_every_topology_carries(built: Stack, key_file: Path, tmp_path: Path, topology: str) -> None:
    """The other topologies carry SSH, scp and WinRM too; control's token is the one that it was given."""
    settings = {"AIB_EMULATOR_TOPOLOGY": topology, "AIB_EMULATOR_TOKEN": "given"}
    with built.beside(topology, **settings).running() as stack:
        status = Control(control(stack).url, "given").status()
        assert (status["topology"], status["paths"]["linux"]["outcome"]) == (topology, "carried")
        await carries(stack, key_file, tmp_path)


@pytest.mark.slow
async def test_an_export_is_played(built: Stack, key_file: Path, tmp_path: Path) -> None:
    """A mounted emulator.yaml names what Azure's command line printed: its addresses are played, and carry."""
    folder = settings_folder(tmp_path, "resources: [export]\n")
    shutil.copytree(EXPORT, folder / "export")
    with built.beside("export", AIB_EMULATOR_CONFIG_FOLDER=str(folder)).running() as stack:
        hops = {hop["name"]: hop["address"] for hop in control(stack).status()["hops"]}
        await carries(stack, key_file, tmp_path)

    assert hops == {
        "load-balancer": "10.30.0.68",
        "proxy": "10.20.1.7",
        "build-linux": "10.20.1.8",
        "build-windows": "10.20.1.9",
        "control": "",
    }


@pytest.mark.slow
def test_up_is_quick_and_down_leaves_nothing(built: Stack) -> None:
    """`up --wait` is ready in under ten seconds, by the median of three, and `down` leaves nothing behind."""
    alone = built.beside("timing")
    took = []
    try:
        for _ in range(3):
            began = time.monotonic()
            alone.up()
            took.append(time.monotonic() - began)
            alone.compose("down")
            assert alone.left() == []
    finally:
        alone.remove()
    print(f"up --wait: {', '.join(f'{each:.1f}' for each in took)} s")

    assert statistics.median(took) < 10
