"""What a build feels of the composed channel: the works of `builds`, by a client in a container of its own.

The client is on two networks: by one it reaches the build VMs directly, by the other the private endpoint.
"""

import contextlib
import json
import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.builds import figures
from bench.figures import Figure
from bench.progress import Progress
from bench.works import ROUNDS, WORKS, Way

ROOT = Path(__file__).parents[1]
PASSWORD = "Packer-Emulat0r!"
BUILDING = 900
"""Seconds for the images, which are made anew where something has changed."""


class LackError(Exception):
    """Why nothing can be measured here."""


def measure() -> Iterator[Figure]:
    """Seconds of each work, direct and through the composed channel, and their ratio, round by round."""
    try:
        with tempfile.TemporaryDirectory(prefix="aib-bench-") as name, _channel(Path(name)) as channel:
            yield from _measured(channel)
    except LackError as lack:
        print(f"containers: not measured: {lack}")


class _Channel:
    """A composed channel.

    Attributes:
        key: what its Linux build VM lets in.
        service, build: the first three octets of its networks.
    """

    def __init__(self, folder: Path) -> None:
        self.project = f"aib-bench-{os.getpid()}"
        octet = 100 + secrets.randbelow(100)
        self.service, self.build = f"10.{octet}.61", f"10.{octet}.60"
        subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"), check=True)
        self.key = (folder / "key").read_text()
        self._environment: Mapping[str, str] = {
            **os.environ,
            "COMPOSE_FILE": str(ROOT / "compose.yaml"),
            "COMPOSE_PROFILES": "client",
            "COMPOSE_PROJECT_NAME": self.project,
            "AIB_EMULATOR_SERVICE_NET": self.service,
            "AIB_EMULATOR_BUILD_NET": self.build,
            "AIB_EMULATOR_AUTHORIZED_KEY": (folder / "key.pub").read_text().strip(),
            "AIB_EMULATOR_PASSWORD": PASSWORD,
            **{f"AIB_EMULATOR_{name}_PORT": "0" for name in ("LINUX", "WINDOWS", "CONTROL")},
        }

    def docker(self, *words: str) -> str:
        """What a command of Docker's prints.

        Raises:
            LackError: it failed; the message has its last line.
        """
        try:
            done = subprocess.run(
                ("docker", *words),
                env=self._environment,
                capture_output=True,
                text=True,
                timeout=BUILDING,
                check=False,
            )
        except OSError as error:
            raise LackError(f"docker cannot be run: {error.strerror}") from None
        except subprocess.TimeoutExpired:
            raise LackError(f"docker {words[0]} {words[1]} took more than {BUILDING} s") from None
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise LackError(f"docker {' '.join(words[:2])}: {said[-1]}")
        return done.stdout.strip()

    def started(self, words: Sequence[str]) -> subprocess.Popen[str]:
        """A command of Docker's that is told something, and tells line by line."""
        pipe = subprocess.PIPE
        return subprocess.Popen(("docker", *words), env=self._environment, stdin=pipe, stdout=pipe, text=True)


@contextlib.contextmanager
def _channel(folder: Path) -> Iterator[_Channel]:
    try:
        channel = _Channel(folder)
    except OSError as error:
        raise LackError(f"ssh-keygen cannot be run: {error.strerror}") from None
    channel.docker("version", "--format", "{{.Server.Version}}")
    try:
        with Progress("containers: images and start", 2) as progress:
            channel.docker("compose", "build", "--quiet")
            progress.step()
            channel.docker("compose", "up", "--detach", "--wait")
            progress.step()
        yield channel
    finally:
        with contextlib.suppress(LackError):  # what went wrong before is what is told
            channel.docker("compose", "down", "--volumes", "--remove-orphans", "--rmi", "local", "--timeout", "1")


@contextlib.contextmanager
def _client(channel: _Channel) -> Iterator[str]:
    """A client of the channel that is on the build VMs' network as well."""
    name = f"{channel.project}-bench"
    mounted = f"{ROOT / 'bench'}:/srv/bench:ro"
    run = ("compose", "run", "--detach", "--rm", "--no-deps", "--name", name, "--volume", mounted, "client")
    channel.docker(*run, "sleep", "infinity")
    try:
        channel.docker("network", "connect", f"{channel.project}_subnet-build", name)
        yield name
    finally:
        channel.docker("rm", "--force", name)


def _measured(channel: _Channel) -> Iterator[Figure]:
    ways = (
        ("direct", f"{channel.build}.8:22", f"{channel.build}.9:5986"),
        ("through the channel", f"{channel.service}.5:60001", f"{channel.service}.5:60000"),
    )
    told: dict[str, Any] = {
        "ways": [{"name": name, "linux": linux, "windows": windows} for name, linux, windows in ways],
        "key": channel.key,
        "password": PASSWORD,
        "rounds": ROUNDS,
    }
    works = {work.name: work for work in WORKS}
    named = [Way(name, linux, windows, Path(), PASSWORD) for name, linux, windows in ways]
    with _client(channel) as client, Progress("containers: works", len(WORKS)) as progress:
        program = ("exec", "--interactive", "--workdir", "/srv", client, "/opt/aib/bin/python", "-m", "bench.works")
        with channel.started(program) as running:
            if running.stdin is None or running.stdout is None:
                raise AssertionError("both are pipes")
            json.dump(told, running.stdin)
            running.stdin.close()
            for line in running.stdout:
                name, rounds = json.loads(line)
                progress.step()
                yield from figures(works[name], rounds, named, "containers, ")
        if running.returncode:
            raise LackError(f"the client ended with {running.returncode}")
