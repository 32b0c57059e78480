"""What a build feels of the channel: SSH and WinRM as their clients use them, direct and through it, in one run.

All ways lead to the same build VMs, processes of their own, and take turns. Through the channel means balancer and
proxy VM, with rules and records on. Where a work has a bar, two hops of other relays do it as well: client and build
VM may use all the processors there are, and then any relay takes its share from them.
"""

import asyncio
import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from winrm.protocol import Protocol

from bench.figures import Figure
from bench.peers import PEERS
from bench.progress import Progress
from bench.running import emulator, state_folder

ROUNDS = 5
LOGINS = 4
COMMANDS = 100
MEGABYTES = 200
OUTPUT_MEGABYTES = 30
UPLOAD_BYTES = 1_000_000
CHUNK = 8000 - 200
"""Characters of a command by which Packer's WinRM client uploads: a line has 8,000 (packer-community/winrmcp)."""
ACCOUNT, PASSWORD = "packer", "bench"
LOGIN_BAR, COPY_BAR = 1.1, 1 / 0.95
"""Seconds through the channel, of those direct."""
BESIDE = ("haproxy", "nginx")
"""The peers that do what has a bar."""
OPENSSH = ("ssh", "scp", "sftp", "ssh-keygen")


@dataclass(frozen=True, slots=True)
class Way:
    """One way to the build VMs.

    Attributes:
        name: as figures name it.
        linux, windows: where they are, `HOST:PORT`.
        folder: has the SSH key, and what is copied.
    """

    name: str
    linux: str
    windows: str
    folder: Path

    def openssh(self, program: str, *words: str, stdin: str = "") -> None:
        """A command of OpenSSH's, in whose words `HOST` is the build VM's; it logs in by key and remembers nobody."""
        host, _, port = self.linux.rpartition(":")
        options = ("StrictHostKeyChecking=no", f"UserKnownHostsFile={os.devnull}", "LogLevel=ERROR", "BatchMode=yes")
        named = [word for option in options for word in ("-o", option)]
        at = ("-p" if program == "ssh" else "-P", port)
        given = [word.replace("HOST", f"{ACCOUNT}@{host}") for word in words]
        command = [program, "-F", os.devnull, "-i", str(self.folder / "key"), *at, *named, *given]
        subprocess.run(command, check=True, input=stdin.encode(), stdout=subprocess.DEVNULL)

    def winrm(self) -> Protocol:
        """Pywinrm's client."""
        url = f"https://{self.windows}/wsman"
        return Protocol(
            url, transport="ntlm", username=ACCOUNT, password=PASSWORD, server_cert_validation="ignore", proxy=""
        )


@dataclass(frozen=True, slots=True)
class Work:
    """Something that a build does.

    Attributes:
        name: as figures name it.
        run: does it once, by a way.
        bar: the most that its seconds through the channel may be of those direct; None for no bar.
    """

    name: str
    run: Callable[[Way], None]
    bar: float | None = None


def measure() -> Iterator[Figure]:
    """Seconds of each work, direct and through the channel, and their ratios, round by round."""
    missing = [program for program in OPENSSH if shutil.which(program) is None]
    if missing:
        print(f"builds: not measured: {', '.join(missing)} of OpenSSH's client missing")
        return
    with tempfile.TemporaryDirectory(prefix="aib-bench-") as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the certificate is our own
        folder = Path(name)
        (folder / "big").write_bytes(os.urandom(1_000_000) * MEGABYTES)
        with _ways(folder) as ways, _peers(ways[0], folder) as peers:
            _written(ways[0])
            for work in WORKS:
                taken = (*ways, *peers) if work.bar else ways
                yield from _figures(work, _rounds(work, taken), taken)


@contextlib.contextmanager
def _ways(folder: Path) -> Iterator[tuple[Way, Way]]:
    """Direct to the build VMs of a running emulator, and through its channel."""
    subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"), check=True)
    account = {"username": ACCOUNT, "password": PASSWORD, "private_key": str(folder / "key")}
    file = folder / "emulator.yaml"
    file.write_text(json.dumps({"topology": "existing-vnet", "credentials": account}))
    with state_folder() as home, emulator(home, "--config", str(file)) as status:
        local = {hop["name"]: hop["local"] for hop in status["hops"]}
        ends = {system: f"{each['host']}:{each['port']}" for system, each in status["endpoints"].items()}
        yield (
            Way("direct", local["build-linux"], local["build-windows"], folder),
            Way("through the channel", ends["linux"], ends["windows"], folder),
        )


