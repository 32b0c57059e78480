"""What a build does by SSH and WinRM as its clients use them: the works that are measured.

`python -m bench.works` does them where it runs, in a container say. It is told on standard input by which ways, with
whose key and in how many rounds, as JSON, and prints for each work a line: its name, and the seconds of each round.
"""

import asyncio
import base64
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from winrm.protocol import Protocol

from bench.progress import Progress

ROUNDS = 5
LOGINS = 4
COMMANDS = 100
MEGABYTES = 200
OUTPUT_MEGABYTES = 30
PARTS = 10
"""Of the output."""
UPLOAD_BYTES = 1_000_000
CHUNK = 8000 - 200
"""Characters of a command by which Packer's WinRM client uploads: a line has 8,000 (packer-community/winrmcp)."""
ACCOUNT = "packer"
LOGIN_BAR, COPY_BAR = 1.1, 1 / 0.95
"""Seconds through the channel, of those direct."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to the build VMs.

    Attributes:
        name: as figures name it.
        linux, windows: where they are, `HOST:PORT`.
        folder: has the SSH key, and what is copied.
        password: of the account, on Windows.
    """

    name: str
    linux: str
    windows: str
    folder: Path
    password: str

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
            url, transport="ntlm", username=ACCOUNT, password=self.password, server_cert_validation="ignore", proxy=""
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


def prepared(folder: Path) -> None:
    """Make what is copied."""
    (folder / "big").write_bytes(os.urandom(1_000_000) * MEGABYTES)


def rounds(work: Work, ways: Sequence[Way], number_of: int = ROUNDS) -> list[tuple[float, ...]]:
    """Seconds by each way; interleaved: a noisy moment meets all."""
    found = []
    with Progress(work.name, (number_of + 1) * len(ways)) as progress:
        for number in range(number_of + 1):
            seconds = []
            for way in ways:
                began = time.perf_counter()
                work.run(way)
                seconds.append(time.perf_counter() - began)
                progress.step()
            if number:  # the first reads programs and keys from the disk
                found.append(tuple(seconds))
    return found


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
    echoed = (f'echo {line} >> "%TEMP%\\upload.tmp"' for line in lines)
    _in_a_shell(way, (*echoed, 'del "%TEMP%\\upload.tmp"'))


def _winrm_output(way: Way) -> None:
    _in_a_shell(way, (" & ".join(["type C:\\big.txt"] * PARTS),))


def written(way: Way) -> None:
    """Put the file there whose content, several times over, is the long output: a small disk may be all there is."""
    size = OUTPUT_MEGABYTES * 1_000_000 // PARTS
    _in_a_shell(way, (f"powershell -Command \"[IO.File]::WriteAllText('C:\\big.txt', ('x' * {size}))\"",))


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


def main() -> None:
    """Do every work, as standard input says."""
    told = json.load(sys.stdin)
    warnings.simplefilter("ignore")  # the certificate is our own
    with tempfile.TemporaryDirectory(prefix="aib-bench-") as name:
        folder = Path(name)
        (folder / "key").touch(mode=0o600)
        (folder / "key").write_text(told["key"])
        prepared(folder)
        ways = [Way(each["name"], each["linux"], each["windows"], folder, told["password"]) for each in told["ways"]]
        written(ways[0])
        for work in WORKS:
            print(json.dumps([work.name, rounds(work, ways, told["rounds"])]), flush=True)


if __name__ == "__main__":
    main()
