"""Azure's quick starts, built: those of inline commands alone, and those whose scripts a mirror folder has."""

import shutil
from pathlib import Path

import pytest

import emulator
from emulator.build.report import Result
from emulator.model.world import Topology
from tests.builds import needs_sandbox
from tests.real_templates import MIRROR, mirrored, values_for

pytestmark = [pytest.mark.network, needs_sandbox, pytest.mark.timeout(240)]
BUILDS: list[tuple[str, Topology, str]] = [
    ("__existingVNETLinux.json", "existing-vnet", "/buildArtifacts/index.html"),
    ("__helloImageTemplateLinux.json", "public-ip", "/buildArtifacts/index.html"),
    ("__helloImageTemplateforSIG.json", "public-ip", "/etc/aib/package-unattended-upgrades"),
    ("__helloImageTemplate.json", "public-ip", "/etc/aib/second"),
    ("__helloImageTemplateMsi.json", "public-ip", "/etc/aib/first"),
    ("__helloImageTemplateforSIGfromSIG.json", "public-ip", "/buildArtifacts3/imageBuilder.md"),
    ("__helloImageTemplateforReCustomization.json", "public-ip", "/buildArtifacts2/imageBuilder.md"),
    ("__existingVNETWindows.json", "existing-vnet", "C:\\buildArtifacts\\index.html"),
    ("__helloImageTemplateWin.json", "public-ip", "C:\\buildArtifacts\\azureImageBuilderRestart.txt"),
    ("__armTemplateWinSIG.json", "public-ip", "C:\\buildActions\\buildActionsOutput.txt"),
    ("__helloImageTemplateforSIGfromWinSIG.json", "public-ip", "C:\\buildActions2\\buildActionsOutput.txt"),
]


def log_of(result: Result) -> str:
    """The log of a build."""
    return Path(result.log).read_text()


@pytest.mark.parametrize(("name", "topology", "made"), BUILDS, ids=[each[0][2:-5] for each in BUILDS])
async def test_builds(tmp_path: Path, name: str, topology: Topology, made: str) -> None:
    """Built in the topology that its network leads to, it succeeds, and what it was to make is among the changes."""
    async with emulator.start(topology=topology, time_scale=30) as channel:
        result = await channel.build(mirrored(name), parameters=values_for(name), mirrors=[MIRROR], folder=tmp_path)

    assert result.succeeded, (str(result.failure), result.failure and result.failure.output)
    assert made in (result.changes or ())


@pytest.mark.skipif(not shutil.which("apt-get"), reason="this machine has no apt, and so its guest has none")
async def test_one_that_installs_packages(tmp_path: Path) -> None:
    """The quick start that installs packages by apt-get, which has no network: a package that is there already."""
    name = "__devOpsEnvTemplate.json"
    async with emulator.start(topology="public-ip") as channel:
        values = {**values_for(name), "packagesToInstall": "dpkg"}
        result = await channel.build(mirrored(name), parameters=values, folder=tmp_path)

    assert result.succeeded, (str(result.failure), result.failure and result.failure.output)
    assert "dpkg is already the newest version" in log_of(result)


async def test_isolated_builds(tmp_path: Path) -> None:
    """By the switch `isolated_builds` a template without a network is built from a container beside the machine."""
    name = "__helloImageTemplateforReCustomization.json"
    switches = {"isolated_builds": True}
    async with emulator.start(topology="container-instance", switches=switches) as channel:
        result = await channel.build(mirrored(name), parameters=values_for(name), folder=tmp_path)

    assert result.succeeded, result.failure
