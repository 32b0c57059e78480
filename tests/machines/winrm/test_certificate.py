"""The listener's certificate."""

import datetime
import hashlib
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from emulator.errors import UnavailableError
from emulator.machines.winrm import certificate


def kept(folder: Path) -> x509.Certificate:
    """The certificate in a folder."""
    text = (folder / "winrm.pem").read_text()
    return x509.load_pem_x509_certificate(text[text.index("-----BEGIN CERT") :].encode())


def test_is_as_azures(tmp_path: Path) -> None:
    """Self-signed RSA-2048, CN name.cloudapp.net, for servers, a day long, no alternative names."""
    certificate.context("vm", str(tmp_path))

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
    certificate.context("vm", str(tmp_path / "new"))

    assert [path.name for path in (tmp_path / "new").iterdir()] == ["winrm.pem"]
    assert (tmp_path / "new" / "winrm.pem").stat().st_mode & 0o777 == 0o600


def test_is_kept_for_its_name(tmp_path: Path) -> None:
    """The same name finds its certificate again; another name gets its own."""
    first = certificate.context("vm", str(tmp_path))[1]

    assert certificate.context("vm", str(tmp_path))[1] == first
    assert certificate.context("other", str(tmp_path))[1] != first


@pytest.mark.parametrize("damage", ["", "garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_damaged_file_is_replaced(tmp_path: Path, damage: str) -> None:
    """A file that cannot be used is made anew."""
    (tmp_path / "winrm.pem").write_text(damage)

    certificate.context("vm", str(tmp_path))

    assert kept(tmp_path).subject.rfc4514_string() == "CN=vm.cloudapp.net"


def test_bindings_are_the_certificates_hash(tmp_path: Path) -> None:
    """Channel bindings name the certificate that the listener shows."""
    tls, bindings = certificate.context("vm", str(tmp_path))
    der = ssl.PEM_cert_to_DER_cert((tmp_path / "winrm.pem").read_text().partition("-----END PRIVATE KEY-----\n")[2])

    assert bindings == b"tls-server-end-point:" + hashlib.sha256(der).digest()
    assert tls.minimum_version == ssl.TLSVersion.TLSv1_2


def test_says_that_the_folder_is_no_good(tmp_path: Path) -> None:
    """A folder that cannot be written is one clear error."""
    (tmp_path / "file").write_text("")

    with pytest.raises(UnavailableError, match="certificate of vm"):
        certificate.context("vm", str(tmp_path / "file"))
