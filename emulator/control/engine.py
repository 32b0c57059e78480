"""The container engine: whose composed channel runs here, and the engine as a source of faults.

What it does to a hop is as real as it gets: a process that is killed, a machine that is paused, a cable that is
pulled. Needs the `docker` library and a reachable engine.
"""

import contextlib
import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from emulator.errors import InvalidInputError, UnavailableError
from emulator.net.engine import engine

SERVICE = "com.docker.compose.service"
PROJECT = "com.docker.compose.project"
NUMBER = "com.docker.compose.container-number"
NETWORK = "com.docker.compose.network"
UP_SECONDS = 60.0
"""Real seconds that a new machine may take."""
TOKEN_FILE = "/state/token"  # noqa: S105 - where control keeps it


def token(port: int) -> str:
    """The token of the composed channel whose control API is published at a port of this machine.

    Raises:
        UnavailableError: no such channel runs here.
    """
    with engine() as client:
        code, output = _control(client, port).exec_run(["cat", TOKEN_FILE])
        if code:
            raise UnavailableError(f"control at port {port} has no token yet")
        return str(output.decode().strip())


def end(port: int) -> str:
    """End the composed channel whose control API is published at a port; its project's name.

    Its containers, networks and volumes are removed, as `docker compose down --volumes` does; images stay.

    Raises:
        UnavailableError: no such channel runs here.
    """
    with engine() as client:
        project = str(_control(client, port).labels[PROJECT])
        ours = {"label": f"{PROJECT}={project}"}
        for container in client.containers.list(all=True, filters=ours):
            container.remove(force=True, v=True)
        for each in (*client.networks.list(filters=ours), *client.volumes.list(filters=ours)):
            each.remove()
        return project


def build_machine(port: int) -> str:
    """The container of the Linux build VM of the composed channel whose control API is published at a port.

    Raises:
        UnavailableError: no such channel runs here.
    """
    with engine() as client:
        project = str(_control(client, port).labels[PROJECT])
        labels = [f"{PROJECT}={project}", f"{SERVICE}=build-linux"]
        for container in client.containers.list(filters={"label": labels}):
            return str(container.id)
    raise UnavailableError(f"{project} runs no build-linux")


def has(port: int) -> bool:
    """Whether the composed channel whose control API is published at a port runs on this machine's engine."""
    try:
        with engine() as client:
            _control(client, port)
    except UnavailableError:
        return False
    return True


def renew(port: int, service: str) -> None:
    """Make a build VM of the composed channel anew: a container like the old one, with nothing that was done to it.

    Raises:
        UnavailableError: no such channel runs here, or the new machine does not come up.
    """
    with engine() as client:
        project = str(_control(client, port).labels[PROJECT])
        labels = [f"{PROJECT}={project}", f"{SERVICE}={service}"]
        old = next(iter(client.containers.list(all=True, filters={"label": labels})), None)
        if old is None:
            raise UnavailableError(f"{project} has no {service}")
        _until_well(client, _again(client, old), service)


def _again(client: Any, old: Any) -> str:
    """A container of the same settings, labels and address, not started yet; the old one is gone."""
    found = old.attrs
    (network, settings), *_ = found["NetworkSettings"]["Networks"].items()
    endpoint = {"IPAMConfig": settings["IPAMConfig"], "Aliases": [old.labels[SERVICE]]}
    config = {
        **found["Config"],
        "MacAddress": settings["MacAddress"],  # neighbours know the address by it
        "HostConfig": found["HostConfig"],
        "NetworkingConfig": {"EndpointsConfig": {network: endpoint}},
    }
    old.remove(force=True, v=True)
    return str(client.api.create_container_from_config(config, found["Name"].lstrip("/"))["Id"])


