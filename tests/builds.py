"""Image templates for builds in the default world, in each topology, and what a machine must have for them."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from emulator.machines.sandbox.host import probe_sandbox
from emulator.model.default_world import BUILD_SUBNET, CONTAINER_SUBNET
from emulator.model.ids import SUBSCRIPTION
from tests.templates import document

SANDBOX = asyncio.run(probe_sandbox())
needs_sandbox = pytest.mark.skipif(SANDBOX is not None, reason=f"no sandbox runs scripts here: {SANDBOX}")
NETWORKS: Mapping[str, Mapping[str, str]] = {
    "existing-vnet": {"subnetId": BUILD_SUBNET.text},
    "container-instance": {"subnetId": BUILD_SUBNET.text, "containerInstanceSubnetId": CONTAINER_SUBNET.text},
    "public-ip": {},
}
WINDOWS = {"type": "PlatformImage", "publisher": "MicrosoftWindowsServer", "offer": "WindowsServer", "sku": "2022"}


def shell(*commands: str, **more: Any) -> dict[str, Any]:
    """A Shell step."""
    return {"type": "Shell", "inline": list(commands), **more}


def powershell(*commands: str, **more: Any) -> dict[str, Any]:
    """A PowerShell step."""
    return {"type": "PowerShell", "inline": list(commands), **more}


def linux(*steps: Mapping[str, Any], topology: str = "existing-vnet", **properties: Any) -> dict[str, Any]:
    """The document of a Linux template with these customizers, in the default world of a topology."""
    return _document(steps, topology, properties)


def windows(*steps: Mapping[str, Any], topology: str = "existing-vnet", **properties: Any) -> dict[str, Any]:
    """The same for Windows."""
    return _document(steps, topology, {"source": WINDOWS, **properties})


def _document(steps: Sequence[Mapping[str, Any]], topology: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    network = NETWORKS[topology]
    profile = {"vmProfile": {"vnetConfig": dict(network)} if network else {}}
    identity = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/images/providers/Microsoft.VirtualMachineImages"
    found = document({"customize": list(steps), "buildTimeoutInMinutes": 0, **profile, **properties})
    return {**found, "id": f"{identity}/imageTemplates/hello"}
