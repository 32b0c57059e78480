"""One command over SSH (asyncssh's second door). Like Packer, it takes whatever host key it is shown."""

import asyncio
import contextlib
import io
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncssh

from emulator.channels.base import Outcome, UnfinishedError
from emulator.errors import PeerError


@dataclass(frozen=True, slots=True)
class SshChannel:
    """A channel to one build VM; see `run` for the fields."""

    host: str
    port: int
    username: str
    private_key: str | None = None
    password: str | None = None
    timeout: float = 60.0

    async def run(self, command: str) -> Outcome:
        """See `Channel.run`."""
        return await run(
            self.host,
            self.port,
            self.username,
            private_key=self.private_key,
            password=self.password,
            command=command,
            timeout=self.timeout,
        )


async def run(
    host: str,
    port: int,
    username: str,
    *,
    private_key: str | None,
    password: str | None,
    command: str,
    timeout: float,  # noqa: ASYNC109 - the caller's figure becomes part of the message
) -> Outcome:
    """Log in, run `command`, log out.

    Args:
        host: where to connect.
        port: where to connect.
        username: who logs in.
        private_key: the path of a private key, or None.
        password: or None.
        command: a shell line.
        timeout: real seconds for all of it.

    Raises:
        UnfinishedError: the command was cut off, or took too long; with what it had said.
        PeerError: not connected, or not admitted; one sentence.
    """
    where = f"ssh {username}@{host}:{port}"
    stdout, stderr = _Heard(), _Heard()
    try:
        async with asyncio.timeout(timeout), connection(host, port, username, private_key, password) as found:
            done = await found.run(command, encoding=None, stdin=asyncssh.DEVNULL, stdout=stdout, stderr=stderr)
    except TimeoutError:
        raise UnfinishedError(f"{where}: no answer within {timeout:g} s", bytes(stdout), bytes(stderr)) from None
    except (OSError, asyncssh.Error, asyncssh.KeyImportError) as error:
        raise UnfinishedError(f"{where}: {one_line(error)}", bytes(stdout), bytes(stderr)) from None
    if done.exit_status is None:
        sentence = f"{where}: the connection ended before the command did"
        raise UnfinishedError(sentence, bytes(stdout), bytes(stderr))
    return Outcome(exit_code_of(done), bytes(stdout), bytes(stderr))


class _Heard(io.BytesIO):
    """Output as it comes; it can be read when asyncssh has closed it."""

    def close(self) -> None:
        """Keep it."""

    def __bytes__(self) -> bytes:
        return self.getvalue()


@contextlib.asynccontextmanager
async def forwarded(jump: SshChannel, target: tuple[str, int]) -> AsyncIterator[int]:
    """A local port from which connections go to a target behind an SSH server, while the body runs.

    Raises:
        PeerError: the server cannot be reached, or does not let us in.
    """
    where = f"ssh {jump.username}@{jump.host}:{jump.port}"
    async with contextlib.AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(jump.timeout):
                opened = connection(jump.host, jump.port, jump.username, jump.private_key, jump.password)
                opening = await stack.enter_async_context(opened)
                listener = await opening.forward_local_port("127.0.0.1", 0, *target)
        except TimeoutError:
            raise PeerError(f"{where}: no answer within {jump.timeout:g} s") from None
        except (OSError, asyncssh.Error, asyncssh.KeyImportError) as error:
            raise PeerError(f"{where}: {one_line(error)}") from None
        stack.callback(listener.close)
        yield listener.get_port()


def connection(
    host: str, port: int, username: str, private_key: str | None, password: str | None, **more: float
) -> "asyncssh.misc._ACMWrapper[asyncssh.SSHClientConnection]":
    """A login with our key or password alone, whatever host key the server shows; `more` goes to asyncssh."""
    return asyncssh.connect(
        host,
        port,
        username=username,
        client_keys=[private_key] if private_key else None,
        password=password,
        known_hosts=None,
        agent_path=None,
        x509_trusted_certs=None,
        x509_trusted_cert_paths=[],  # the default looks into the home folder, which may not be ours to read
        config=None,
        gss_host=None,
        preferred_auth=("publickey", "password"),
        login_timeout=0,
        connect_timeout=None,
        **more,
    )


def exit_code_of(done: asyncssh.SSHCompletedProcess) -> int:
    """A command's exit code, or a shell's for the signal that ended it."""
    if done.exit_signal:
        number = getattr(signal, f"SIG{done.exit_signal[0]}", signal.SIGKILL)
        return 128 + int(number)
    return int(done.exit_status or 0)


def one_line(error: BaseException) -> str:
    """What an error says, on one line."""
    text = " ".join(str(getattr(error, "reason", "") or getattr(error, "strerror", "") or error).split())
    return text or type(error).__name__
