"""The listener's certificate."""

import datetime
import hashlib
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from emulator.errors import InvalidInputError, UnavailableError
from emulator.machines.winrm import certificate


def kept(folder: Path) -> x509.Certificate:
    """The certificate in a folder."""
    text = (folder / "winrm.pem").read_text()
    return x509.load_pem_x509_certificate(text[text.index("-----BEGIN CERT") :].encode())


def test_is_as_azures(tmp_path: Path) -> None:
    """Self-signed RSA-2048, CN name.cloudapp.net, for servers, a day long, no alternative names."""
    certificate.identity("vm", str(tmp_path))

    made = kept(tmp_path)
    key = made.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 2048
    assert made.subject.rfc4514_string() == made.issuer.rfc4514_string() == "CN=vm.cloudapp.net"
    usage = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert len(made.extensions) == 1
    left = made.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(hours=23) < left <= datetime.timedelta(hours=24)


def test_file_is_the_owners_alone(tmp_path: Path) -> None:
    """The key on disk is readable by its owner only, and nothing else is left there."""
    certificate.identity("vm", str(tmp_path / "new"))

    assert [path.name for path in (tmp_path / "new").iterdir()] == ["winrm.pem"]
    assert (tmp_path / "new" / "winrm.pem").stat().st_mode & 0o777 == 0o600


def test_is_kept_for_its_name(tmp_path: Path) -> None:
    """The same name finds its certificate again; another name gets its own."""
    first = certificate.identity("vm", str(tmp_path)).bindings

    assert certificate.identity("vm", str(tmp_path)).bindings == first
    assert certificate.identity("other", str(tmp_path)).bindings != first


@pytest.mark.parametrize("damage", ["", "garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_damaged_file_is_replaced(tmp_path: Path, damage: str) -> None:
    """A file that cannot be used is made anew."""
    (tmp_path / "winrm.pem").write_text(damage)

    certificate.identity("vm", str(tmp_path))

    assert kept(tmp_path).subject.rfc4514_string() == "CN=vm.cloudapp.net"


def test_bindings_are_the_certificates_hash(tmp_path: Path) -> None:
    """Channel bindings name the certificate that the listener shows."""
    identity = certificate.identity("vm", str(tmp_path))
    der = ssl.PEM_cert_to_DER_cert((tmp_path / "winrm.pem").read_text().partition("-----END PRIVATE KEY-----\n")[2])

    assert identity.bindings == b"tls-server-end-point:" + hashlib.sha256(der).digest()
    assert identity.tls.minimum_version == ssl.TLSVersion.TLSv1_2


def test_says_that_the_folder_is_no_good(tmp_path: Path) -> None:
    """A folder that cannot be written is one clear error."""
    (tmp_path / "file").write_text("")

    with pytest.raises(UnavailableError, match="certificate of vm"):
        certificate.identity("vm", str(tmp_path / "file"))


def test_own_certificate_is_used(tmp_path: Path) -> None:
    """The user's key and certificate serve as they are, and nothing is made beside them."""
    certificate.identity("mine", str(tmp_path))
    own = tmp_path / "winrm.pem"

    identity = certificate.identity("vm", "", own=str(own))

    assert x509.load_der_x509_certificate(identity.certificate) == kept(tmp_path)


@pytest.mark.parametrize("text", [None, "", "garbage"])
def test_says_that_the_own_certificate_is_no_good(tmp_path: Path, text: str | None) -> None:
    """A file that is not there or holds no key and certificate is one clear error that names it."""
    if text is not None:
        (tmp_path / "own.pem").write_text(text)

    with pytest.raises(InvalidInputError, match=r"own\.pem: no key and certificate in PEM"):
        certificate.identity("vm", "", own=str(tmp_path / "own.pem"))


def test_says_that_the_clients_certificates_are_no_good(tmp_path: Path) -> None:
    """So is a file of clients' certificates that holds none."""
    (tmp_path / "clients.pem").write_text("garbage")

    with pytest.raises(InvalidInputError, match=r"clients\.pem: no certificates in PEM"):
        certificate.identity("vm", "", clients=str(tmp_path / "clients.pem"))
