"""Image builds over the composed channel, with real OpenSSH and a container's own shell at its end."""

import asyncio
import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from emulator.app.building import Order, carried_out, template_of
from emulator.app.remote_site import site_of
from emulator.build.plan import plan_of
from emulator.build.report import Result
from tests.builds import linux, powershell, shell, windows
from tests.containers.clients import control
from tests.containers.stack import Stack, docker, settings_folder
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


async def build(stack: Stack, document: dict[str, Any], folder: Path, **more: Any) -> Result:
    """A build over a composed channel."""
    template = loaded(document)
    site = await asyncio.to_thread(site_of, control(stack), template)
    assert site.doubts == ()
    return await carried_out(Order(template, plan_of(template), **more), site, site.world, folder)


@pytest.mark.parametrize("system", DOCUMENTS)
async def test_builds(stack: Stack, tmp_path: Path, system: str) -> None:
    """A template of each system is built, its log and its changed files are there, and nothing is left deployed.

    Its machine was another container, and so is the one after it: at the same address, and still Compose's own.
    """
    before = stack.containers(f"build-{system}")
    result = await build(stack, DOCUMENTS[system], tmp_path)
    (after,) = stack.containers(f"build-{system}")
    stack.up()
    builds = (await asyncio.to_thread(control(stack).status))["builds"]

    assert result.succeeded, (result.failure, json.dumps(result.as_json()))
    assert {"linux": "hello from packer", "windows": "x=3"}[system] in log_of(result)
    assert [each["state"] for each in builds if each["build"] in result.log] == ["done"]
    assert after not in before
    assert stack.address(f"build-{system}", "build") == f"{stack.build_net}.{ {'linux': 8, 'windows': 9}[system] }"
    assert stack.containers(f"build-{system}") == [after]
    if system == "linux":
        assert "/opt/made" in (result.changes or ())


async def test_a_machine_that_others_changed_is_made_anew(stack: Stack, tmp_path: Path) -> None:
    """What was done to the build VM before a build, or what a build did, is on neither the next nor the one after."""
    stack.run("build-linux", "touch", "/opt/left")
    result = await build(stack, linux(shell("test ! -e /opt/left", "sudo touch /opt/made", "exit 3")), tmp_path)

    assert result.failure is not None
    assert "non-zero exit status: 3" in result.failure.said
    assert stack.run("build-linux", "ls", "/opt").stdout == ""


async def built_over(stack: Stack, name: str, folder: Path) -> Result:
    """One of Azure's quick starts, built over a composed channel."""
    values = {**values_for(name), **({"packagesToInstall": "python3"} if "devOps" in name else {})}
    template = template_of(mirrored(name), values)
    site = await asyncio.to_thread(site_of, control(stack), template)
    order = Order(template, plan_of(template), (MIRROR,))
    return await carried_out(order, site, site.world, folder)


@pytest.mark.parametrize("name", ["__existingVNETLinux.json", "__existingVNETWindows.json"])
async def test_quick_starts(quick: Stack, tmp_path: Path, name: str) -> None:
    """The quick starts for an existing network are built over it, their scripts from the mirror."""
    result = await built_over(quick, name, tmp_path)

    assert result.succeeded, (str(result.failure), result.failure and result.failure.output)


INLINE = (
    "__helloImageTemplateforSIGfromSIG.json",
    "__helloImageTemplateforReCustomization.json",
    "__devOpsEnvTemplate.json",
    "__helloImageTemplateforSIGfromWinSIG.json",
)
WITH_SCRIPTS = (
    "__helloImageTemplateLinux.json",
    "__helloImageTemplateforSIG.json",
    "__helloImageTemplateMsi.json",
    "__helloImageTemplate.json",
    "__helloImageTemplateWin.json",
    "__armTemplateWinSIG.json",
)
QUICK = "time_scale: 10\n"
ISOLATED = f"{QUICK}switches: {{isolated_builds: true}}\n"


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("topology", "settings", "names"),
    [("public-ip", QUICK, (*INLINE, *WITH_SCRIPTS)), ("container-instance", ISOLATED, INLINE)],
    ids=["public-ip", "isolated"],
)
async def test_quick_starts_without_a_network(
    built: Stack, tmp_path: Path, topology: str, settings: str, names: Sequence[str]
) -> None:
    """Those without a network of their own are built in public-ip, and by `isolated_builds` beside a container."""
    folder = settings_folder(tmp_path, settings)
    more = {"AIB_EMULATOR_TOPOLOGY": topology, "AIB_EMULATOR_CONFIG_FOLDER": str(folder)}
    with built.beside("builds", **more).running() as stack:
        for name in names:
            result = await built_over(stack, name, tmp_path / name)
            assert result.succeeded, (name, str(result.failure), result.failure and result.failure.output)


async def test_output_is_an_image(stack: Stack, tmp_path: Path) -> None:
    """`output` makes an image of the build VM, in which what customizers made is."""
    name = f"aib-test-output-{uuid.uuid4().hex}"
    result = await build(stack, linux(shell("echo kept | sudo tee /opt/kept")), tmp_path, output=name)
    try:
        kept = docker("run", "--rm", "--network", "none", "--entrypoint", "cat", name, "/opt/kept").stdout
    finally:
        docker("image", "rm", "--force", name)

    assert result.succeeded, result.failure
    assert result.image.startswith("sha256:")
    assert kept == "kept\n"
