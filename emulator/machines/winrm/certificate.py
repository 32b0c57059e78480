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
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from emulator.errors import InvalidInputError, UnavailableError

VALIDITY = datetime.timedelta(hours=24)
FRESH = datetime.timedelta(hours=12)
"""A kept certificate with less left than this is replaced at start."""
CLOCK_SKEW = datetime.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a machine proves itself with.

    Attributes:
        tls: the settings of the HTTPS listener.
        inner_tls: those of the session that CredSSP opens within HTTP.
        certificate: the certificate, DER.
    """

    tls: ssl.SSLContext
    inner_tls: ssl.SSLContext
    certificate: bytes

    @property
    def bindings(self) -> bytes:
        """The channel bindings of a connection to it (RFC 5929, tls-server-end-point)."""
        algorithm = x509.load_der_x509_certificate(self.certificate).signature_hash_algorithm
        name = algorithm.name if algorithm and algorithm.name not in ("md5", "sha1") else "sha256"
        return b"tls-server-end-point:" + hashlib.new(name, self.certificate).digest()

    @property
    def public_key(self) -> bytes:
        """The key in the certificate as CredSSP compares it: PKCS #1, or the point of an elliptic curve."""
        key = x509.load_der_x509_certificate(self.certificate).public_key()
        if isinstance(key, rsa.RSAPublicKey):
            return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
        curve = cast("ec.EllipticCurvePublicKey", key)
        return curve.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def identity(name: str, folder: str, *, own: str = "", clients: str = "") -> Identity:
    """The certificate of a machine, and the TLS settings with it.

    The key and certificate are those in the PEM file `own`; else they are made, and kept in `folder` as `winrm.pem`,
    readable by the owner only, where one is given. `clients` is a PEM file of certificates: clients that show one of
    them, or one that they signed, are believed.

    Raises:
        InvalidInputError: a file named is not what it should be.
        UnavailableError: the folder cannot be written.
    """
    if own:
        try:
            return _loaded(Path(own), clients)
        except (OSError, ValueError) as error:
            raise InvalidInputError(f"{own}: no key and certificate in PEM: {error}") from None
    common_name = f"{name}.cloudapp.net"
    try:
        with _kept(common_name, folder) if folder else _passing(common_name) as path:
            return _loaded(path, clients)
    except OSError as error:
        raise UnavailableError(f"the certificate of {name} cannot be kept in {folder or 'memory'}: {error}") from None


def flawed(name: str, problem: Literal["expired", "wrong-name"]) -> Identity:
    """A certificate that its clients should not believe, made anew.

    Raises:
        UnavailableError: there is no room for it on the disk.
    """
    other = name if problem == "expired" else f"not-{name}"
    try:
        with _passing(f"{other}.cloudapp.net", is_over=problem == "expired") as path:
            return _loaded(path, "")
    except OSError as error:
        raise UnavailableError(f"a certificate of {name} cannot be kept in memory: {error}") from None


def _loaded(path: Path, clients: str) -> Identity:
    outer, inner = _context(path), _context(path)
    if clients:
        try:
            outer.load_verify_locations(clients)
        except (OSError, ValueError) as error:
            raise InvalidInputError(f"{clients}: no certificates in PEM: {error}") from None
        # A client without one is asked for another login, as Windows asks it.
        outer.verify_mode = ssl.CERT_OPTIONAL
    return Identity(outer, inner, ssl.PEM_cert_to_DER_cert(_certificate_part(path.read_text())))


def _context(path: Path) -> ssl.SSLContext:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    tls.load_cert_chain(path)
    return tls


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
def _passing(common_name: str, *, is_over: bool = False) -> Iterator[Path]:
    # Python's ssl reads certificates from files only; mkstemp's are the owner's alone.
    handle, temporary = tempfile.mkstemp(prefix="winrm-")
    path = Path(temporary)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_make(common_name, is_over=is_over))
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
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    return f"{begin}{text.partition(begin)[2].partition(end)[0]}{end}\n"


def _make(common_name: str, *, is_over: bool = False) -> bytes:
    """A key and its certificate, PEM; one that is over was valid until yesterday."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = datetime.datetime.now(datetime.UTC) - (2 * VALIDITY if is_over else datetime.timedelta())
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
