"""pypsrp against the Windows build VM: every login, sealed or not."""

import asyncio
import warnings

import pytest
from pypsrp.client import Client

from emulator.machines.settings import WinrmSettings
from tests.windows_vm import Vm, free_port, windows_vm

pytestmark = pytest.mark.network


def client(vm: Vm, auth: str, **settings: object) -> Client:
    """A pypsrp client; a build VM's certificate never matches."""
    told = {"port": vm.port, "cert_validation": False, "no_proxy": True, "auth": auth, **settings}
    return Client("127.0.0.1", username=vm.settings.username, password=vm.settings.password, **told)


def execute(vm: Vm, auth: str, **settings: object) -> tuple[str, str, int]:
    """A command's output, errors and exit code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with client(vm, auth, **settings) as made:
            output: tuple[str, str, int] = made.execute_cmd("echo a&echo b>&2&exit 5")
    return output


NINE = [
    # Over HTTPS each of four logins works open, and those that can seal work sealed; over HTTP only sealed.
    ("https", "basic", "auto"),
    ("https", "ntlm", "auto"),
    ("https", "ntlm", "always"),
    ("https", "negotiate", "auto"),
    ("https", "negotiate", "always"),
    ("https", "credssp", "auto"),
    ("https", "credssp", "always"),
    ("http", "negotiate", "auto"),
    ("http", "credssp", "auto"),
]


@pytest.mark.parametrize(("scheme", "auth", "encryption"), NINE)
async def test_execute_cmd(scheme: str, auth: str, encryption: str) -> None:
    """A command's output, errors and exit code arrive by each of the nine combinations."""
    port = free_port()
    async with windows_vm(winrm=WinrmSettings(http=f"127.0.0.1:{port}")) as vm:
        way = {"ssl": False, "port": port} if scheme == "http" else {}
        result = await asyncio.to_thread(execute, vm, auth, encryption=encryption, **way)

    assert result == ("a\r\n", "b\r\n", 5)
