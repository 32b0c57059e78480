"""Image builds over the composed channel, with real OpenSSH and a container's own shell at its end."""

import asyncio
import json
import uuid
from pathlib import Path

import pytest

from emulator.app.building import Order, carried_out, template_of
from emulator.app.remote_site import site_of
from emulator.build.plan import plan_of
from emulator.build.report import Result
from tests.builds import linux, powershell, shell, windows
from tests.containers.clients import control
from tests.containers.stack import Stack, docker
from tests.real_templates import MIRROR, mirrored, values_for
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


async def built_over(stack: Stack, name: str, folder: Path) -> Result:
    """One of Azure's quick starts, built over a composed channel."""
    template = template_of(mirrored(name), values_for(name))
    site = await asyncio.to_thread(site_of, control(stack), template)
    order = Order(template, plan_of(template), (MIRROR,))
    return await carried_out(order, site, site.world, folder)


@pytest.mark.parametrize("name", ["__existingVNETLinux.json", "__existingVNETWindows.json"])
async def test_quick_starts(stack: Stack, tmp_path: Path, name: str) -> None:
    """The quick starts for an existing network are built over it, their scripts from the mirror."""
    result = await built_over(stack, name, tmp_path)

    assert result.succeeded, (str(result.failure), result.failure and result.failure.output)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_quick_starts_without_a_network(built: Stack, tmp_path: Path) -> None:
    """Those without a network of their own, Linux and Windows, are built in public-ip."""
    names = (
        "__helloImageTemplateLinux.json",
        "__helloImageTemplateMsi.json",
        "__helloImageTemplateforSIGfromSIG.json",
        "__helloImageTemplateforReCustomization.json",
        "__helloImageTemplateWin.json",
        "__helloImageTemplateforSIGfromWinSIG.json",
    )
    with built.beside("builds", AIB_EMULATOR_TOPOLOGY="public-ip").running() as stack:
        for name in names:
            result = await built_over(stack, name, tmp_path / name)
            assert result.succeeded, (name, str(result.failure), result.failure and result.failure.output)


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
