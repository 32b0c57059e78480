"""The WinRM channel, against a real listener."""

import asyncio
import warnings

import pytest
from urllib3.exceptions import InsecureRequestWarning

from emulator.channels import winrm
from emulator.channels.base import Outcome
from emulator.channels.winrm import Transport
from emulator.errors import PeerError
from emulator.net.listener import bind
from tests.windows_vm import Vm, windows_vm

pytestmark = pytest.mark.network


async def run(vm: Vm, command: str, *, password: str = "", transport: Transport = "ntlm") -> Outcome:
    """Run a command on the VM as its user."""
    settings = vm.settings
    return await winrm.run(
        vm.url, settings.username, password or settings.password, command, timeout=20, transport=transport
    )


@pytest.mark.parametrize("transport", ["ntlm", "basic"])
async def test_brings_back_all_of_it(transport: Transport) -> None:
    """Output, errors and exit code come back, by both logins."""
    async with windows_vm() as vm:
        outcome = await run(vm, "echo hi & echo oops>&2& exit 7", transport=transport)

    assert outcome == Outcome(7, b"hi \r\n", b"oops\r\n")


@pytest.mark.parametrize("transport", ["ntlm", "basic"])
async def test_says_that_the_password_is_wrong(transport: Transport) -> None:
    """A rejected login is told as one."""
    async with windows_vm() as vm:
        with pytest.raises(PeerError, match="rejected the user name or password"):
            await run(vm, "ver", password="wrong", transport=transport)


async def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies and certificate bundles of the environment are ignored."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    async with windows_vm() as vm:
        assert (await run(vm, "exit 3")).exit_code == 3


async def test_warns_nobody_and_hides_no_warning_of_others() -> None:
    """No warning is shown, and the process's own requests go on to be warned of."""
    async with windows_vm() as vm:
        await run(vm, "ver")

    assert InsecureRequestWarning not in [category for _, _, category, _, _ in warnings.filters]


async def test_says_that_nobody_listens() -> None:
    """A refused connection is one sentence."""
    with bind("127.0.0.1", 0) as closed:
        url = f"https://127.0.0.1:{closed.getsockname()[1]}/wsman"
        with pytest.raises(PeerError, match=r"cannot be reached: .*refused"):
            await winrm.run(url, "packer", "secret", "ver", timeout=5)


async def test_gives_up_in_time() -> None:
    """A listener that says nothing costs the timeout, not more."""
    with bind("127.0.0.1", 0) as silent:
        silent.listen()
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/wsman"
        started = asyncio.get_running_loop().time()
        with pytest.raises(PeerError):
            await winrm.run(url, "packer", "secret", "ver", timeout=1)

    assert asyncio.get_running_loop().time() - started < 4
