"""The clients' own suites against the build VM; what fails, and why, is in tests/README.md."""

import asyncio
import datetime
import ipaddress
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pypsrp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from emulator.machines.settings import WinrmSettings
from tests.windows_vm import windows_vm

pytestmark = [pytest.mark.network, pytest.mark.timeout(400)]


@pytest.fixture
def own_certificate(tmp_path: Path) -> Path:
    """A key and a certificate that is valid for 127.0.0.1, since pywinrm's suite verifies it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - datetime.timedelta(hours=1))
    builder = builder.not_valid_after(now + datetime.timedelta(hours=1))
    builder = builder.add_extension(
        x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
    )
    made = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "own.pem"
    path.write_bytes(private + made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


def suite(arguments: list[str], folder: Path, **environment: str) -> tuple[int, str]:
    """The exit code of a suite, and the end of what it says."""
    kept = {"PATH": os.environ["PATH"], "HOME": str(folder), **environment}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rfX", "-c", os.devnull, "-p", "no:cacheprovider", *arguments],
        cwd=folder, env=kept, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


@pytest.mark.parametrize("transport", ["basic", "ntlm", "credssp"])
async def test_pywinrms_suite(transport: str, own_certificate: Path, tmp_path: Path) -> None:
    """All of pywinrm's integration tests pass; four are marked by pywinrm as not written yet."""
    async with windows_vm(winrm=WinrmSettings(certificate=str(own_certificate))) as vm:
        code, said = await asyncio.to_thread(
            suite,
            ["--pyargs", "winrm.tests.test_integration_protocol", "winrm.tests.test_integration_session"],
            tmp_path,
            WINRM_ENDPOINT=vm.url,
            WINRM_TRANSPORT=transport,
            WINRM_USERNAME=vm.settings.username,
            WINRM_PASSWORD=vm.settings.password,
            REQUESTS_CA_BUNDLE=str(own_certificate),
        )

    assert code == 0, said
    assert re.search(r"\b7 passed", said), said


KNOWN = {
    "test_client_copy_file_failure",
    "test_psrp_pshost_ui_mocked_methods",
    "test_psrp_pshost_raw_ui_mocked_methods",
    "test_psrp_key_exchange_timeout",
    "test_psrp_multiple_commands",
}
"""pypsrp's tests that fail; tests/README.md says why."""


def unpacked(wanted: str, folder: Path) -> Path:
    """A release's source, its tests included, from the package registry."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", "pypsrp", wanted]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    return next(path for path in folder.iterdir() if path.is_dir())


@pytest.mark.slow
async def test_pypsrps_suite(tmp_path: Path) -> None:
    """Pypsrp's whole suite, its live tests against the machine: none fails but those that are known."""
    wanted = f"pypsrp=={pypsrp.__version__}" if hasattr(pypsrp, "__version__") else "pypsrp==0.8.1"
    folder = await asyncio.to_thread(unpacked, wanted, tmp_path)
    async with windows_vm() as vm:
        _, said = await asyncio.to_thread(
            suite,
            ["tests"],
            folder,
            PYPSRP_SERVER="127.0.0.1",
            PYPSRP_PORT=str(vm.port),
            PYPSRP_AUTH="negotiate",
            PYPSRP_USERNAME=vm.settings.username,
            PYPSRP_PASSWORD=vm.settings.password,
        )

    failed = set(re.findall(r"^FAILED .*::(\w+)", said, re.MULTILINE))
    assert failed <= KNOWN, said[-3000:]
    assert re.search(r"\b3\d\d passed", said), said[-3000:]
