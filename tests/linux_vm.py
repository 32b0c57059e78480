"""A Linux build VM for a test, with OpenSSH's own clients pointed at it."""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from emulator.channels import ssh
from emulator.channels.base import Outcome
from emulator.machines.child import machine
from emulator.machines.settings import GuestChoice, MachineSettings
from emulator.net.listener import bind
from emulator.observe import Event

KEY = "00" * 32
ADDRESS = "10.60.0.8"


@dataclass(slots=True)
class LinuxVm:
    """A running build VM and what it reported."""

    port: int
    pid: int
    detail: str
    key: Path
    events: list[Event] = field(default_factory=list)

    def options(self) -> list[str]:
        """What every OpenSSH client is told, so that nothing of this machine's user matters."""
        plain = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "GlobalKnownHostsFile=/dev/null")
        quiet = ("LogLevel=ERROR", "IdentitiesOnly=yes", "BatchMode=yes", "ConnectTimeout=20")
        return ["-F", "/dev/null", "-i", str(self.key), *(part for name in plain + quiet for part in ("-o", name))]

    def ssh(self, *words: str) -> list[str]:
        """The command line of OpenSSH's client."""
        return ["ssh", *self.options(), "-p", str(self.port), "packer@127.0.0.1", *words]

    def scp(self, *words: str) -> list[str]:
        """The command line of OpenSSH's scp; `:path` is a path in the guest."""
        paths = [f"packer@127.0.0.1{word}" if word.startswith(":") else word for word in words]
        return ["scp", *self.options(), "-q", "-P", str(self.port), *paths]

    async def sftp(self, *lines: str) -> Outcome:
        """Run a batch of OpenSSH's sftp client."""
        words = ["sftp", "-b", "-", *self.options(), "-q", "-P", str(self.port), "packer@127.0.0.1"]
        return await client(words, "\n".join(lines).encode() + b"\n")

    async def run(self, command: str, seconds: float = 30.0) -> Outcome:
        """Run one command over our own channel, with the password."""
        return await ssh.run(
            "127.0.0.1", self.port, "packer", private_key=None, password="right", command=command, timeout=seconds
        )

    async def say(self, command: str) -> str:
        """What a command that must succeed prints."""
        outcome = await self.run(command)
        assert outcome.exit_code == 0, outcome
        return outcome.stdout.decode()


async def client(words: list[str], stdin: bytes = b"") -> Outcome:
    """Run a program of this machine to its end."""
    pipe = subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        stdout, stderr = await process.communicate(stdin)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Outcome(process.returncode, stdout, stderr)


def settings(key: Path, guest: GuestChoice, hops: tuple[str, ...] = ()) -> MachineSettings:
    """What the VM is told; the key pair is made at first use."""
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    return MachineSettings(
        system="linux",
        name="build-linux",
        address=ADDRESS,
        username="packer",
        password="right",
        authorized_key=key.with_suffix(".pub").read_text(),
        folder=str(key.parent / "state"),
        guest=guest,
        hops=hops,
        hop_key=KEY,
    )


@contextlib.asynccontextmanager
async def linux_vm(folder: Path, guest: GuestChoice = "auto", hops: tuple[str, ...] = ()) -> AsyncIterator[LinuxVm]:
    """A VM in a process of its own, on a free loopback port."""
    events: list[Event] = []
    key = folder / "id"
    with bind("127.0.0.1", 0) as bound:
        port = bound.getsockname()[1]
        async with machine(settings(key, guest, hops), bound, events.append) as running:
            yield LinuxVm(port, running.pid, running.detail, key, events)
