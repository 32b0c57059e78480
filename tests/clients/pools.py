"""A pool that pypsrp has opened on a Windows build VM."""

import asyncio
import warnings
from collections.abc import Callable
from typing import TypeVar

from pypsrp.client import Client
from pypsrp.host import PSHost
from pypsrp.powershell import RunspacePool

from tests.windows_vm import Vm, windows_vm

Found = TypeVar("Found")


async def in_pool(work: Callable[[RunspacePool], Found], *, most: int = 1, host: PSHost | None = None) -> Found:
    """What a client finds out in an open pool; it works in a thread."""

    def whole(vm: Vm) -> Found:
        told = {"port": vm.port, "cert_validation": False, "no_proxy": True, "auth": "ntlm"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = Client("127.0.0.1", username=vm.settings.username, password=vm.settings.password, **told)
            with made, RunspacePool(made.wsman, max_runspaces=most, host=host) as pool:
                return work(pool)

    async with windows_vm() as vm:
        return await asyncio.to_thread(whole, vm)
