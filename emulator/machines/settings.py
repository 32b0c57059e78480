"""What a build VM is told when it starts: everything, as one value that travels as JSON."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Literal

from emulator.errors import InvalidInputError
from emulator.machines.outside.wish import Wish

System = Literal["linux", "windows"]
GuestChoice = Literal["auto", "sandbox", "container", "builtin"]


HostChoice = Literal["pwsh", "wine"]
Scheme = Literal["negotiate", "basic", "credssp"]
ChannelBinding = Literal["none", "relaxed", "strict"]


@dataclass(frozen=True, slots=True)
class WinrmSettings:
    """How a Windows machine's WinRM service is set up; the defaults are Windows' unless it says otherwise.

    Attributes:
        schemes: the logins it offers, in the order of its 401; Windows itself offers only Negotiate.
        channel_binding: CbtHardeningLevel: whether a client must, may or need not bind its login to the TLS session.
        certificate: a PEM file with the listener's key and certificate; empty for one as Azure makes it.
        client_certificates: a PEM file of the certificates whose holders, or signed holders, are the account.
        http: `HOST:PORT` to listen on without TLS as well, for sealed messages only; empty for not at all.
        envelope_kilobytes: MaxEnvelopeSizekb, for requests and replies.
        longest_poll: MaxTimeoutms in seconds, which caps a client's OperationTimeout.
        idle_timeout: seconds after which an unused shell is closed, the default and the most a client may ask for.
        shells_per_user: MaxShellsPerUser.
        processes_per_shell: MaxProcessesPerShell.
        operations_per_user: MaxConcurrentOperationsPerUser.
        shell_patience: real seconds that a Create over the quota waits for a shell to close. Windows refuses at once;
            a burst of short sessions is more useful here, and shells that stay are still refused.
        restart_silent: seconds after a restart in which nothing answers.
        restart_refused: seconds after that in which connections are refused.
    """

    schemes: tuple[Scheme, ...] = ("negotiate", "basic", "credssp")
    channel_binding: ChannelBinding = "relaxed"
    certificate: str = ""
    client_certificates: str = ""
    http: str = ""
    envelope_kilobytes: int = 500
    longest_poll: float = 60.0
    idle_timeout: float = 7200.0
    shells_per_user: int = 30
    processes_per_shell: int = 25
    operations_per_user: int = 1500
    shell_patience: float = 10.0
    restart_silent: float = 5.0
    restart_refused: float = 5.0


@dataclass(frozen=True, slots=True)
class MachineSettings:
    """A build VM's identity, credentials and surroundings.

    Attributes:
        system: `linux` (SSH) or `windows` (WinRM over HTTPS).
        name: the hop and computer name, as `build-linux`.
        address: Azure's address of the VM, as logs and the guest's own view show it.
        username: the one account.
        password: its password.
        authorized_key: an OpenSSH public key line that may log in (Linux).
        folder: where the host key or certificate is kept between starts; empty for none.
        guest: which backend executes commands (Linux); `auto` takes the best that works.
        hops: transport addresses of the hops that may send a hop header.
        hop_key: the hop header's HMAC key, hexadecimal.
        winrm: how WinRM is set up (Windows).
        network: what a Linux guest sees of the network around it; None for its own loopback alone.
        drive_megabytes: how much drive C: holds (Windows).
        hosts: what runs commands before the built-in host, in order (Windows).
        pwsh: PowerShell's program, where it is not on PATH (Windows).
    """

    system: System
    name: str
    address: str
    username: str
    password: str
    authorized_key: str = ""
    folder: str = ""
    guest: GuestChoice = "auto"
    hops: tuple[str, ...] = ()
    hop_key: str = ""
    winrm: WinrmSettings = WinrmSettings()
    drive_megabytes: int = 2048
    hosts: tuple[HostChoice, ...] = ()
    pwsh: str = ""
    network: Wish | None = None

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, line: str) -> "MachineSettings":
        """The settings in a line of JSON.

        Raises:
            InvalidInputError: it is not JSON, or has unknown or missing fields.
        """
        try:
            fields = json.loads(line)
            winrm = {**fields.get("winrm", {})}
            if "schemes" in winrm:
                winrm["schemes"] = tuple(winrm["schemes"])
            listed = {name: tuple(fields.get(name, ())) for name in ("hops", "hosts")}
            told = {**listed, "winrm": WinrmSettings(**winrm), "network": _wish(fields.get("network"))}
            return cls(**{**fields, **told})
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise InvalidInputError(f"machine settings: {error}") from None


def _wish(fields: dict[str, Any] | None) -> Wish | None:
    return Wish(**{**fields, "resolvers": tuple(fields["resolvers"])}) if fields else None
