"""The account: what is given is used, what is missing is made once and kept."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from emulator.app.config import Credentials
from emulator.app.credentials import account
from emulator.errors import InvalidInputError


def private_key(encoding: serialization.PrivateFormat = serialization.PrivateFormat.OpenSSH) -> tuple[bytes, str]:
    """A new private key and its OpenSSH line."""
    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(serialization.Encoding.PEM, encoding, serialization.NoEncryption())
    line = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return text, line.decode()


def test_made_once(tmp_path: Path) -> None:
    """Password and key are made at first use, for their owner only, and are the same ever after."""
    first = account(Credentials(), tmp_path)

    assert first == account(Credentials(), tmp_path)
    assert (first.username, len(first.password) >= 20) == ("packer", True)
    assert first.public_key.startswith("ssh-ed25519 ")
    assert {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {
        "id_ed25519": 0o600,
        "id_ed25519.pub": 0o600,
        "password": 0o600,
    }


def test_two_folders_differ(tmp_path: Path) -> None:
    """Each state folder has an account of its own."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = account(Credentials(), tmp_path / "a"), account(Credentials(), tmp_path / "b")

    assert one.password != other.password
    assert one.public_key != other.public_key


def test_the_public_line_belongs_to_the_key(tmp_path: Path) -> None:
    """The line beside a made key is the one that the key itself gives."""
    made = account(Credentials(), tmp_path)
    (tmp_path / "id_ed25519.pub").unlink()

    assert made.public_key.split()[:2] == account(Credentials(), tmp_path).public_key.split()[:2]


def test_given(tmp_path: Path) -> None:
    """What settings give is used as it is, and nothing is made."""
    text, line = private_key()
    mine = tmp_path / "mine.pem"
    mine.write_bytes(text)
    state = tmp_path / "state"
    state.mkdir()

    found = account(Credentials(username="me", password="mine", private_key=mine), state)

    assert (found.username, found.password, found.private_key, found.public_key) == ("me", "mine", mine, line)
    assert list(state.iterdir()) == []


@pytest.mark.parametrize("beside", [b"", b"\xff\xfe"])
def test_an_unreadable_public_line_is_made_from_the_key(tmp_path: Path, beside: bytes) -> None:
    """An empty or binary file beside the key does not count."""
    text, line = private_key()
    (tmp_path / "mine").write_bytes(text)
    (tmp_path / "mine.pub").write_bytes(beside)

    assert account(Credentials(private_key=tmp_path / "mine"), tmp_path).public_key == line


# What is no usable key: absent, empty, noise, another format.
WRONG = [None, b"", b"noise", private_key(serialization.PrivateFormat.PKCS8)[0]]


@pytest.mark.parametrize("content", WRONG, ids=["absent", "empty", "noise", "PKCS8"])
def test_wrong_keys(tmp_path: Path, content: bytes | None) -> None:
    """A private key that cannot be used is named, also where a public line lies beside it."""
    mine = tmp_path / "mine"
    if content is not None:
        mine.write_bytes(content)
    else:
        (tmp_path / "mine.pub").write_text("ssh-ed25519 AAAA")

    with pytest.raises(InvalidInputError, match=r"credentials\.private_key: .*mine"):
        account(Credentials(private_key=mine), tmp_path)


def test_an_empty_password_file_is_no_password(tmp_path: Path) -> None:
    """An emptied file does not make an account without a password."""
    (tmp_path / "password").write_text("\n")

    assert len(account(Credentials(), tmp_path).password) >= 20
