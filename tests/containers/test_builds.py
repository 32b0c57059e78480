"""Image builds over the composed channel, with real OpenSSH and a container's own shell at its end."""

import asyncio
import json
import uuid
from pathlib import Path

import pytest

from emulator.app.building import Order, carried_out
from emulator.app.remote_site import site_of
from emulator.build.plan import plan_of
from emulator.build.report import Result
from tests.builds import linux, powershell, shell, windows
from tests.containers.clients import control
from tests.containers.stack import Stack, docker
from tests.templates import loaded

pytestmark = [
    pytest.mark.containers,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("containers"),
    pytest.mark.filterwarnings("ignore:Unverified HTTPS"),
]
DOCUMENTS = {
    "linux": linux(shell("echo hello from $(id -un)", "sudo touch /opt/made")),
    "windows": windows(powershell('Write-Host "x=$(1 + 2)"')),
}


def log_of(result: Result) -> str:
    """The log of a build."""
    return Path(result.log).read_text()


@pytest.mark.parametrize("system", DOCUMENTS)
async def test_builds(stack: Stack, tmp_path: Path, system: str) -> None:
    """A template of each system is built, its log and its changed files are there, and nothing is left deployed."""
    template = loaded(DOCUMENTS[system])
    asked = control(stack)
    site = await asyncio.to_thread(site_of, asked, template)
    result = await carried_out(Order(template, plan_of(template)), site, site.world, tmp_path)
    builds = (await asyncio.to_thread(asked.status))["builds"]

    assert result.succeeded, (result.failure, json.dumps(result.as_json()))
    assert {"linux": "hello from packer", "windows": "x=3"}[system] in log_of(result)
    assert [each["state"] for each in builds if each["build"] in result.log] == ["done"]
    if system == "linux":
        assert "/opt/made" in (result.changes or ())


async def test_output_is_an_image(stack: Stack, tmp_path: Path) -> None:
    """`output` makes an image of the build VM, in which what customizers made is."""
    template = loaded(linux(shell("echo kept | sudo tee /opt/kept")))
    asked = control(stack)
    site = await asyncio.to_thread(site_of, asked, template)
    name = f"aib-test-output-{uuid.uuid4().hex}"
    order = Order(template, plan_of(template), output=name)
    result = await carried_out(order, site, site.world, tmp_path)
    try:
        kept = docker("run", "--rm", "--network", "none", "--entrypoint", "cat", name, "/opt/kept").stdout
    finally:
        docker("image", "rm", "--force", name)

    assert result.succeeded, result.failure
    assert result.image.startswith("sha256:")
    assert kept == "kept\n"
