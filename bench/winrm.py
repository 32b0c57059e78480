"""The Windows build VM: server CPU per WS-Management operation, and the throughput of a command's output.

The machine runs as a process of its own, so that its CPU time is its own.
"""

import asyncio
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psutil
from winrm.protocol import Protocol

from bench.figures import Figure
from emulator.machines import child
from emulator.machines.settings import MachineSettings, WinrmSettings
from emulator.net.listener import bind

ROUNDS = 3
SESSIONS = 20
COMMANDS = 25
OPERATIONS = SESSIONS * COMMANDS * 5
"""A command is five: open a shell, start it, take its output, end it, close the shell."""
OUTPUT_MEGABYTES = 16
CPU_BAR, SPEED_BAR = 2.0, 30.0


@dataclass(frozen=True, slots=True)
class _Server:
    url: str
    process: psutil.Process

    def client(self) -> Protocol:
        return Protocol(
            self.url, transport="ntlm", username="packer", password="secret", server_cert_validation="ignore",
            proxy="", operation_timeout_sec=60, read_timeout_sec=120,
        )  # fmt: skip

    @property
    def cpu(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)


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
        server = _Server(f"https://127.0.0.1:{bound.getsockname()[1]}/wsman", psutil.Process(running.pid))
        cpu = [await asyncio.to_thread(_cpu, server) for _ in range(ROUNDS)]
        speed = [await asyncio.to_thread(_speed, server) for _ in range(ROUNDS)]
    bound.close()
    return [
        Figure(f"WinRM: server CPU per operation, {SESSIONS} NTLM sessions", "ms", tuple(cpu), CPU_BAR),
        Figure("WinRM: time per megabyte of stdout", "ms", tuple(1000 / each for each in speed), 1000 / SPEED_BAR),
        Figure("WinRM: stdout", "MB/s", tuple(speed)),
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


def _speed(server: _Server) -> float:
    protocol = server.client()
    shell = protocol.open_shell()
    script = f"[IO.File]::WriteAllText('C:\\big.txt', ('x' * {OUTPUT_MEGABYTES * 1_000_000}))"
    made = protocol.run_command(shell, f'powershell -Command "{script}"')
    protocol.get_command_output(shell, made)
    begun = time.perf_counter()
    command = protocol.run_command(shell, "type C:\\big.txt")
    output, _, _ = protocol.get_command_output(shell, command)
    taken = time.perf_counter() - begun
    protocol.close_shell(shell)
    protocol.transport.close_session()
    if len(output) != OUTPUT_MEGABYTES * 1_000_000:
        raise RuntimeError(f"{len(output)} bytes came instead of {OUTPUT_MEGABYTES} MB")
    return OUTPUT_MEGABYTES / taken
