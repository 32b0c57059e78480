"""pypsrp against the Windows build VM: every login, sealed or not."""

import asyncio
import hashlib
import os
import random
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from pypsrp.client import Client
from pypsrp.complex_objects import ObjectMeta, PSInvocationState
from pypsrp.powershell import PowerShell, RunspacePool

from emulator.machines.settings import WinrmSettings
from tests.windows_vm import Vm, free_port, windows_vm

pytestmark = pytest.mark.network
HERE = Path(__file__).parent


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


Found = TypeVar("Found")


def quietly(work: Callable[[], Found]) -> Found:
    """Let a client work without the warnings of its libraries."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return work()


async def test_execute_ps() -> None:
    """A script's output, streams and failure arrive as PowerShell's own."""
    async with windows_vm() as vm:

        def work() -> list[tuple[str, list[str], list[str], bool]]:
            found = []
            with client(vm, "ntlm") as made:
                for script in (
                    "'a'; 1 + 2",
                    "Write-Error bad; Write-Warning w; 'on'",
                    "throw 'no'",
                    "'ran'; Get-Foo",
                ):
                    output, streams, failed = made.execute_ps(script)
                    found.append((output, [str(e) for e in streams.error], [str(w) for w in streams.warning], failed))
            return found

        good, partly, thrown, unknown = await asyncio.to_thread(quietly, work)

    assert good == ("a\n3", [], [], False)
    assert partly == ("on", ["bad"], ["w"], False)
    assert (thrown[1], thrown[3]) == (["no"], True)
    assert (unknown[0], unknown[3]) == ("", True)
    assert unknown[1][0].startswith("The term 'Get-Foo' is not recognized")


FRAGMENT = 24_525
"""How many bytes of a file, as base64 in a message, fill one fragment; 24,558 more fill another."""


@pytest.mark.parametrize(
    "size", [0, 1, 2, 3, FRAGMENT, FRAGMENT + 1, FRAGMENT + 24_558, FRAGMENT + 24_559, 1_000_000]
)
async def test_copy_and_fetch(size: int, tmp_path: Path) -> None:
    """A file of any size arrives whole and comes back equal, whether it fills its fragments or not."""
    content = random.Random(size).randbytes(size)
    (tmp_path / "source").write_bytes(content)
    async with windows_vm() as vm:

        def work() -> str:
            with client(vm, "ntlm") as made:
                path: str = made.copy(str(tmp_path / "source"), "C:\\Windows\\Temp\\a b.bin")
                made.fetch(path, str(tmp_path / "target"))
                return path

        assert await asyncio.to_thread(quietly, work) == "C:\\Windows\\Temp\\a b.bin"

    assert (tmp_path / "target").read_bytes() == content


@pytest.mark.parametrize("beyond", [-1, 0, 1])
async def test_copy_of_what_fills_an_envelope(beyond: int, tmp_path: Path) -> None:
    """A file that just fits into two of the client's envelopes arrives whole, and so do its neighbours."""
    async with windows_vm() as vm:

        def work() -> tuple[bytes, bytes]:
            with client(vm, "ntlm") as made:
                with RunspacePool(made.wsman):
                    size = int((made.wsman.max_payload_size - 82) / 4 * 3) * 2 + beyond
                content = random.Random(beyond).randbytes(size)
                (tmp_path / "source").write_bytes(content)
                made.fetch(made.copy(str(tmp_path / "source"), "C:\\a.bin"), str(tmp_path / "target"))
                return content, (tmp_path / "target").read_bytes()

        content, returned = await asyncio.to_thread(quietly, work)

    assert returned == content


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_hundred_megabytes(tmp_path: Path) -> None:
    """100 MB arrive whole and come back equal, and the machine spends under a minute's CPU on both."""
    chance, total = random.Random(100), 100_000_000
    with (tmp_path / "source").open("wb") as file:
        for _ in range(100):
            file.write(chance.randbytes(total // 100))
    async with windows_vm() as vm:
        before = time.process_time()
        login = (str(vm.port), vm.settings.username, vm.settings.password)
        files = (str(tmp_path / "source"), str(tmp_path / "target"))
        # Without these the client's allocator returns to the system, and takes from it, each of its many copies.
        memory = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "4000000000", "MALLOC_ARENA_MAX": "1"}
        running = await asyncio.create_subprocess_exec(
            sys.executable, HERE / "pypsrp_files.py", *login, *files, env={"PATH": os.environ["PATH"], **memory}
        )
        assert await running.wait() == 0
        spent = time.process_time() - before

    assert digest(tmp_path / "target") == digest(tmp_path / "source")
    assert spent < 60


def digest(path: Path) -> str:
    """A file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def test_a_pool_is_left_and_taken_over() -> None:
    """A pool that its client left goes on, is listed, and gives a second client the output and the variables."""
    async with windows_vm() as vm:

        def work() -> tuple[list[object], list[object]]:
            with client(vm, "ntlm") as first, client(vm, "ntlm") as second:
                pool = RunspacePool(first.wsman)
                pool.open()
                started = PowerShell(pool)
                started.add_script("$kept = 7; 'left'")
                started.begin_invoke()
                pool.disconnect()
                first.close()
                (found,) = RunspacePool.get_runspace_pools(second.wsman)
                found.connect()
                (pipeline,) = found.create_disconnected_power_shells()
                left = pipeline.connect()  # type: ignore[no-untyped-call]
                again = PowerShell(found)
                again.add_script("$kept")
                kept = again.invoke()
                found.close()
                return left, kept

        assert await asyncio.to_thread(quietly, work) == (["left"], [7])


async def test_disconnect_and_reconnect() -> None:
    """The client that left a pool comes back to it, variables included."""
    async with windows_vm() as vm:

        def work() -> list[object]:
            with client(vm, "ntlm") as made, RunspacePool(made.wsman) as pool:
                PowerShell(pool).add_script("$kept = 7").invoke()
                pool.disconnect()
                pool.connect()
                return PowerShell(pool).add_script("$kept").invoke()

        assert await asyncio.to_thread(quietly, work) == [7]


async def test_key_exchange() -> None:
    """A secret goes there and back encrypted."""
    async with windows_vm() as vm:

        def work() -> list[object]:
            with client(vm, "ntlm") as made, RunspacePool(made.wsman) as pool:
                pool.exchange_keys()
                secret = pool.serialize("hidden", ObjectMeta("SS"))
                return PowerShell(pool).add_cmdlet("Write-Output").add_argument(secret).invoke()

        assert await asyncio.to_thread(quietly, work) == ["hidden"]


async def test_a_pipeline_is_stopped() -> None:
    """A pipeline that goes on for ever is stopped, and the pool is good for another."""
    async with windows_vm() as vm:

        def work() -> tuple[int, list[object]]:
            with client(vm, "ntlm") as made, RunspacePool(made.wsman) as pool:
                endless = PowerShell(pool)
                endless.add_script("$n = 0; while ($true) { $n++ }")
                endless.begin_invoke()
                endless.stop()
                return endless.state, PowerShell(pool).add_script("1").invoke()

        assert await asyncio.to_thread(quietly, work) == (PSInvocationState.STOPPED, [1])
