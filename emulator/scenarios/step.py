"""One step of a scenario's script: a client and what it must see, a question, or something that happens."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from emulator.model.world import System
from emulator.scenarios.patch import OneKey, Patch, Strict

Symptom = Literal["works", "silent", "refused", "mute", "closed", "reset", "fails", "hangs"]
SYMPTOMS: dict[Symptom, str] = {
    "works": "it does what was asked of it",
    "silent": "its SYN is never answered",
    "refused": "its SYN is answered with RST",
    "mute": "it connects, and hears nothing",
    "closed": "its connection ends with FIN",
    "reset": "its connection ends with RST",
    "fails": "it gives up with an error",
    "hangs": "it waits, and does not give up",
}
State = Literal["running", "service-stopped", "guest-firewall", "rebooting", "deallocated"]


class ReasonSeen(Strict):
    """What a record's reason must be."""

    kind: Literal["rule", "route", "state", "probe", "timer", "fault", "peer"] | None = None
    name: str | None = None


class RecordSeen(Strict):
    """A record of a connection or a dropped attempt; what is not given may be anything.

    Attributes:
        says: what its sentence has in it.
        exact: false where a machine without socket filters plays it approximately, and the record must then say so.
    """

    hop: str | None = None
    kind: Literal["close", "drop"] | None = None
    leg: str | None = None
    ended_by: str | None = None
    how: Literal["fin", "rst", "drop", "timeout"] | None = None
    reason: ReasonSeen = ReasonSeen()
    faults: tuple[str, ...] = ()
    says: str = ""
    exact: bool = True


class EventSeen(Strict):
    """An observation, as `BackendDown`."""

    event: str
    hop: str | None = None
    says: str = ""


class Evidence(OneKey):
    """What the emulator must have recorded."""

    record: RecordSeen | None = None
    event: EventSeen | None = None


class Sees(Strict):
    """What a client must see.

    Attributes:
        says: texts that must all be in what it prints.
        exit_code: of the command, or of the client.
        approximated: what it sees in place of `outcome` on a machine without socket filters.
    """

    outcome: Symptom
    approximated: Symptom | None = None
    says: tuple[str, ...] = ()
    exit_code: int | None = None


class Client(Strict):
    """What all clients have.

    Attributes:
        patience: real seconds after which it counts as hanging; by default short where nothing is expected to come.
        meanwhile: what happens once the client has said `after`, while it goes on.
    """

    system: System = "linux"
    sees: Sees
    patience: float | None = Field(default=None, gt=0, le=600)
    meanwhile: "tuple[Step, ...]" = ()
    after: str = ""

    @property
    def seconds(self) -> float:
        """Its patience; long where an answer is expected, so that a busy machine is no failure."""
        return self.patience or (0.6 if self.sees.outcome in ("silent", "mute", "hangs") else 25.0)


class TcpClient(Client):
    """A plain socket: connects, sends, listens for the first word.

    Attributes:
        session: it stays open under this name, and the next of the same name goes on with it.
        keepalive: TCP keepalives every real second.
    """

    session: str = ""
    send: str = ""
    listens: bool = True
    keepalive: bool = False


class TlsClient(Client):
    """A TLS handshake.

    Attributes:
        verify: whether it wants a certificate of that name that it can trust.
    """

    system: System = "windows"
    verify: bool = False
    server_name: str = "build-windows"


class SshClient(Client):
    """A command over SSH, with Packer's dials, key exchange and words.

    Attributes:
        gives_up: real seconds for a dial, and again for the handshake; Packer's are 15 and 60.
        key: whether it has the account's key.
    """

    command: str = "echo it works"
    gives_up: float = Field(default=15.0, gt=0, le=600)
    username: str | None = None
    password: str | None = None
    key: bool = True


class OpenSshClient(SshClient):
    """The same by the `ssh` of this machine."""

    options: tuple[str, ...] = ()


class WinrmClient(Client):
    """A command over WinRM by pywinrm; errors are said in the words of Packer's library.

    Attributes:
        gives_up: real seconds for a dial, and again for each answer, for which three are the least.
    """

    system: System = "windows"
    command: str = "echo it works"
    gives_up: float = Field(default=15.0, gt=0, le=600)
    transport: Literal["ntlm", "basic"] = "ntlm"
    username: str | None = None
    password: str | None = None


class PackerClient(Client):
    """`packer build` with a provisioner's lines, where Packer is installed.

    Attributes:
        timeout: Packer's ssh_timeout or winrm_timeout.
        restart: a windows-restart with this restart_timeout before the lines.
    """

    inline: tuple[str, ...] = ("echo it works",)
    timeout: str = "30s"
    restart: str = ""


class BuildClient(Client):
    """An image build over the channel, as Image Builder does it, with one customizer."""

    inline: tuple[str, ...] = ("echo it works",)


class Deploy(Client):
    """Changes that Azure is asked to deploy; `fails` where it refuses them."""

    changes: tuple[Patch, ...]


class CheckClient(Strict):
    """An item of the documentation's checklist, and what it must say of the world."""

    item: str
    state: Literal["ok", "warning", "failed", "unknown"]


class IpFlowClient(Strict):
    """IP flow verify, and what it must say."""

    vm: str
    direction: Literal["inbound", "outbound"]
    local: str
    remote: str
    access: Literal["Allow", "Deny"]
    rule: str = ""


class ExplainClient(Strict):
    """The path of a flow, and what must become of it.

    Attributes:
        source: a hop, a machine, an address or `internet`.
        to: likewise, with a port.
    """

    source: str = Field(alias="from")
    to: str
    outcome: Literal["carried", "dropped", "refused"]
    says: str = ""


class Wait(OneKey):
    """Until something is recorded, or a backend is believed to be up or down, or so many emulated seconds."""

    record: RecordSeen | None = None
    event: EventSeen | None = None
    machine: dict[str, State] | None = None
    seconds: float | None = Field(default=None, ge=0, le=86_400)


class Step(OneKey):
    """One step of a script: something a client does, or something that happens."""

    tcp: TcpClient | None = None
    tls: TlsClient | None = None
    ssh: SshClient | None = None
    openssh: OpenSshClient | None = None
    winrm: WinrmClient | None = None
    packer: PackerClient | None = None
    build: BuildClient | None = None
    deploy: Deploy | None = None
    check: CheckClient | None = None
    ip_flow: IpFlowClient | None = None
    explain: ExplainClient | None = None
    change: tuple[Patch, ...] | None = None
    reset: bool | None = None
    machine: dict[str, State] | None = None
    fault: dict[str, Any] | None = None
    heal: str | None = None
    wait: Wait | None = None


def steps_of(script: tuple[Step, ...]) -> Iterator[Step]:
    """All steps, those too that happen meanwhile."""
    for step in script:
        yield step
        if isinstance(step.value, Client):
            yield from steps_of(step.value.meanwhile)


def symptom_of(step: Step) -> Symptom | None:
    """What a step's client sees, or a path that is explained comes to; None for any other step."""
    if isinstance(step.value, ExplainClient):
        ends: dict[str, Symptom] = {"carried": "works", "dropped": "silent", "refused": "refused"}
        return ends[step.value.outcome]
    return step.value.sees.outcome if isinstance(step.value, Client) else None
