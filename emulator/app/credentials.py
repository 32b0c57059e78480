"""The build VMs' account: a name, a password and an SSH key, made at first use."""

import os
import secrets
import string
from dataclasses import dataclass
from pathlib import Path

from emulator.app.config import Credentials
from emulator.control.state import read_kept, write_private
from emulator.errors import InvalidInputError

KEY = "id_ed25519"
PASSWORD = "password"  # noqa: S105 - a file's name
ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Account:
    """The one account of both build VMs; `private_key` is a file, `public_key` an OpenSSH line."""

    username: str
    password: str
    private_key: Path
    public_key: str


def account(given: Credentials, folder: Path) -> Account:
    """The account that settings and the state folder make, completed with what is missing.

    Raises:
        InvalidInputError: the given private key cannot be read.
    """
    password = given.password or _kept_password(folder / PASSWORD)
    file = given.private_key or folder / KEY
    if given.private_key is None and not file.exists():
        _make_key(file)
    return Account(given.username, password, file.absolute(), _public_line(file))


def _kept_password(file: Path) -> str:
    kept = read_kept(file)
    if kept:
        return kept
    # Windows asks for three kinds of characters; the digits and the dash see to that.
    made = "".join(secrets.choice(ALPHABET) for _ in range(20)) + "-7aZ"
    write_private(file, made + "\n")
    return made


def _make_key(file: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    write_private(file.with_suffix(".pub"), f"{public.decode()} aib-emulator\n")
    write_private(file, private.decode())


def _public_line(file: Path) -> str:
    if not os.access(file, os.R_OK):
        return _derived(file)
    try:
        return file.with_name(file.name + ".pub").read_text("utf-8").strip() or _derived(file)
    except (OSError, UnicodeDecodeError):
        return _derived(file)


def _derived(file: Path) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_ssh_private_key(file.read_bytes(), password=None)
    except OSError as error:
        raise InvalidInputError(f"credentials.private_key: {file}: {os.strerror(error.errno or 0)}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidInputError(f"credentials.private_key: {file}: not an OpenSSH private key: {error}") from None
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return public.decode()
