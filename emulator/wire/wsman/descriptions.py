"""How WinRM describes a shell, a command in one, and its own configuration; the shapes are those of recordings."""

import html
from dataclasses import dataclass

from emulator.wire.wsman import names


@dataclass(frozen=True, slots=True)
class ShellDescription:
    """A shell as `Create`, `Get` and `Enumerate` show it.

    Attributes:
        shell_id: its ID.
        resource: its resource URI.
        owner: whose it is.
        name: what its client calls it, or empty.
        input_streams, output_streams: names, separated by spaces.
        idle_timeout: seconds.
        state: `Connected` or `Disconnected`.
        age: seconds since it was opened.
        idle: seconds since it was last used.
        commands: how many run in it.
    """

    shell_id: str
    resource: str
    owner: str
    name: str
    input_streams: str
    output_streams: str
    idle_timeout: float
    state: str
    age: float
    idle: float
    commands: int


@dataclass(frozen=True, slots=True)
class Configuration:
    """What `winrm/config` shows of the service's settings."""

    envelope_kilobytes: int
    longest_poll: float
    idle_timeout: float
    shells_per_user: int
    processes_per_shell: int
    operations_per_user: int
    channel_binding: str
    schemes: tuple[str, ...]
    has_certificates: bool


def shell(described: ShellDescription) -> str:
    """The element `rsp:Shell`."""
    name = f"<rsp:Name>{html.escape(described.name)}</rsp:Name>" if described.name else ""
    return (
        f"<rsp:Shell><rsp:ShellId>{html.escape(described.shell_id)}</rsp:ShellId>{name}"
        f"<rsp:ResourceUri>{html.escape(described.resource)}</rsp:ResourceUri>"
        f"<rsp:Owner>{html.escape(described.owner)}</rsp:Owner>"
        f"<rsp:IdleTimeOut>PT{described.idle_timeout:.3f}S</rsp:IdleTimeOut>"
        f"<rsp:InputStreams>{html.escape(described.input_streams)}</rsp:InputStreams>"
        f"<rsp:OutputStreams>{html.escape(described.output_streams)}</rsp:OutputStreams>"
        f"<rsp:MaxIdleTimeOut>PT2147483.647S</rsp:MaxIdleTimeOut>"
        f"<rsp:Locale>en-US</rsp:Locale><rsp:DataLocale>en-US</rsp:DataLocale>"
        f"<rsp:CompressionMode>NoCompression</rsp:CompressionMode><rsp:ProfileLoaded>Yes</rsp:ProfileLoaded>"
        f"<rsp:Encoding>UTF8</rsp:Encoding><rsp:BufferMode>Block</rsp:BufferMode>"
        f"<rsp:State>{described.state}</rsp:State>"
        f"<rsp:ShellRunTime>{_span(described.age)}</rsp:ShellRunTime>"
        f"<rsp:ShellInactivity>{_span(described.idle)}</rsp:ShellInactivity>"
        f"<rsp:ChildProcesses>{described.commands}</rsp:ChildProcesses></rsp:Shell>"
    )


def _span(seconds: float) -> str:
    """As Windows writes it: `P0DT1H0M30S`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"P{days}DT{hours}H{minutes}M{rest}S"


def command(command_id: str, line: str, *, is_running: bool) -> str:
    """The element `rsp:Command`."""
    state = "Running" if is_running else "Done"
    return (
        f"<rsp:Command><rsp:CommandId>{html.escape(command_id)}</rsp:CommandId>"
        f"<rsp:CommandLine>{html.escape(line)}</rsp:CommandLine><rsp:CommandState>{state}</rsp:CommandState>"
        f"</rsp:Command>"
    )


def configuration(settings: Configuration) -> str:
    """The element `cfg:Config`, as far as there is something behind it."""
    has = {scheme: str(scheme in settings.schemes).lower() for scheme in ("basic", "negotiate", "credssp")}
    return (
        f'<cfg:Config xmlns:cfg="{names.CONFIG}"><cfg:MaxEnvelopeSizekb>{settings.envelope_kilobytes}'
        f"</cfg:MaxEnvelopeSizekb><cfg:MaxTimeoutms>{settings.longest_poll * 1000:.0f}</cfg:MaxTimeoutms>"
        f"<cfg:MaxBatchItems>32000</cfg:MaxBatchItems><cfg:Service>"
        f"<cfg:MaxConcurrentOperationsPerUser>{settings.operations_per_user}</cfg:MaxConcurrentOperationsPerUser>"
        f"<cfg:AllowUnencrypted>false</cfg:AllowUnencrypted><cfg:Auth><cfg:Basic>{has['basic']}</cfg:Basic>"
        f"<cfg:Kerberos>false</cfg:Kerberos><cfg:Negotiate>{has['negotiate']}</cfg:Negotiate>"
        f"<cfg:Certificate>{str(settings.has_certificates).lower()}</cfg:Certificate>"
        f"<cfg:CredSSP>{has['credssp']}</cfg:CredSSP>"
        f"<cfg:CbtHardeningLevel>{settings.channel_binding.title()}</cfg:CbtHardeningLevel></cfg:Auth>"
        f"<cfg:AllowRemoteAccess>true</cfg:AllowRemoteAccess></cfg:Service><cfg:Winrs>"
        f"<cfg:AllowRemoteShellAccess>true</cfg:AllowRemoteShellAccess>"
        f"<cfg:IdleTimeout>{settings.idle_timeout * 1000:.0f}</cfg:IdleTimeout>"
        f"<cfg:MaxProcessesPerShell>{settings.processes_per_shell}</cfg:MaxProcessesPerShell>"
        f"<cfg:MaxShellsPerUser>{settings.shells_per_user}</cfg:MaxShellsPerUser></cfg:Winrs></cfg:Config>"
    )
