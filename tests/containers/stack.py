"""One composed emulator of a test's own: its project, subnets and free ports, and what is asked of its containers."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parents[2]
BASE = os.environ.get("AIB_EMULATOR_BASE", "debian:bookworm-slim")
HOPS = ("control", "load-balancer", "proxy", "build-windows", "gateway")
GATES = ("load-balancer", "proxy", "gateway")
SERVICES = (*HOPS, "build-linux", "client")
PASSWORD = "Packer-Emulat0r!"
PATIENCE = 60.0
"""Real seconds that anything may take but a build of images."""
BUILDING = 240.0
READY = "60"
"""Real seconds in which a channel is ready, as Compose has them."""
DIALLER = (Path(__file__).parent / "dialler.py").read_text("utf-8")
SPEAKER = (Path(__file__).parent / "speaker.py").read_text("utf-8")
SPEAKING = 7007
NAMES = {"build": "subnet-build"}
"""What the engine calls networks that it does not call by their own name."""
GIVEN: set[str] = set()
"""The subnets that this process was given."""
FEW = 40
"""No process needs more of them at a time."""
PUBLISHED = ("LINUX", "WINDOWS", "CONTROL")
Result = subprocess.CompletedProcess[str]
Found = TypeVar("Found")


def docker(
    *arguments: str,
    stdin: str = "",
    environment: Mapping[str, str] | None = None,
    check: bool = True,
    patience: float = PATIENCE,
) -> Result:
    """Run the Docker CLI; a failure says what it printed, and so does one that takes too long."""
    try:
        done = subprocess.run(
            ["docker", *arguments],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=patience,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        said = b"".join(part if isinstance(part, bytes) else b"" for part in (late.stdout, late.stderr))
        words = f"docker {' '.join(arguments)}\nnot done in {patience:.0f} s; it printed:\n"
        raise AssertionError(words + said.decode(errors="replace")) from None
    assert done.returncode == 0 or not check, f"docker {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
    return done


def until(ask: Callable[[], Found], why: Callable[[], str], seconds: float = PATIENCE) -> Found:
    """Ask again until the answer is true; after so many real seconds fail, and say why."""
    end = time.monotonic() + seconds
    while not (found := ask()):
        assert time.monotonic() < end, f"not in {seconds:.0f} s:\n{why()}"
    return found


def missing() -> str:
    """Why no container can be run here, or an empty string."""
    try:
        found = docker("version", "--format", "{{.Server.Version}}", check=False)
        compose = docker("compose", "version", check=False)
    except FileNotFoundError:
        return "no docker command here"
    if found.returncode:
        return f"no Docker engine answers: {found.stderr.strip()}"
    return f"no Compose v2: {compose.stderr.strip()}" if compose.returncode else ""


@dataclass(frozen=True, slots=True)
class Stack:
    """The services of `compose.yaml` as a project of its own.

    Attributes:
        project: its name.
        service_net, build_net: the first three octets of its subnets.
        settings: further variables.
    """

    project: str
    service_net: str
    build_net: str
    settings: Mapping[str, str] = field(default_factory=dict)

    def compose(self, *arguments: str, stdin: str = "", check: bool = True, patience: float = PATIENCE) -> Result:
        """Run Compose on the project, with the profile `client`; nothing of the caller's own settings has a say."""
        environment = {
            "COMPOSE_FILE": str(ROOT / "compose.yaml"),
            "COMPOSE_PROFILES": "client",
            "COMPOSE_PROJECT_NAME": self.project,
            "AIB_EMULATOR_SERVICE_NET": self.service_net,
            "AIB_EMULATOR_BUILD_NET": self.build_net,
            **{f"AIB_EMULATOR_{name}_PORT": "0" for name in PUBLISHED},
            **self.settings,
        }
        return docker("compose", *arguments, stdin=stdin, environment=environment, check=check, patience=patience)

    def build(self) -> None:
        """Make its images."""
        self.compose("build", "--quiet", patience=BUILDING)

    def remove(self) -> None:
        """End it and remove all that it made: containers, networks, volumes and images."""
        self.compose("down", "--volumes", "--remove-orphans", "--rmi", "local", "--timeout", "1")

    def beside(self, name: str, **settings: str) -> "Stack":
        """Another project of the same images, without a client, with subnets and ports of its own."""
        alone = {"COMPOSE_PROFILES": "", **free_ports()}
        other = Stack(f"{self.project}-{name}", *free_subnets(), {**self.settings, **alone, **settings})
        for service in SERVICES:
            if service != "client" or other.settings["COMPOSE_PROFILES"] == "client":
                docker("tag", self.image(service), other.image(service))
        return other

    @contextlib.contextmanager
    def running(self) -> Iterator["Stack"]:
        """Its channel, ready, until the body ends; nothing of it is left."""
        try:
            self.up()
            yield self
        finally:
            self.remove()

    def up(self, *options: str) -> None:
        """Start it, and wait until it is ready; a failure says what its containers logged."""
        waits = ("--wait", "--wait-timeout", READY, *options)
        started = self.compose("up", "--detach", *waits, check=False, patience=PATIENCE + float(READY))
        assert started.returncode == 0, f"{started.stderr}\n{self.compose('logs', '--no-color').stdout}"

    def left(self) -> list[str]:
        """What there is of it: containers, networks and volumes."""
        label = ("--quiet", "--filter", f"label=com.docker.compose.project={self.project}")
        kinds = (("ps", "--all"), ("network", "ls"), ("volume", "ls"))
        return [f"{kind[0]} {each}" for kind in kinds for each in docker(*kind, *label).stdout.split()]

    def containers(self, service: str) -> list[str]:
        """The IDs of a service's containers."""
        return self.compose("ps", "--quiet", service).stdout.split()

    def container(self, service: str, number: int = 1) -> str:
        """The name of a service's container."""
        return f"{self.project}-{service}-{number}"

    def image(self, service: str) -> str:
        """The name of a service's image."""
        return f"{self.project}-{service}"

    def inspect(self, service: str) -> dict[str, Any]:
        """What the engine knows of a service's first container."""
        return inspected(self.container(service))

    def address(self, service: str, network: str, number: int = 1) -> str:
        """Where a service's container is on a network."""
        networks = inspected(self.container(service, number))["NetworkSettings"]["Networks"]
        return str(networks[self.network(network)]["IPAddress"])

    def network(self, name: str) -> str:
        """The engine's name of a network."""
        return f"{self.project}_{NAMES.get(name, name)}"

    def run(self, service: str, *command: str, stdin: str = "", check: bool = True) -> Result:
        """Run a command in a service's container, as its image's user."""
        return docker("exec", "--interactive", self.container(service), *command, stdin=stdin, check=check)

    def process(self, service: str) -> dict[str, str]:
        """The fields of /proc/1/status."""
        lines = self.run(service, "cat", "/proc/1/status").stdout.splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def dial(self, service: str, targets: Sequence[str]) -> dict[str, str]:
        """What a service's container hears at each HOST:PORT."""
        return outcomes(self.run(service, "python3", "-", *targets, stdin=DIALLER))

    def dial_by(self, network: str, gateway: str, targets: Sequence[str]) -> dict[str, str]:
        """What a stranger on a network hears who may change routes, and sends everything to a gateway."""
        return outcomes(
            docker(
                *("run", "--rm", "--interactive", "--name", f"{self.project}-stranger", "--cap-add", "NET_ADMIN"),
                *("--network", self.network(network), "--entrypoint", "python3"),
                *(self.image("build-linux"), "-", "--via", gateway, *targets),
                stdin=DIALLER,
            )
        )

    @contextlib.contextmanager
    def speaking(self, service: str) -> Iterator[None]:
        """Have a service's container say its service's name to whoever connects to the port SPEAKING."""
        command = ("docker", "exec", "--interactive", self.container(service), "python3")
        with speaker(command, SPEAKING, service):
            yield


