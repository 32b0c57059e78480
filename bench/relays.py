"""A relay by itself for the benchmarks: `python -m bench.relays asyncio|uvloop PORT HOST:PORT`, by streams."""

import asyncio
import contextlib
import socket
import sys

LIMIT = 64 * 1024


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(LIMIT):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def serve(port: int, target: str) -> None:
    """Relay from a port of 127.0.0.1 to `HOST:PORT`, until cancelled."""
    host, _, far = target.rpartition(":")

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(host, int(far))
            for each in (writer, far_writer):
                each.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, far_writer))
                group.create_task(_pump(far_reader, writer))
            far_writer.close()
        writer.close()

    async with await asyncio.start_server(relay, "127.0.0.1", port, backlog=1024) as server:
        await server.serve_forever()


def main() -> None:
    """Run as the command line says."""
    kind, port, target = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    factory = None
    if kind == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner, contextlib.suppress(KeyboardInterrupt):
        runner.run(serve(port, target))


if __name__ == "__main__":
    main()
