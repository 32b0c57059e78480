"""A Swarm stack that runs, what is asked of its containers, and why an engine cannot run it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.containers.stack import Result, docker, until

CONTROL = ("--control", "http://127.0.0.1:8060")
NETWORKS = ("network", "vxlan", "overlay", "sandbox")
Task = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Deployed:
    """A stack that runs.

    Attributes:
        name: its name.
        images: how its images' names begin.
        password: its build VMs'.
    """

    name: str
    images: str
    password: str

    def first(self, service: str) -> str:
        """The ID of a service's first container, once it runs.

        The engine's events would not tell: it keeps 256 of them, and every health check makes three.
        """
        label = f"label=com.docker.swarm.service.name={self.name}_{service}"

        def running() -> list[str]:
            return docker("ps", "--quiet", "--filter", label).stdout.split()

        return until(running, self.why)[0]

    def wait_until_ready(self) -> None:
        """Ask control until the channel is ready."""
        until(self.is_ready, self.why)

    def is_ready(self) -> bool:
        """Whether control says that the channel is ready."""
        asked = docker("exec", self.first("control"), "aib-emulator", "status", "--json", *CONTROL, check=False)
        return asked.returncode == 0 and json.loads(asked.stdout)["ready"] is True

    def client(self, *command: str) -> Result:
        """Run a command in a client on the network `service`."""
        options = ("--rm", "--network", f"{self.name}_service", "--name", f"{self.name}-client")
        return docker("run", *options, f"{self.images}-client", *command, check=False)

    def tasks(self) -> list[Task]:
        """What Swarm made of each service, and why not: of every task its name, state and error."""
        form = '{"name": {{json .Name}}, "state": {{json .CurrentState}}, "error": {{json .Error}}}'
        printed = docker("stack", "ps", "--no-trunc", "--format", form, self.name, check=False).stdout
        return [json.loads(line) for line in printed.splitlines()]

    def why(self) -> str:
        """What the engine says of each task, and what control logged."""
        engine = docker("stack", "ps", "--no-trunc", self.name, check=False)
        control = docker("service", "logs", "--raw", f"{self.name}_control", check=False)
        return f"{engine.stdout}\n{engine.stderr}\n{control.stdout}\n{control.stderr}"

    def left(self) -> list[str]:
        """What there is of it: containers and networks."""
        label = ("--quiet", "--filter", f"label=com.docker.stack.namespace={self.name}")
        kinds = (("ps", "--all"), ("network", "ls"))
        return [f"{kind[0]} {each}" for kind in kinds for each in docker(*kind, *label).stdout.split()]

    def remove(self) -> None:
        """End it. Swarm removes in its own time, and no network that a container was on just now."""
        until(self._is_removed, lambda: f"left: {self.left()}\n{self.why()}")

    def _is_removed(self) -> bool:
        docker("stack", "rm", self.name, check=False)
        return not self.left()


def engine_refusal(tasks: Iterable[Task]) -> str:
    """Why the engine cannot put a task on its networks, in its own words; empty where it can.

    A task that ran and ended by itself is ours to explain, not the engine's.
    """
    errors = (each["error"] for each in tasks if "non-zero exit" not in each["error"])
    return next((each for each in errors if any(word in each for word in NETWORKS)), "")
