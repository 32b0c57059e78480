"""The SFTP server's packets: what is asked is answered, what is wrong is refused."""

import os
import struct
from pathlib import Path

import pytest

from emulator.machines.sandbox import sftp


def text(data: bytes | str) -> bytes:
    raw = data.encode() if isinstance(data, str) else data
    return struct.pack(">I", len(raw)) + raw


def ask(server: sftp.Server, kind: int, body: bytes) -> tuple[int, bytes]:
    """A reply's kind and the rest, once its length and number were checked."""
    reply = server.answer(bytes([kind]) + b"\0\0\0\7" + body)
    assert int.from_bytes(reply[:4], "big") == len(reply) - 4
    assert reply[5:9] == b"\0\0\0\7"
    return reply[4], reply[9:]


def status(reply: tuple[int, bytes]) -> int:
    assert reply[0] == sftp.STATUS
    return int.from_bytes(reply[1][:4], "big")


def test_version_three_is_spoken() -> None:
    """INIT is answered with version 3 and the extensions."""
    reply = sftp.Server().answer(bytes([sftp.INIT]) + struct.pack(">I", 6))
    assert reply[4:9] == bytes([sftp.VERSION, 0, 0, 0, 3])
    assert b"posix-rename@openssh.com" in reply


def test_a_file_is_written_and_read_at_offsets(tmp_path: Path) -> None:
    """Writes land at their offsets; a read past the end says so."""
    server = sftp.Server()
    kind, handle = ask(server, 3, text(str(tmp_path / "f")) + struct.pack(">II", 2 | 1 | 8, 0))
    assert kind == sftp.HANDLE
    assert status(ask(server, 6, handle + struct.pack(">Q", 3) + text(b"def"))) == sftp.OK
    assert status(ask(server, 6, handle + struct.pack(">Q", 0) + text(b"abc"))) == sftp.OK
    assert ask(server, 5, handle + struct.pack(">QI", 1, 100)) == (sftp.DATA, text(b"bcdef"))
    assert status(ask(server, 5, handle + struct.pack(">QI", 6, 1))) == sftp.END
    assert status(ask(server, 4, handle)) == sftp.OK
    assert status(ask(server, 4, handle)) == sftp.BAD_MESSAGE
    assert (tmp_path / "f").read_bytes() == b"abcdef"


def test_a_folder_is_listed_to_its_end(tmp_path: Path) -> None:
    """More names than fit one reply come in several, each once."""
    for number in range(150):
        (tmp_path / f"{number}").touch()
    server = sftp.Server()
    handle = ask(server, 11, text(str(tmp_path)))[1]
    counts = []
    while (reply := ask(server, 12, handle))[0] == sftp.NAME:
        counts.append(int.from_bytes(reply[1][:4], "big"))
    assert sum(counts) == 152
    assert status(reply) == sftp.END


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        (17, text("/nope/nope"), sftp.NO_SUCH_FILE),
        (13, text("/nope"), sftp.NO_SUCH_FILE),
        (14, text("/tmp") + bytes(4), sftp.FAILURE),
        (17, b"\0\0\0\x20short", sftp.BAD_MESSAGE),
        (17, b"", sftp.BAD_MESSAGE),
        (5, text(b"none") + bytes(12), sftp.BAD_MESSAGE),
        (99, b"", sftp.UNSUPPORTED),
        (sftp.EXTENDED, text("unknown@example"), sftp.UNSUPPORTED),
        (17, text(b"\0"), sftp.BAD_MESSAGE),
    ],
)
def test_what_is_wrong_is_refused(kind: int, body: bytes, code: int) -> None:
    """Every wrong request gets a status, and the server goes on."""
    assert status(ask(sftp.Server(), kind, body)) == code


def test_renaming_overwrites_only_when_asked_to(tmp_path: Path) -> None:
    """Version 3's own rename fails where something is; OpenSSH's extension replaces it."""
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    names = text(str(tmp_path / "a")) + text(str(tmp_path / "b"))
    server = sftp.Server()
    assert status(ask(server, 18, names)) == sftp.FAILURE
    assert status(ask(server, sftp.EXTENDED, text("posix-rename@openssh.com") + names)) == sftp.OK
    assert (tmp_path / "b").read_text() == "a"


@pytest.mark.parametrize("sent", [b"", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\5\1\0"])
def test_a_broken_stream_ends_the_server(sent: bytes) -> None:
    """A length that cannot be, or a packet cut short, ends it without an answer."""
    reading, client = os.pipe()
    answer, writing = os.pipe()
    os.write(client, sent)
    os.close(client)
    sftp.serve(reading, writing)
    os.close(writing)
    assert os.read(answer, 10) == b""
    os.close(reading)
    os.close(answer)