@contextlib.contextmanager
def speaker(python: Sequence[str], port: int, words: str) -> Iterator[int]:
    """Say words to whoever connects, by a Python anywhere; yields the port."""
    command = [*python, "-c", SPEAKER, str(port), words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        late = threading.Timer(PATIENCE, process.kill)
        late.start()
        try:
            said = process.stdout.readline()
            late.cancel()
            yield int(said)
        finally:
            late.cancel()
            process.stdin.close()
            gone(process)


def gone(process: subprocess.Popen[str]) -> None:
    """Wait until a process has ended, which was told to; one that does not is killed."""
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()


@contextlib.contextmanager
def speaking_here(words: str) -> Iterator[int]:
    """Say words to whoever connects to this machine, at any of its addresses; yields the port."""
    with speaker([sys.executable], 0, words) as port:
        yield port


def outcomes(done: Result) -> dict[str, str]:
    """What the dialler printed."""
    found: dict[str, str] = json.loads(done.stdout)
    return found


def inspected(container: str) -> dict[str, Any]:
    """What the engine knows of a container."""
    (found,) = json.loads(docker("container", "inspect", container).stdout)
    assert isinstance(found, dict)
    return found


def image_megabytes(image: str) -> float:
    """The size of an image as `docker image ls` counts it."""
    return int(docker("image", "inspect", "--format", "{{.Size}}", image).stdout) / 1e6


def settings_folder(folder: Path, settings: str) -> Path:
    """A folder with these settings that a container may read."""
    folder.chmod(0o755)
    (folder / "emulator.yaml").write_text(settings, "utf-8")
    return folder


def free_ports() -> dict[str, str]:
    """Ports of this machine that nobody has, to publish at; by variable."""
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in PUBLISHED]
        return {
            f"AIB_EMULATOR_{name}_PORT": str(one.getsockname()[1]) for name, one in zip(PUBLISHED, found, strict=True)
        }


def free_subnets() -> tuple[str, str]:
    """First three octets of two subnets that no network of the engine has, and that no other call was given.

    Each process starts elsewhere: another may have asked too, and have no network yet.
    """
    names = docker("network", "ls", "--quiet").stdout.split()
    networks = json.loads(docker("network", "inspect", *names).stdout)
    taken = [IPv4Network(each["Subnet"]) for each in _ranges(networks) if ":" not in each["Subnet"]]
    start = os.getpid() * FEW
    candidates = (f"10.{96 + number // 250 % 32}.{number % 250}" for number in range(start, start + 250 * 32))
    free = (each for each in candidates if not any(IPv4Network(f"{each}.0/24").overlaps(one) for one in taken))
    found = next(each for each in free if each not in GIVEN), next(each for each in free if each not in GIVEN)
    GIVEN.update(found)
    return found


def _ranges(networks: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, str]]:
    for network in networks:
        yield from network["IPAM"]["Config"] or ()
