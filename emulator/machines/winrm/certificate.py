"""The self-signed certificate of a build VM's HTTPS listener.

As Azure's is made for a build: RSA-2048, CN `<name>.cloudapp.net`, for servers, valid for a day, no alternative
names. It never matches the address that a client dials, which is why every client skips the verification.
"""

import contextlib
import datetime
import hashlib
import os
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from emulator.errors import UnavailableError

VALIDITY = datetime.timedelta(hours=24)
FRESH = datetime.timedelta(hours=12)
"""A kept certificate with less left than this is replaced at start."""
CLOCK_SKEW = datetime.timedelta(minutes=5)


def context(name: str, folder: str) -> tuple[ssl.SSLContext, bytes]:
    """The TLS settings of a listener, and its channel bindings (RFC 5929, tls-server-end-point).

    The key and certificate are kept in `folder` as `winrm.pem`, readable by the owner only, where one is given.

    Raises:
        UnavailableError: the folder cannot be written.
    """
    common_name = f"{name}.cloudapp.net"
    try:
        with _kept(common_name, folder) if folder else _passing(common_name) as path:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.minimum_version = ssl.TLSVersion.TLSv1_2
            tls.load_cert_chain(path)
            der = ssl.PEM_cert_to_DER_cert(_certificate_part(path.read_text()))
    except OSError as error:
        raise UnavailableError(f"the certificate of {name} cannot be kept in {folder or 'memory'}: {error}") from None
    return tls, b"tls-server-end-point:" + hashlib.sha256(der).digest()


@contextlib.contextmanager
def _kept(common_name: str, folder: str) -> Iterator[Path]:
    path = Path(folder) / "winrm.pem"
    if not _is_usable(path, common_name):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Written beside and renamed, so that a second start never reads half a file.
        handle, temporary = tempfile.mkstemp(dir=folder, prefix="winrm-")
        with os.fdopen(handle, "wb") as file:
            file.write(_make(common_name))
        Path(temporary).replace(path)
    yield path


@contextlib.contextmanager
def _passing(common_name: str) -> Iterator[Path]:
    # Python's ssl reads certificates from files only; mkstemp's are the owner's alone.
    handle, temporary = tempfile.mkstemp(prefix="winrm-")
    path = Path(temporary)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_make(common_name))
        yield path
    finally:
        path.unlink()


def _is_usable(path: Path, common_name: str) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path)
        certificate = x509.load_pem_x509_certificate(_certificate_part(path.read_text()).encode())
    except (OSError, ValueError):
        return False
    left = certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return left > FRESH and [name.value for name in names] == [common_name] and path.stat().st_mode & 0o077 == 0


def _certificate_part(text: str) -> str:
    return text[max(text.find("-----BEGIN CERTIFICATE-----"), 0) :]


def _make(common_name: str) -> bytes:
    """A key and its certificate, PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + VALIDITY)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)
