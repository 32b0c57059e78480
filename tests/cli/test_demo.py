"""`demo`: each step ends as it must, whatever this machine allows."""

import re
from pathlib import Path

import pytest

from tests.cli.command import Cli

pytestmark = pytest.mark.network


@pytest.mark.parametrize("guest", ["auto", "builtin"])
def test_the_demo_tells_its_story(cli: Cli, tmp_path: Path, guest: str) -> None:
    """It carries commands, breaks both segments, explains each by its rule, draws a picture, leaves no state."""
    picture = tmp_path / "demo.svg"
    done = cli("demo", "--guest", guest, "--svg", str(picture))
    told = " ".join(done.stdout.split())

    assert done.returncode == 0, done.stdout + done.stderr
    assert "10.60.0.6" in told
    assert "Microsoft Windows [Version" in told
    assert "denied inbound by rule DenyProxyFromPrivateLink (priority 300)" in told
    assert "denied inbound by rule DenySshFromProxy (priority 300)" in told
    assert re.search(r"heard nothing for [34]\.\d s", told)
    assert ("built-in guest" in told) >= (guest == "builtin")
    assert "AzureImageBuilderNsgRule" in picture.read_text()
    assert "url(http" not in picture.read_text()
    assert not cli.home.exists()