def _until_well(client: Any, container: str, service: str) -> None:
    """Start it, and wait until the container's own check finds it well."""
    now = datetime.datetime.now(datetime.UTC).timestamp()
    wanted = {"container": container, "event": ["health_status", "die"]}
    client.api.start(container)
    told = client.events(since=int(now), until=int(now + UP_SECONDS), filters=wanted, decode=True)
    with contextlib.closing(told):
        for event in told:
            if event["status"] == "health_status: healthy":
                return
            if event["status"] == "die":
                raise UnavailableError(f"{service} ended when it was made anew; `docker logs` of it says why")
    raise UnavailableError(f"{service} was made anew and did not answer within {UP_SECONDS:g} s")


def _control(client: Any, port: int) -> Any:
    for container in client.containers.list(filters={"label": f"{SERVICE}=control"}):
        if _publishes(container, port):
            return container
    raise UnavailableError(f"no composed channel publishes its control API at port {port}")


def _publishes(container: Any, port: int) -> bool:
    bindings = (container.attrs["NetworkSettings"]["Ports"] or {}).values()
    return any(str(port) == one["HostPort"] for each in bindings if each for one in each)


@dataclass(frozen=True, slots=True)
class Composed:
    """A composed channel by its project's name; every method is a fault, or its end."""

    project: str = "aib-emulator"

    def stop(self, hop: str) -> None:
        """End a hop in order: SIGTERM, then SIGKILL after its grace period."""
        with self._container(hop) as container:
            container.stop()

    def kill(self, hop: str) -> None:
        """End a hop at once; its connections get no word."""
        with self._container(hop) as container:
            container.kill()

    def start(self, hop: str) -> None:
        """Start a hop that was stopped or killed."""
        with self._container(hop) as container:
            container.start()

    def restart(self, hop: str) -> None:
        """Stop and start a hop."""
        with self._container(hop) as container:
            container.restart()

    def pause(self, hop: str) -> None:
        """Freeze a hop: its kernel still answers SYNs, and nobody speaks."""
        with self._container(hop) as container:
            container.pause()

    def resume(self, hop: str) -> None:
        """Thaw a hop that was paused."""
        with self._container(hop) as container:
            container.unpause()

    def cut(self, hop: str, network: str) -> str | None:
        """Pull a hop off a network (`service`, `build` or `control`); returns the address it had, for `mend`."""
        with self._container(hop) as container, self._network(network) as found:
            settings = container.attrs["NetworkSettings"]["Networks"].get(found.name) or {}
            fixed = (settings.get("IPAMConfig") or {}).get("IPv4Address")
            found.disconnect(container)
            return str(fixed) if fixed else None

    def mend(self, hop: str, network: str, address: str | None = None) -> None:
        """Put a hop back on a network, under its service's name and at an address if it had a fixed one."""
        with self._container(hop) as container, self._network(network) as found:
            found.connect(container, ipv4_address=address, aliases=[container.labels[SERVICE]])

    @contextlib.contextmanager
    def _container(self, hop: str) -> Iterator[Any]:
        """The container of a hop: `proxy` is the first of that service, `proxy-2` the second.

        Raises:
            InvalidInputError: the project has no such hop.
        """
        service, number = _service(hop)
        labels = [f"{PROJECT}={self.project}", f"{SERVICE}={service}"]
        with engine() as client:
            for container in client.containers.list(all=True, filters={"label": labels}):
                if container.labels.get(NUMBER, "1") == str(number):
                    yield container
                    return
            raise InvalidInputError(f"hop: found {hop}, expected one of the running containers of {self.project}")

    @contextlib.contextmanager
    def _network(self, name: str) -> Iterator[Any]:
        labels = [f"{PROJECT}={self.project}", f"{NETWORK}={name}"]
        with engine() as client:
            found = client.networks.list(filters={"label": labels})
            if not found:
                raise InvalidInputError(f"network: found {name}, expected one of the networks of {self.project}")
            yield found[0]


def _service(hop: str) -> tuple[str, int]:
    """The service of a hop and its number: `proxy-2` is the second `proxy`."""
    service, dash, number = hop.rpartition("-")
    return (service, int(number)) if dash and number.isdecimal() else (hop, 1)
