"""A Windows build VM over WinRM for a whole build, by pywinrm in threads: output as it comes, and an end at once.

WinRM has no connection that stays: each command is a shell of its own, as Packer's communicator has it. A thread
cannot be cancelled; what it waits on is its sockets, and those are shut when nobody waits for it any more.
"""

import asyncio
import base64
import contextlib
import math
import os
import secrets
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from emulator.channels.ssh_session import DisconnectedError, NotAdmittedError, NotDialledError, Say
from emulator.channels.winrm import ANSWERS_WRONGLY, innermost, one_line, protocol_at
from emulator.errors import PeerError

if TYPE_CHECKING:
    from winrm.protocol import Protocol

POLL_SECONDS = 2
"""How long one request for output waits: so long may a command's end be unnoticed that is cancelled."""
CHUNK_BYTES = 6000
"""Of a file in one command: cmd.exe takes 8191 characters of base64 and what is around it (winrmcp has the same)."""
Result = TypeVar("Result")


@dataclass(slots=True)
class _Sockets:
    """The sockets of one thread's requests, to be shut from outside."""

    opened: list[socket.socket] = field(default_factory=list)
    is_shut: bool = False

    def dialling(self) -> None:
        """Dial no more for nobody: not even to say farewell.

        Raises:
            ConnectionAbortedError: nobody waits any more.
        """
        if self.is_shut:
            raise ConnectionAbortedError("given up")

    def add(self, opened: socket.socket) -> None:
        self.opened.append(opened)
        if self.is_shut:
            self.shut()

    def shut(self) -> None:
        self.is_shut = True
        for each in self.opened:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close those too whose answer was never read to its end; nobody reads any more."""
        for each in self.opened:
            descriptor = each.detach()
            if descriptor >= 0:
                os.close(descriptor)


@dataclass(frozen=True, slots=True)
class WinrmSession:
    """An account at a Windows build VM.

    Attributes:
        dial_seconds: real seconds for a connection to come about.
        answer_seconds: real seconds for the service to answer one request.
    """

    url: str
    username: str
    password: str
    dial_seconds: float
    answer_seconds: float

    async def knock(self) -> None:
        """Make a shell and delete it: the service is there and lets the account in.

        Raises:
            PeerError: it is not, or does not; the message is in Go's words.
        """

        def shell(protocol: "Protocol") -> None:
            protocol.close_shell(protocol.open_shell(codepage=65001))

        await self._in_thread(shell)

    async def run(self, command: str, say: Say) -> int:
        """Run a command line by cmd.exe, and say what it says while it runs; its exit code.

        Raises:
            DisconnectedError: the service was lost before the command's end.
        """
        loop = asyncio.get_running_loop()

        def told(stdout: bytes, stderr: bytes) -> None:
            for piece, is_error in ((stdout, False), (stderr, True)):
                if piece:
                    loop.call_soon_threadsafe(say, piece, is_error)

        def conversation(protocol: "Protocol") -> int:
            with _shell(protocol) as shell:
                return _to_its_end(protocol, shell, command, told)

        try:
            return await self._in_thread(conversation)
        except NotAdmittedError:
            raise
        except PeerError as error:
            raise DisconnectedError(str(error)) from None

    async def upload(self, content: bytes, path: str) -> None:
        """Write a file as Packer does: base64 in lines by cmd.exe, then a script that joins them.

        Raises:
            DisconnectedError: the service was lost.
            PeerError: it was not written.
        """
        name = f"winrmcp-{secrets.token_hex(8)}.tmp"
        chunks = [content[start : start + CHUNK_BYTES] for start in range(0, len(content), CHUNK_BYTES)]
        lines = [f'echo {base64.b64encode(each).decode()} >> "%TEMP%\\{name}"' for each in chunks]
        script = RESTORE.replace("<source>", f"$env:TEMP\\{name}").replace("<target>", path.replace("/", "\\"))
        encoded = base64.b64encode(script.encode("utf-16-le")).decode()
        lines += [f"powershell.exe -NoProfile -EncodedCommand {encoded}", f'del "%TEMP%\\{name}"']

        def conversation(protocol: "Protocol") -> int:
            with _shell(protocol) as shell:
                return _all(protocol, shell, lines)

        try:
            code = await self._in_thread(conversation)
        except PeerError as error:
            raise DisconnectedError(str(error)) from None
        if code:
            raise PeerError(f"{path}: the build VM did not write it: exit code {code}")

    async def _in_thread(self, conversation: "Callable[[Protocol], Result]") -> Result:
        sockets = _Sockets()
        try:
            return await asyncio.to_thread(self._converse, conversation, sockets)
        finally:
            sockets.shut()

    def _converse(self, conversation: "Callable[[Protocol], Result]", sockets: _Sockets) -> Result:
        import requests
        import urllib3
        from winrm.exceptions import InvalidCredentialsError, WinRMError, WinRMTransportError

        protocol = protocol_at(
            self.url,
            self.username,
            self.password,
            "ntlm",
            dialling=sockets.dialling,
            opened=sockets.add,
            dial_seconds=self.dial_seconds,
        )
        protocol.transport.read_timeout_sec = math.ceil(max(self.answer_seconds, POLL_SECONDS + 1))
        protocol.operation_timeout_sec = POLL_SECONDS
        post = f'Post "{self.url}"'
        try:
            return conversation(protocol)
        except InvalidCredentialsError:
            raise NotAdmittedError(f"http response error: 401 - invalid content type: {post}") from None
        except requests.ConnectTimeout:
            raise NotDialledError(f"unknown error {post}: dial tcp: i/o timeout") from None
        except requests.Timeout:
            raise PeerError(f"unknown error {post}: context deadline exceeded") from None
        except (WinRMError, WinRMTransportError) as error:
            raise PeerError(f"unknown error {post}: http error {error.code}: {one_line(error)}") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise _in_go(post, error) from None
        except ANSWERS_WRONGLY:
            raise PeerError(f"unknown error {post}: not an answer of WinRM") from None
        finally:
            protocol.transport.close_session()
            sockets.close()


def _in_go(post: str, error: BaseException) -> PeerError:
    """What Go's client says of a connection that failed."""
    said = innermost(error)
    if "refused" in said:
        return NotDialledError(f"unknown error {post}: dial tcp: connect: connection refused")
    return PeerError(f"unknown error {post}: {'EOF' if 'closed' in said or 'reset' in said else said}")


