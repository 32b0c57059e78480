"""The Swarm stack: what it holds, and a channel deployed from it on one node."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.containers.stack import PASSWORD, ROOT, SERVICES, Stack, docker, until
from tests.containers.swarm import CONTROL, Deployed, engine_refusal

pytestmark = [pytest.mark.containers, pytest.mark.timeout(300), pytest.mark.xdist_group("containers")]
SCRIPT = ROOT / "containers" / "stack"
HERE = ("--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:2377")
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
    """All services but client and gateway, by the images that Compose builds, and as many proxies as one wants."""
    services = made("--proxies", "3", "--images", "ours")["services"]

    assert set(services) == set(SERVICES) - {"client", "gateway"}
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


VXLAN = 'network sandbox join failed: subnet sandbox join failed for "10.0.1.0/24": error creating vxlan interface'


@pytest.mark.parametrize(
    ("state", "error", "refusal"),
    [
        ("Running 3 seconds ago", "", ""),
        # What runs and ends by itself is a fault of ours, whatever it said about networks.
        ("Failed 2 seconds ago", "task: non-zero exit (1): network", ""),
        ("Rejected 2 seconds ago", "No such image: ours-proxy:latest", ""),
        ("Rejected 2 seconds ago", VXLAN, VXLAN),
        ("Failed 2 seconds ago", f"starting container failed: {VXLAN}", f"starting container failed: {VXLAN}"),
    ],
)
def test_an_engine_that_cannot_run_a_stack_says_so(state: str, error: str, refusal: str) -> None:
    """Only where the engine could not put a task on its networks are the stack's tests left out."""
    assert engine_refusal([{"name": "ours_proxy.1", "state": state, "error": error}]) == refusal


def test_a_wait_in_vain_ends() -> None:
    """What never comes true fails in time, and the failure says what is there instead."""
    with pytest.raises(AssertionError, match="Rejected: no overlay here"):
        until(lambda: False, lambda: "Rejected: no overlay here", 0.05)


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
        started(found)
        yield found
    finally:
        found.remove()


def started(stack: Deployed) -> None:
    """Wait until a channel is ready; skip where the engine cannot run it, and say why."""
    try:
        stack.wait_until_ready()
    except AssertionError:
        if refusal := engine_refusal(stack.tasks()):
            pytest.skip(f"no stack on this engine: {refusal}")
        raise


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
    status = json.loads(
        docker("exec", deployed.first("control"), "aib-emulator", "status", "--json", *CONTROL).stdout
    )

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
