"""Each image is small, and each container has the rights that it needs and no other."""

import subprocess
from collections.abc import Iterator, Sequence
from datetime import datetime

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.containers.stack import (
    BASE,
    GATES,
    HOPS,
    PASSWORD,
    SERVICES,
    Stack,
    docker,
    free_subnets,
    image_megabytes,
    inspected,
)

pytestmark = [pytest.mark.containers, pytest.mark.timeout(300), pytest.mark.xdist_group("containers")]
NET_ADMIN, NET_RAW = 1 << 12, 1 << 13
PUBLISHED = {"control": {"8060/tcp"}, "load-balancer": {"61000/tcp", "61001/tcp"}}
SSH = ("-o", "StrictHostKeyChecking=accept-new", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR")
BY_PASSWORD = ("sshpass", "-p", PASSWORD)


@pytest.fixture(scope="module")
def beside(stack: Stack) -> Iterator[Stack]:
    """The stack with its client on the network of the build VMs too."""
    network = (stack.network("build"), stack.container("client"))
    docker("network", "connect", *network)
    yield stack
    docker("network", "disconnect", *network)


def ssh(stack: Stack, *arguments: str, by: tuple[str, ...] = BY_PASSWORD) -> subprocess.CompletedProcess[str]:
    """Run OpenSSH's client towards the Linux build VM itself."""
    return stack.run("client", *by, "ssh", *SSH, *arguments, check=False)


@pytest.mark.parametrize("service", HOPS)
def test_a_hop_adds_less_than_130_mb(built: Stack, service: str) -> None:
    """A hop's image is less than 130 MB larger than the one it is built on."""
    assert image_megabytes(built.image(service)) - image_megabytes(BASE) < 130


def test_hops_share_their_layers(built: Stack) -> None:
    """All hops have the same files, stored once."""
    layers = {docker("image", "inspect", "-f", "{{.RootFS.Layers}}", built.image(each)).stdout for each in HOPS}

    assert len(layers) == 1


def test_the_linux_build_vm_adds_less_than_200_mb(built: Stack) -> None:
    """The build VM's image is less than 200 MB larger than the one it is built on."""
    assert image_megabytes(built.image("build-linux")) - image_megabytes(BASE) < 200


def test_hops_carry_no_installer(built: Stack) -> None:
    """A hop's image has neither pip nor setuptools nor what tests need."""
    found = docker("run", "--rm", "--entrypoint", "ls", built.image("proxy"), "/opt/aib/lib/python3.11/site-packages")

    assert "emulator" in found.stdout.split()
    assert set(found.stdout.split()) & {"pip", "setuptools", "pytest", "hypothesis", "mypy", "ruff"} == set()


def test_the_build_vm_s_image_holds_no_secret(built: Stack) -> None:
    """No host key and no password is in the image that everybody has."""
    command = ("ls", "-1", "/etc/ssh")
    files = docker("run", "--rm", "--entrypoint", command[0], built.image("build-linux"), *command[1:]).stdout
    shadow = docker("run", "--rm", "--entrypoint", "grep", built.image("build-linux"), "packer", "/etc/shadow").stdout

    assert [each for each in files.split() if each.startswith("ssh_host")] == []
    assert shadow.split(":")[1] == "!"


@pytest.mark.parametrize("service", HOPS)
def test_a_hop_runs_as_an_ordinary_user(stack: Stack, service: str) -> None:
    """The process of a hop is user and group 1000, with no other group."""
    process = stack.process(service)

    assert process["Uid"].split() == ["1000"] * 4
    assert process["Gid"].split() == ["1000"] * 4
    assert process["Groups"] in ("", "1000")


@pytest.mark.parametrize("service", HOPS)
def test_a_hop_has_net_admin_or_nothing(stack: Stack, service: str) -> None:
    """Balancer and proxy have NET_ADMIN, the gateway NET_RAW too, and can get nothing else; other hops have none."""
    process = stack.process(service)
    allowed = (NET_ADMIN if service in GATES else 0) | (NET_RAW if service == "gateway" else 0)

    assert {int(process[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {allowed}


@pytest.mark.parametrize("service", [*HOPS, "client"])
def test_nobody_gains_rights(stack: Stack, service: str) -> None:
    """No program that a hop or the client starts can gain rights, nor change what the image holds."""
    assert stack.process(service)["NoNewPrivs"] == "1"
    (root,) = (line for line in stack.run(service, "cat", "/proc/1/mounts").stdout.splitlines() if " / " in line)
    assert "ro" in root.split()[3].split(",")
    assert stack.inspect(service)["HostConfig"]["ReadonlyRootfs"] is True


@pytest.mark.parametrize("service", SERVICES)
def test_no_container_is_privileged(stack: Stack, service: str) -> None:
    """None is privileged, has a device, the engine's socket or a namespace of the host's; raw sockets the gateway."""
    host = stack.inspect(service)["HostConfig"]

    assert host["Privileged"] is False
    assert not host["Devices"]
    assert host["CapDrop"] == ["ALL"]
    assert any("NET_RAW" in each for each in host["CapAdd"] or ()) == (service == "gateway")
    assert {host["PidMode"], host["UTSMode"], host["UsernsMode"]} == {""}
    assert host["IpcMode"] != "host"
    assert not any("docker.sock" in bind for bind in host["Binds"] or ())


def test_the_build_vm_is_the_exception(stack: Stack) -> None:
    """The Linux build VM alone may gain rights and change its own root, as customizers must."""
    (root,) = (
        line for line in stack.run("build-linux", "cat", "/proc/1/mounts").stdout.splitlines() if " / " in line
    )

    assert "rw" in root.split()[3].split(",")
    assert stack.process("build-linux")["NoNewPrivs"] == "0"
    assert not int(stack.process("build-linux")["CapBnd"], 16) & NET_ADMIN


@pytest.mark.parametrize("service", SERVICES)
def test_ports_are_published_on_loopback_only(stack: Stack, service: str) -> None:
    """Control's API and the balancer's two ports are published, on 127.0.0.1; nothing else is."""
    ports = stack.inspect(service)["NetworkSettings"]["Ports"] or {}
    published = {port: {each["HostIp"] for each in bindings} for port, bindings in ports.items() if bindings}

    assert published == {port: {"127.0.0.1"} for port in PUBLISHED.get(service, ())}


@pytest.mark.parametrize("service", [each for each in SERVICES if each != "client"])
def test_health_needs_no_shell(stack: Stack, service: str) -> None:
    """A health check is a program and its arguments, asked each second."""
    check = stack.inspect(service)["Config"]["Healthcheck"]

    assert check["Test"][0] == "CMD"
    assert check["Test"][1].rpartition("/")[2] in ("python", "perl", "setpriv")
    assert check["Interval"] == 1_000_000_000


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_restarts_by_itself(stack: Stack, service: str) -> None:
    """What was killed stays dead, and what cannot start does not hide it by trying again."""
    assert stack.inspect(service)["HostConfig"]["RestartPolicy"]["Name"] in ("", "no")


def test_the_token_is_in_memory_only(stack: Stack) -> None:
    """Control alone has the token, in a file that only it reads and that is on no disk."""
    mounts = stack.run("control", "cat", "/proc/1/mounts").stdout.splitlines()
    (state,) = (line.split() for line in mounts if " /state " in line)

    assert state[2] == "tmpfs"
    assert stack.run("control", "stat", "--format", "%u %a", "/state", "/state/token").stdout.splitlines() == [
        "1000 700",
        "1000 600",
    ]
    assert stack.run("proxy", "ls", "/state").stdout.split() == ["healthy"]


def test_a_channel_keeps_nothing_on_the_machine(stack: Stack) -> None:
    """No service has a volume, so that `docker compose down` leaves none."""
    assert [each for each in stack.left() if each.startswith("volume")] == []


def test_a_hop_that_cannot_start_says_why(built: Stack) -> None:
    """Wrong settings end `up --wait` with a failure, and the container's log names the setting."""
    broken = Stack(f"{built.project}-broken", *free_subnets(), {"AIB_EMULATOR_TOPOLOGY": "ring"})
    docker("tag", built.image("control"), broken.image("control"))
    try:
        started = broken.compose("up", "--detach", "--wait", "control", check=False)
        log = broken.compose("logs", "--no-color", "control")
    finally:
        broken.remove()

    assert started.returncode != 0
    assert "AIB_EMULATOR_TOPOLOGY" in log.stdout


@pytest.mark.parametrize(
    ("rights", "says"),
    [
        (("NET_ADMIN",), "no CAP_SETGID: to become an ordinary user a hop needs cap_add: [NET_ADMIN, SETGID,"),
        (
            ("SETGID", "SETUID", "SETPCAP"),
            "no CAP_NET_ADMIN: a drop towards some sources only will be accepted and held",
        ),
    ],
)
def test_a_right_that_is_missing_is_named(built: Stack, rights: Sequence[str], says: str) -> None:
    """A gate that lacks a capability says which, and what it is for."""
    given = [word for right in rights for word in ("--cap-add", right)]
    done = docker("run", "--rm", "--cap-drop", "ALL", *given, built.image("proxy"), "proxy", check=False)

    assert says in done.stderr
    assert done.returncode == 2  # the second for another reason: it was told of no control


def test_a_login_by_password(beside: Stack) -> None:
    """`packer` logs in with the known password, is user 1000, and is root by sudo without being asked."""
    done = ssh(beside, "packer@build-linux", "id -u; sudo -n id -u")

    assert done.stdout.split() == ["1000", "0"], done.stderr


def test_a_login_by_key(beside: Stack, key: Ed25519PrivateKey) -> None:
    """`packer` logs in with the key that was authorized, and with no other."""
    for name, one in (("right", key), ("wrong", Ed25519PrivateKey.generate())):
        text = one.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        beside.run("client", "sh", "-c", f"umask 077; cat >/tmp/{name}", stdin=text.decode())
    only = ("-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes")

    assert ssh(beside, *only, "-i", "/tmp/right", "packer@build-linux", "hostname", by=()).stdout == "build-linux\n"
    assert "Permission denied" in ssh(beside, *only, "-i", "/tmp/wrong", "packer@build-linux", by=()).stderr


@pytest.mark.parametrize("how", [(), ("-O",)], ids=["sftp", "scp"])
def test_files_travel(beside: Stack, how: tuple[str, ...]) -> None:
    """A file that scp copies arrives, by SFTP and by scp's old protocol."""
    copy = (*BY_PASSWORD, "scp", *SSH, *how, "/etc/os-release", "packer@build-linux:copied")
    beside.run("client", *copy)

    assert beside.run("build-linux", "cmp", "/etc/os-release", "/home/packer/copied").returncode == 0


def test_nothing_is_forwarded(beside: Stack) -> None:
    """OpenSSH forwards no port, agent or display, nor makes a tunnel."""
    lines = beside.run("build-linux", "/usr/sbin/sshd", "-T").stdout.splitlines()
    settings = dict(line.partition(" ")[::2] for line in lines)
    done = ssh(beside, "-v", "-W", "127.0.0.1:22", "packer@build-linux")

    forwards = ("allowtcpforwarding", "allowagentforwarding", "allowstreamlocalforwarding", "x11forwarding")
    assert {settings[name] for name in (*forwards, "permittunnel")} == {"no"}
    assert "administratively prohibited" in done.stderr


def test_the_build_vm_is_ready_in_a_second(stack: Stack) -> None:
    """OpenSSH listens less than a second after the container was started."""
    lines = docker("logs", "--timestamps", stack.container("build-linux")).stderr.splitlines()
    listening = next(line.split()[0] for line in lines if "Server listening" in line)
    started = inspected(stack.container("build-linux"))["State"]["StartedAt"]

    assert (_time(listening) - _time(started)).total_seconds() < 1


def _time(text: str) -> datetime:
    """The engine's time, which has nanoseconds."""
    seconds, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{seconds}.{fraction[:6].ljust(6, '0')}+00:00")


def test_a_build_vm_whose_sshd_is_elsewhere_is_not_healthy(built: Stack) -> None:
    """The health check fails, and says why, where nothing answers on port 22."""
    name = f"{built.project}-elsewhere"
    docker("run", "--rm", "--detach", "--name", name, "--network", "none", built.image("build-linux"), "-p", "2222")
    try:
        checked = docker("exec", name, "perl", "/usr/local/lib/aib/healthy.pl", check=False)
    finally:
        docker("rm", "--force", name)

    assert checked.returncode == 1
    assert checked.stdout == "connect to port 22: Connection refused\n"


def test_a_wrong_key_is_refused_at_the_start(built: Stack) -> None:
    """A build VM that is given something else as a key says which variable is wrong, and ends with code 2."""
    setting = "AIB_EMULATOR_AUTHORIZED_KEY=not a key"
    done = docker("run", "--rm", "--network", "none", "-e", setting, built.image("build-linux"), check=False)

    assert done.returncode == 2
    assert "AIB_EMULATOR_AUTHORIZED_KEY" in done.stderr