@contextlib.contextmanager
def _shell(protocol: "Protocol") -> Iterator[str]:
    shell: str = protocol.open_shell(codepage=65001)
    try:
        yield shell
    except BaseException:
        with contextlib.suppress(Exception):  # the first failure is the one to tell
            protocol.close_shell(shell)
        raise
    protocol.close_shell(shell)


def _to_its_end(
    protocol: "Protocol", shell: str, command: str, told: Callable[[bytes, bytes], None] = lambda *_: None
) -> int:
    from winrm.exceptions import WinRMOperationTimeoutError

    identity = protocol.run_command(shell, command)
    code, done = 0, False
    while not done:
        with contextlib.suppress(WinRMOperationTimeoutError):  # no output yet; ask again
            stdout, stderr, code, done = protocol.get_command_output_raw(shell, identity)
            told(stdout, stderr)
    protocol.cleanup_command(shell, identity)
    return code


def _all(protocol: "Protocol", shell: str, lines: Sequence[str]) -> int:
    """Run lines in order; the code of the first that fails, or 0."""
    for line in lines:
        code = _to_its_end(protocol, shell, line)
        if code:
            return code
    return 0


# github.com/packer-community/winrmcp, winrmcp/cp.go (MIT), restoreContent: what Packer itself sends.
RESTORE = """
$tmp_file_path = [System.IO.Path]::GetFullPath("<source>")
$dest_file_path = [System.IO.Path]::GetFullPath("<target>".Trim("'"))
if (Test-Path $dest_file_path) {
    if (Test-Path -Path $dest_file_path -PathType container) {
        Exit 1
    } else {
        rm $dest_file_path
    }
}
else {
    $dest_dir = ([System.IO.Path]::GetDirectoryName($dest_file_path))
    New-Item -ItemType directory -Force -ErrorAction SilentlyContinue -Path $dest_dir | Out-Null
}

if (Test-Path $tmp_file_path) {
    $reader = [System.IO.File]::OpenText($tmp_file_path)
    $writer = [System.IO.File]::OpenWrite($dest_file_path)
    try {
        for(;;) {
            $base64_line = $reader.ReadLine()
            if ($base64_line -eq $null) { break }
            $bytes = [System.Convert]::FromBase64String($base64_line)
            $writer.write($bytes, 0, $bytes.Length)
        }
    }
    finally {
        $reader.Close()
        $writer.Close()
    }
} else {
    echo $null > $dest_file_path
}
"""
