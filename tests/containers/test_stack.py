"""The Swarm stack: what it holds, and a channel deployed from it on one node."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests.containers.stack import PASSWORD, ROOT, SERVICES, Stack, docker

pytestmark = [pytest.mark.containers, pytest.mark.timeout(900), pytest.mark.xdist_group("containers")]
SCRIPT = ROOT / "containers" / "stack"
HERE = ("--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:2377")
PATIENCE = "120"
"""Seconds for a channel's start, as `timeout` has them."""
SSH = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR")
WINRM = """
import sys
from winrm import Session
password, = sys.argv[1:]
session = Session("https://load-balancer:60000/wsman", ("packer", password), transport="ntlm",
                  server_cert_validation="ignore")
answer = session.run_cmd("echo through& exit 5")
print(answer.status_code, answer.std_out)
"""


def printed(*options: str) -> str:
    """What the script prints."""
    done = subprocess.run([sys.executable, SCRIPT, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def made(*options: str) -> dict[str, Any]:
    """The stack in it."""
    found = yaml.safe_load(printed(*options))
    assert isinstance(found, dict)
    return found


def test_a_stack_has_each_service() -> None:
    """Every service but the client is in it, by the image that Compose builds, and as many proxies as one wants."""
    services = made("--proxies", "3", "--images", "ours")["services"]

    assert set(services) == set(SERVICES) - {"client"}
    assert {name: each["image"] for name, each in services.items()} == {name: f"ours-{name}" for name in services}
    assert {name: each["deploy"]["replicas"] for name, each in services.items() if name != "control"} == {
        "load-balancer": 1,
        "proxy": 3,
        "build-linux": 1,
        "build-windows": 1,
    }
    assert {each["deploy"]["endpoint_mode"] for each in services.values()} == {"dnsrr"}


def test_a_stack_publishes_nothing() -> None:
    """No port is published, no address is fixed, and no network leads outside."""
    text = printed()
    found = yaml.safe_load(text)

    assert [name for name, each in found["services"].items() if "ports" in each] == []
    assert "ipv4_address" not in text
    assert "host_ip" not in text
    assert {name: each["internal"] for name, each in found["networks"].items()} == {
        "build": True,
        "control": True,
        "service": True,
    }
    assert [name for name, each in found["networks"].items() if each.get("attachable")] == ["service"]


def test_a_stack_has_passwords_of_its_own() -> None:
    """Each stack has another password and token, and none the one that everybody knows."""
    first, second = made()["services"], made()["services"]
    passwords = {each["build-linux"]["environment"]["AIB_EMULATOR_PASSWORD"] for each in (first, second)}
    tokens = {each["control"]["environment"]["AIB_EMULATOR_TOKEN"] for each in (first, second)}

    assert len(passwords | tokens) == 4
    assert PASSWORD not in printed()
    assert all(len(each) >= 32 for each in passwords | tokens)


def test_hops_have_in_a_stack_the_rights_that_they_have_without() -> None:
    """Roots are read-only and capabilities are dropped as in compose.yaml."""
    composed = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
    for name, service in made()["services"].items():
        for key in ("read_only", "cap_drop", "cap_add", "sysctls", "command"):
            assert service.get(key) == composed[name].get(key), (name, key)


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
        """The ID of a service's first container, as soon as it was started."""
        label = f"label=com.docker.swarm.service.name={self.name}_{service}"
        events = (
            "docker",
            "events",
            "--since",
            "1h",
            "--filter",
            label,
            "--filter",
            "event=start",
            "--format",
            "{{.ID}}",
        )
        with subprocess.Popen(events, stdout=subprocess.PIPE, text=True) as following:
            assert following.stdout
            found = following.stdout.readline().strip()
            following.kill()
        return found

    def client(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a client on the network `service`."""
        options = ("--rm", "--network", f"{self.name}_service", "--name", f"{self.name}-client")
        return docker("run", *options, f"{self.images}-client", *command, check=False)

    def left(self) -> list[str]:
        """What there is of it: containers and networks."""
        label = ("--quiet", "--filter", f"label=com.docker.stack.namespace={self.name}")
        kinds = (("ps", "--all"), ("network", "ls"))
        return [f"{kind[0]} {each}" for kind in kinds for each in docker(*kind, *label).stdout.split()]


@pytest.fixture(scope="module")
def swarm(engine: None) -> Iterator[None]:
    """A swarm of this machine alone, on loopback; the one that it is in already, if it is."""
    if json.loads(docker("info", "--format", "{{json .Swarm}}").stdout)["LocalNodeState"] == "active":
        yield
        return
    bridges = docker("network", "ls", "--format", "{{.Name}}").stdout.split()
    begun = docker("swarm", "init", *HERE, check=False)
    if begun.returncode:
        pytest.skip(f"no swarm here: {begun.stderr.strip()}")
    try:
        yield
    finally:
        docker("swarm", "leave", "--force")
        if "docker_gwbridge" not in bridges:
            docker("network", "rm", "docker_gwbridge", check=False)


@pytest.fixture(scope="module")
def deployed(swarm: None, built: Stack) -> Iterator[Deployed]:
    """A channel with two proxies, ready; nothing of it is left."""
    text = printed("--proxies", "2", "--images", built.project)
    password = yaml.safe_load(text)["services"]["build-linux"]["environment"]["AIB_EMULATOR_PASSWORD"]
    found = Deployed(f"{built.project}-stack", built.project, password)
    try:
        docker("stack", "deploy", "--resolve-image", "never", "--compose-file", "-", found.name, stdin=text)
        wait_until_ready(found.first("control"))
        yield found
    finally:
        while found.left():  # Swarm removes in its own time, and no network that a container was on just now
            docker("stack", "rm", found.name, check=False)


def wait_until_ready(container: str) -> None:
    """Follow control's events, once it has any, until the channel is ready."""
    command = ("timeout", PATIENCE, "aib-emulator", "events", "--follow", "--control", "http://127.0.0.1:8060")
    for _ in range(int(PATIENCE)):  # a second, and more, goes by in each
        with subprocess.Popen(
            ("docker", "exec", container, *command), stdout=subprocess.PIPE, text=True
        ) as following:
            assert following.stdout
            ready = any('"ChannelReady"' in line for line in following.stdout)
            following.kill()
        if ready:
            return
    raise AssertionError(docker("logs", container, check=False).stderr)


def test_ssh_through_a_stack(deployed: Deployed) -> None:
    """A client on the stack's network logs in to the build VM through the channel, and passes its exit code on."""
    where = ("-p", "60001", "packer@load-balancer")
    done = deployed.client("sshpass", "-p", deployed.password, "ssh", *SSH, *where, "hostname; exit 42")

    assert (done.returncode, done.stdout) == (42, "build-linux\n"), done.stderr


def test_winrm_through_a_stack(deployed: Deployed) -> None:
    """A client on the stack's network runs a command on the Windows build VM by pywinrm."""
    done = deployed.client("python", "-W", "ignore", "-c", WINRM, deployed.password)

    assert done.stdout == "5 b'through\\r\\n'\n", done.stderr


def test_each_replica_is_a_proxy(deployed: Deployed) -> None:
    """Both replicas are in the pool, each with the number that Swarm gave it, and status names where clients dial."""
    command = ("aib-emulator", "status", "--json", "--control", "http://127.0.0.1:8060")
    status = json.loads(docker("exec", deployed.first("control"), *command).stdout)

    assert {hop["name"]: hop["state"] for hop in status["hops"] if hop["name"].startswith("proxy")} == {
        "proxy": "up",
        "proxy-2": "up",
    }
    assert status["endpoints"]["linux"]["host"] == "load-balancer"


def test_the_known_password_opens_nothing(deployed: Deployed) -> None:
    """The password that everybody knows does not log in."""
    where = ("-p", "60001", "packer@load-balancer")
    done = deployed.client("sshpass", "-p", PASSWORD, "ssh", *SSH, *where, "hostname")

    assert done.returncode == 5
    assert done.stdout == ""
