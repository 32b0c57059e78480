"""The Windows build VM: server CPU per WS-Management operation, and the throughput of a command's output.

The machine runs as a process of its own, so that its CPU time is its own.
"""

import asyncio
import base64
import binascii
import contextlib
import http.client
import re
import ssl
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from winrm.protocol import Protocol

from bench.figures import Figure
from bench.peers import cpu_of
from emulator.machines import child
from emulator.machines.settings import MachineSettings, WinrmSettings
from emulator.net.listener import bind
from emulator.wire.wsman import names

ROUNDS = 3
SESSIONS = 20
COMMANDS = 25
OPERATIONS = SESSIONS * COMMANDS * 5
"""A command is five: open a shell, start it, take its output, end it, close the shell."""
OUTPUT_MEGABYTES = 16
OUTPUT_BYTES = OUTPUT_MEGABYTES * 1_000_000
CPU_BAR, SPEED_BAR = 2.0, 30.0


@dataclass(frozen=True, slots=True)
class _Server:
    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}/wsman"

    def client(self) -> Protocol:
        return Protocol(
            self.url, transport="ntlm", username="packer", password="secret", server_cert_validation="ignore",
            proxy="", operation_timeout_sec=60, read_timeout_sec=120,
        )  # fmt: skip

    @property
    def cpu(self) -> float:
        return cpu_of(self.pid, children=False)


def measure() -> list[Figure]:
    """CPU milliseconds per operation, and megabytes of output per second."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return asyncio.run(_measure())


async def _measure() -> list[Figure]:
    settings = MachineSettings(
        "windows", "build-windows", "10.60.0.9", "packer", "secret", winrm=WinrmSettings(shells_per_user=SESSIONS)
    )
    bound = bind("127.0.0.1", 0)
    async with child.machine(settings, bound, lambda _: None) as running:
        server = _Server(bound.getsockname()[1], running.pid)
        cpu = [await asyncio.to_thread(_cpu, server) for _ in range(ROUNDS)]
        await asyncio.to_thread(_written, server)
        bare = [await asyncio.to_thread(_reading, server, _by_decoding) for _ in range(ROUNDS)]
        full = [await asyncio.to_thread(_reading, server, _by_pywinrm) for _ in range(ROUNDS)]
    bound.close()
    return [
        Figure(f"WinRM: server CPU per operation, {SESSIONS} NTLM sessions", "ms", tuple(cpu), CPU_BAR),
        Figure(
            "WinRM: time per megabyte of stdout", "ms", tuple(1000 / each.speed for each in bare), 1000 / SPEED_BAR
        ),
        Figure("WinRM: stdout, to a client that only decodes it", "MB/s", tuple(each.speed for each in bare)),
        Figure("WinRM: stdout, to pywinrm, which takes most of the time", "MB/s", tuple(each.speed for each in full)),
        Figure("WinRM: server CPU per megabyte of stdout, to pywinrm", "ms", tuple(each.cost for each in full)),
    ]


def _cpu(server: _Server) -> float:
    before = server.cpu
    with ThreadPoolExecutor(SESSIONS) as pool:
        list(pool.map(lambda _: _session(server), range(SESSIONS)))
    return (server.cpu - before) * 1000 / OPERATIONS


def _session(server: _Server) -> None:
    protocol = server.client()
    for _ in range(COMMANDS):
        shell = protocol.open_shell()
        command = protocol.run_command(shell, "echo hello")
        protocol.get_command_output(shell, command)
        protocol.cleanup_command(shell, command)
        protocol.close_shell(shell)
    protocol.transport.close_session()


@dataclass(frozen=True, slots=True)
class _Reading:
    """How one reading of the output went."""

    seconds: float
    cpu: float

    @property
    def speed(self) -> float:
        return OUTPUT_MEGABYTES / self.seconds

    @property
    def cost(self) -> float:
        return self.cpu * 1000 / OUTPUT_MEGABYTES


def _written(server: _Server) -> None:
    """Put the file there whose content is the output."""
    protocol = server.client()
    shell = protocol.open_shell()
    script = f"[IO.File]::WriteAllText('C:\\big.txt', ('x' * {OUTPUT_BYTES}))"
    protocol.get_command_output(shell, protocol.run_command(shell, f'powershell -Command "{script}"'))
    protocol.close_shell(shell)


def _reading(server: _Server, read: Callable[[_Server, Protocol, str, str], int]) -> _Reading:
    protocol = server.client()
    shell = protocol.open_shell()
    before, begun = server.cpu, time.perf_counter()
    count = read(server, protocol, shell, protocol.run_command(shell, "type C:\\big.txt"))
    done = _Reading(time.perf_counter() - begun, server.cpu - before)
    protocol.close_shell(shell)
    if count != OUTPUT_BYTES:
        raise RuntimeError(f"{count} bytes came instead of {OUTPUT_BYTES}")
    return done


def _by_pywinrm(server: _Server, protocol: Protocol, shell: str, command: str) -> int:  # noqa: ARG001
    return len(protocol.get_command_output(shell, command)[0])


def _by_decoding(server: _Server, protocol: Protocol, shell: str, command: str) -> int:  # noqa: ARG001
    """Read as a client would that does no more than it must: TLS, HTTP, and base64."""
    count, turn, said = 0, 0, b""
    with contextlib.closing(_connection(server)) as connection:
        while b"CommandState/Done" not in said:
            turn += 1
            connection.request("POST", "/wsman", _RECEIVE.format(turn, shell, command), _HEADERS)
            said = connection.getresponse().read()
            count += sum(len(binascii.a2b_base64(each)) for each in _STREAM.findall(said))
    return count


def _connection(server: _Server) -> http.client.HTTPSConnection:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection("127.0.0.1", server.port, context=context)


_STREAM = re.compile(rb'<rsp:Stream Name="stdout"[^>]*>([^<]+)')
_HEADERS = {
    "Authorization": f"Basic {base64.b64encode(b'packer:secret').decode()}",
    "Content-Type": "application/soap+xml;charset=UTF-8",
}
_RECEIVE = (
    f'<s:Envelope xmlns:s="{names.SOAP}" xmlns:a="{names.ADDRESSING}" xmlns:w="{names.WSMAN}" '
    f'xmlns:rsp="{names.SHELL}"><s:Header><a:Action>{names.RECEIVE}</a:Action><a:MessageID>uuid:{{}}</a:MessageID>'
    f"<w:ResourceURI>{names.CMD_RESOURCE}</w:ResourceURI><w:MaxEnvelopeSize>512000</w:MaxEnvelopeSize>"
    '<w:SelectorSet><w:Selector Name="ShellId">{}</w:Selector></w:SelectorSet></s:Header><s:Body><rsp:Receive>'
    '<rsp:DesiredStream CommandId="{}">stdout stderr</rsp:DesiredStream></rsp:Receive></s:Body></s:Envelope>'
)
