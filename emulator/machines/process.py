"""A build VM as a process of its own: `python -m emulator.machines.process --fd N`.

Reads one line of settings on stdin; says on stdout that it is ready, then each event, one JSON line each. Further
lines on stdin are the faults that it plays. It ends when stdin does, on SIGTERM, and with whoever started it.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
from contextlib import AbstractAsyncContextManager

from emulator.errors import EmulatorError
from emulator.machines.faults import MachineFaults
from emulator.machines.settings import MachineSettings
from emulator.observe import Event, Observer, as_json

READ_BYTES = 1 << 16
LAST = 10
"""Real seconds to end in, once told to: there may be nobody left to end it by force."""


def main() -> int:
    """Run until told to stop; the exit code is 2 where the machine could not start."""
    parser = argparse.ArgumentParser(description="Serve one build VM on an inherited, bound socket.")
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--parent", type=int, default=0)
    parser.add_argument("--outlet", type=int)
    options = parser.parse_args()
    if options.parent and sys.platform.startswith("linux"):
        from emulator.machines.sandbox.syscalls import die_with_parent

        die_with_parent(options.parent, signal.SIGTERM)  # what lies on the disk is to be removed
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for the emulator, which then tells us
    bound = socket.socket(fileno=options.fd)
    bound.set_inheritable(False)
    outlet = None if options.outlet is None else socket.socket(fileno=options.outlet)
    if outlet is not None:
        outlet.set_inheritable(False)
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        return runner.run(_run(sys.stdin.readline(), bound, outlet))


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


async def _run(line: str, bound: socket.socket, outlet: socket.socket | None) -> int:
    try:
        settings, faults, stop = MachineSettings.from_json(line), MachineFaults(), asyncio.Event()
        # Heard from the first file on, and to the last: whoever started us may be gone at any moment.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        async with _machine(settings, bound, _print_event, faults, outlet) as detail:
            _print({"ready": True, "detail": detail})
            await _told_to_stop(faults, stop)
    except EmulatorError as error:
        _print({"error": str(error)})
        return 2
    return 0


def _machine(
    settings: MachineSettings,
    bound: socket.socket,
    observer: Observer,
    faults: MachineFaults,
    outlet: socket.socket | None,
) -> AbstractAsyncContextManager[str]:
    """The system's own entry; its libraries are imported only where they are used, for a fast start."""
    if settings.system == "linux":
        from emulator.machines import linux

        return linux.serving(settings, bound, observer, faults, outlet)
    from emulator.machines import windows

    return windows.serving(settings, bound, observer, faults, outlet)


async def _told_to_stop(faults: MachineFaults, stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    loop.add_reader(0, _Lines(faults, stop).read)
    try:
        await stop.wait()
        signal.alarm(LAST)
    finally:
        loop.remove_reader(0)


class _Lines:
    """What comes on stdin: the machine's faults, a line each time they change; and the end."""

    def __init__(self, faults: MachineFaults, stop: asyncio.Event) -> None:
        self._faults = faults
        self._stop = stop
        self._buffer = b""

    def read(self) -> None:
        """Take what there is; stdin is a pipe, of which a read takes what it holds."""
        data = os.read(0, READ_BYTES)
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._faults.tell(line.decode())
        if not data:
            self._stop.set()


def _print_event(event: Event) -> None:
    _print(as_json(event))


def _print(value: dict[str, object]) -> None:
    if sys.stdout is None:
        return
    try:
        sys.stdout.write(json.dumps(value) + "\n")
        sys.stdout.flush()
    except OSError:  # whoever started us is gone; stdin says so too
        sys.stdout = None


if __name__ == "__main__":
    sys.exit(main())
