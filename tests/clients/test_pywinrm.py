"""pywinrm against the Windows build VM: every login, sealed or not."""

import asyncio
import datetime
import warnings
from pathlib import Path

import pytest
import winrm
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from emulator.machines.settings import WinrmSettings
from tests.windows_vm import Vm, free_port, windows_vm

pytestmark = pytest.mark.network


def ver(url: str, vm: Vm, transport: str, **settings: object) -> bytes:
    """What the command `ver` says, asked by pywinrm."""
    login = (vm.settings.username, vm.settings.password)
    session = winrm.Session(
        url, auth=login, transport=transport, server_cert_validation="ignore", proxy="", **settings
    )
    with warnings.catch_warnings():
        # requests-credssp's door to pyOpenSSL and urllib3's word on certificates are not ours to mend.
        warnings.simplefilter("ignore")
        output: bytes = session.run_cmd("ver").std_out
    return output


@pytest.mark.parametrize(
    ("transport", "sealing"),
    [("basic", "auto"), ("ntlm", "auto"), ("ntlm", "always"), ("credssp", "auto"), ("credssp", "always")],
)
async def test_over_tls(transport: str, sealing: str) -> None:
    """Each login works over HTTPS, and each that can seal its messages works sealed."""
    async with windows_vm() as vm:
        said = await asyncio.to_thread(ver, vm.url, vm, transport, message_encryption=sealing)

    assert b"Microsoft Windows [Version 10.0" in said


@pytest.mark.parametrize("transport", ["ntlm", "credssp"])
async def test_over_http(transport: str) -> None:
    """Without TLS, sealed messages work."""
    port = free_port()
    async with windows_vm(winrm=WinrmSettings(http=f"127.0.0.1:{port}")) as vm:
        said = await asyncio.to_thread(ver, f"http://127.0.0.1:{port}/wsman", vm, transport)

    assert b"Microsoft Windows" in said


async def test_http_takes_nothing_open() -> None:
    """Without TLS, neither Basic nor a message that is not sealed is taken."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/wsman"
    async with windows_vm(winrm=WinrmSettings(http=f"127.0.0.1:{port}")) as vm:
        with pytest.raises(winrm.exceptions.InvalidCredentialsError):
            await asyncio.to_thread(ver, url, vm, "basic")
        with pytest.raises(winrm.exceptions.WinRMError, match="Unencrypted traffic"):
            await asyncio.to_thread(ver, url, vm, "ntlm", message_encryption="never")


@pytest.mark.parametrize(("schemes", "transport"), [(("basic",), "ntlm"), (("negotiate",), "basic")])
async def test_only_what_is_offered(schemes: tuple[str, ...], transport: str) -> None:
    """A host that offers only one login refuses the other, though the password is right."""
    async with windows_vm(winrm=WinrmSettings(schemes=schemes)) as vm:  # type: ignore[arg-type]
        with pytest.raises(winrm.exceptions.InvalidCredentialsError):
            await asyncio.to_thread(ver, vm.url, vm, transport)


def client_certificate() -> bytes:
    """A key and a self-signed certificate of a client, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "packer")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - datetime.timedelta(hours=1))
    made = builder.not_valid_after(now + datetime.timedelta(hours=1)).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + made.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def pem(tmp_path: Path) -> str:
    """The file of a client's key and certificate."""
    (tmp_path / "client.pem").write_bytes(client_certificate())
    return str(tmp_path / "client.pem")


async def test_certificates(pem: str) -> None:
    """A client certificate that is mapped to the account logs in; the same client without it does not."""
    async with windows_vm(winrm=WinrmSettings(client_certificates=pem)) as vm:
        said = await asyncio.to_thread(ver, vm.url, vm, "certificate", cert_pem=pem, cert_key_pem=pem)
        assert b"Microsoft Windows" in said
        assert b"Microsoft Windows" in await asyncio.to_thread(ver, vm.url, vm, "ntlm")
