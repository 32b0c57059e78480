"""HAProxy in a process of its own, on a socket that the test bound: nobody waits for it to listen."""

import asyncio
import contextlib
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

HAPROXY = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")
needs_haproxy = pytest.mark.skipif(HAPROXY is None, reason="HAProxy is not installed")
CONFIG = """
global
  log stderr local0
defaults
  mode tcp
  timeout connect 10s
  timeout client 60s
  timeout server 60s
frontend front
  bind fd@{descriptor} {bind}
  {front}
  default_backend back
backend back
  server build {host}:{port} {server}
"""


@contextlib.asynccontextmanager
async def haproxy(
    folder: Path,
    listening: socket.socket,
    backend: tuple[str, int],
    *,
    bind: str = "",
    front: str = "",
    server: str = "",
) -> AsyncIterator[None]:
    """HAProxy between `listening` and `backend`, with options for its lines, until the body ends."""
    assert HAPROXY
    file = folder / "haproxy.cfg"
    host, port = backend
    descriptor = listening.fileno()
    file.write_text(CONFIG.format(descriptor=descriptor, bind=bind, front=front, host=host, port=port, server=server))
    process = await asyncio.create_subprocess_exec(
        *(HAPROXY, "-db", "-q", "-f", str(file)), pass_fds=(descriptor,), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()