@contextlib.contextmanager
def _peers(direct: Way, folder: Path) -> Iterator[tuple[Way, ...]]:
    """Through two hops of each peer that is there, to the Linux build VM."""
    with contextlib.ExitStack() as stack:
        found = []
        for peer in (each for each in PEERS if each.name in BESIDE):
            if peer.lack:
                print(f"builds: {peer.name} is not measured: {peer.lack}")
            else:
                hops = stack.enter_context(peer.hops(direct.linux, 2, folder))
                found.append(replace(direct, name=f"through two {peer.name}", linux=f"127.0.0.1:{hops.port}"))
        yield tuple(found)


def _rounds(work: Work, ways: Sequence[Way]) -> list[tuple[float, ...]]:
    """Seconds by each way; interleaved: a noisy moment meets all."""
    found = []
    with Progress(work.name, (ROUNDS + 1) * len(ways)) as progress:
        for number in range(ROUNDS + 1):
            seconds = []
            for way in ways:
                began = time.perf_counter()
                work.run(way)
                seconds.append(time.perf_counter() - began)
                progress.step()
            if number:  # the first reads programs and keys from the disk
                found.append(tuple(seconds))
    return found


def _figures(work: Work, rounds: list[tuple[float, ...]], ways: Sequence[Way]) -> Iterator[Figure]:
    for at, way in enumerate(ways):
        seconds = tuple(each[at] for each in rounds)
        yield Figure(f"{work.name}, {way.name}", "s", seconds, group=work.name, label=way.name)
    for at, way in enumerate(ways[1:], 1):
        ratios = tuple(each[at] / each[0] for each in rounds)
        yield Figure(f"{work.name}, {way.name}, of direct", "times", ratios, work.bar if at == 1 else None)


def _logins(way: Way) -> None:
    for _ in range(LOGINS):
        way.openssh("ssh", "HOST", "true")


def _commands(way: Way) -> None:
    asyncio.run(_over_one_connection(way))


async def _over_one_connection(way: Way) -> None:
    import asyncssh

    host, _, port = way.linux.rpartition(":")
    key = str(way.folder / "key")
    async with asyncssh.connect(host, int(port), username=ACCOUNT, client_keys=[key], known_hosts=None) as connection:
        for _ in range(COMMANDS):
            await connection.run("true", check=True)


def _scp(way: Way) -> None:
    way.openssh("scp", str(way.folder / "big"), "HOST:/tmp/big")


def _sftp(way: Way) -> None:
    way.openssh("sftp", "-b", "-", "HOST", stdin=f"put {way.folder / 'big'} /tmp/big\n")


def _cat(way: Way) -> None:
    way.openssh("ssh", "HOST", "cat /tmp/big")


def _winrm_logins(way: Way) -> None:
    for _ in range(LOGINS):
        _in_a_shell(way, ("ver",))


def _winrm_commands(way: Way) -> None:
    _in_a_shell(way, ("ver",) * COMMANDS)


def _winrm_upload(way: Way) -> None:
    """A line of base64 at a time is appended to a file, as Packer does (packer-community/winrmcp)."""
    text = base64.b64encode(bytes(UPLOAD_BYTES)).decode()
    lines = [text[at : at + CHUNK] for at in range(0, len(text), CHUNK)]
    _in_a_shell(way, (f'echo {line} >> "%TEMP%\\upload.tmp"' for line in lines))


def _winrm_output(way: Way) -> None:
    _in_a_shell(way, ("type C:\\big.txt",))


def _written(way: Way) -> None:
    """Put the file there whose content is the long output."""
    tenth = f"[IO.File]::AppendAllText('C:\\big.txt', ('x' * {OUTPUT_MEGABYTES * 100_000}))"
    script = f"1..10 | ForEach-Object {{ {tenth} }}"
    _in_a_shell(way, (f'powershell -Command "{script}"',))


def _in_a_shell(way: Way, lines: Iterable[str]) -> None:
    protocol = way.winrm()
    shell = protocol.open_shell()
    for line in lines:
        command = protocol.run_command(shell, line)
        _, error, code = protocol.get_command_output(shell, command)
        if code:
            raise RuntimeError(f"{line[:60]}: exit code {code}: {error.decode()}")
        protocol.cleanup_command(shell, command)
    protocol.close_shell(shell)
    protocol.transport.close_session()


WORKS = (
    Work(f"SSH: login and true, {LOGINS} in a row", _logins, LOGIN_BAR),
    Work(f"SSH: {COMMANDS} commands over one connection", _commands),
    Work(f"scp of {MEGABYTES} MB", _scp, COPY_BAR),
    Work(f"SFTP of {MEGABYTES} MB", _sftp),
    Work(f"ssh cat of {MEGABYTES} MB", _cat),
    Work(f"WinRM: login and ver, {LOGINS} in a row", _winrm_logins),
    Work(f"WinRM: {COMMANDS} commands in one shell", _winrm_commands),
    Work("WinRM: upload of 1 MB in Packer's chunks", _winrm_upload),
    Work(f"WinRM: {OUTPUT_MEGABYTES} MB of output", _winrm_output),
)
