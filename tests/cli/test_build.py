"""`build` as people run it."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from emulator.cli.build import running_one
from emulator.model import arm
from emulator.model.default_world import default_world
from tests.app.test_build_routes import controlled
from tests.builds import linux, needs_sandbox, shell
from tests.cli.command import Cli
from tests.real_templates import DATA, document

pytestmark = pytest.mark.network


def written(folder: Path, document: dict[str, Any]) -> str:
    """The path of a template's file."""
    (folder / "t.json").write_text(json.dumps(document))
    return str(folder / "t.json")


@needs_sandbox
def test_a_build_starts_what_it_needs(cli: Cli, tmp_path: Path) -> None:
    """Without an emulator it starts one and ends it; the result is on standard output, progress beside it."""
    done = cli("build", written(tmp_path, linux(shell("echo hello"))))

    assert done.returncode == 0, done.stderr
    assert "Succeeded: hello, 1 customizers, 0 validators" in done.stdout
    assert "run output out: /subscriptions/" in done.stdout
    assert "azure-arm: hello" in done.stderr
    assert cli.note() is None


@needs_sandbox
def test_a_failing_customizer_is_exit_code_1(cli: Cli, tmp_path: Path) -> None:
    """Its output, its place in the template and the log's path are told."""
    done = cli("build", written(tmp_path, linux(shell("echo oops; exit 5", name="bad"))))

    assert done.returncode == 1
    assert "properties.customize[0] (bad): Script exited with non-zero exit status: 5" in done.stdout
    assert "| ==> azure-arm: " in done.stdout
    log = done.stdout.partition("log: ")[2].strip()
    assert "azure-arm: oops" in Path(log).read_text()


def test_bad_input_is_exit_code_2_and_deploys_nothing(cli: Cli, tmp_path: Path) -> None:
    """One line a finding, all at once, and no emulator was started."""
    done = cli("build", written(tmp_path, linux({"type": "Shell"}, {"type": "Ansible"})))

    assert done.returncode == 2
    assert len([line for line in done.stderr.splitlines() if ": properties.customize[" in line]) == 2
    assert not (cli.home / "running.json").exists()


@needs_sandbox
def test_over_a_running_emulator(cli: Cli, tmp_path: Path) -> None:
    """The build goes over the emulator that runs, whose status then names it."""
    assert cli("up", "--detach").returncode == 0
    result = cli.json("build", written(tmp_path, linux(shell("echo hello"))), "--json")
    (build,) = cli.json("status", "--json")["builds"]

    assert result["lastRunStatus"]["runState"] == "Succeeded"
    assert build["stagingResourceGroup"] == result["stagingResourceGroup"]
    assert build["state"] == "done"


@needs_sandbox
def test_a_killed_build_is_named_and_cleared_by_the_next_command(cli: Cli, tmp_path: Path) -> None:
    """SIGKILL half way: the next command says what is left, deletes it, and the one after has nothing to say."""
    assert cli("up", "--detach").returncode == 0
    with cli.started("build", written(tmp_path, linux(shell("echo sleeping; sleep 600")))) as build:
        assert build.stderr
        for line in build.stderr:
            if "sleeping" in line:
                break
        os.kill(build.pid, signal.SIGKILL)
        build.wait()
    first, second = cli("status", "--json"), cli("status", "--json")
    (left,) = json.loads(first.stdout)["builds"]

    assert f"the build of hello (process {build.pid}) was killed; what it had deployed in IT_" in first.stderr
    assert [each["type"].rpartition("/")[2] for each in left["resources"]] == ["resourceGroups", "storageAccounts"]
    assert "killed" not in second.stderr


@needs_sandbox
def test_ctrl_c_leaves_nothing(cli: Cli, tmp_path: Path) -> None:
    """Interrupted it is torn down, says so by its code, and no note or emulator is left."""
    with cli.started("build", written(tmp_path, linux(shell("echo sleeping; sleep 600")))) as build:
        assert build.stderr
        for line in build.stderr:
            if "sleeping" in line:
                break
        os.kill(build.pid, signal.SIGINT)
        _, said = build.communicate(timeout=120)  # its last words must not fill the pipe
    after = cli("status")

    assert build.returncode == 130
    assert "Canceled: what was deployed is deleted" in said
    assert list(Path(said.partition("below ")[2].strip()).rglob("customization.log"))
    assert cli.note() is None
    assert "killed" not in after.stderr


def test_a_source_that_cannot_be_had_leaves_nothing(cli: Cli, tmp_path: Path) -> None:
    """Refused because of its sources: exit 2, and no note, log or empty folder of it is there."""
    step = {"type": "Shell", "scriptUri": f"file://{tmp_path}/none.sh"}
    done = cli("build", written(tmp_path, linux(step)), "--time-scale", "60")

    assert done.returncode == 2
    assert "properties.customize[0].scriptUri: found file://" in done.stderr
    assert not (cli.home / "builds").exists()
    assert cli.note() is None


async def test_a_composed_emulator_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where none runs from the state folder, a build goes over the one that Compose publishes."""
    monkeypatch.setenv("AIB_EMULATOR_HOME", str(tmp_path))
    async with controlled() as (_, control):
        monkeypatch.setattr("emulator.control.client.PUBLISHED", control.url)
        during = await asyncio.to_thread(running_one, None)
    after = await asyncio.to_thread(running_one, None)

    assert during is not None
    assert during.url == control.url
    assert after is None


def test_parameters_and_mirrors_are_checked(cli: Cli, tmp_path: Path) -> None:
    """Options that mean nothing are told what they should be."""
    file = written(tmp_path, linux(shell("a")))

    assert "expected NAME=VALUE or @FILE" in cli("build", file, "-p", "x").stderr
    assert "found no 'x', expected one of (none)" in cli("build", file, "-p", "x=1").stderr
    assert "expected URL=DIR" in cli("build", file, "--mirror", "x").stderr


@needs_sandbox
def test_the_readme_s_three_commands(cli: Cli, tmp_path: Path) -> None:
    """A quick start of Azure's is refused as it stands, and built with the values of a file."""
    template = tmp_path / "template.json"
    template.write_text(json.dumps(document("__helloImageTemplateforReCustomization.json")))
    first = cli("build", str(template))
    second = cli("build", str(template), "-p", f"@{DATA / 'values.json'}")

    assert first.returncode == 2
    assert f"error: {template}: properties.source.imageId: found <subscriptionID>, expected a value" in first.stderr
    assert "`-p subscriptionID=VALUE` fills it" in first.stderr
    assert second.returncode == 0, second.stderr
    assert "changed /buildArtifacts2/imageBuilder.md" in second.stdout


def test_files_of_values_are_checked(cli: Cli, tmp_path: Path) -> None:
    """A file that is not there, or holds something else, is told; Azure's parameter files and plain ones are read."""
    file = written(tmp_path, {**linux(shell("a")), "location": "<where>"})
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "azure.json").write_text('{"parameters": {"where": {"value": "<still>"}, "spare": {"value": "x"}}}')

    assert "cannot be read" in cli("build", file, "-p", f"@{tmp_path}/none.json").stderr
    assert "expected names and values" in cli("build", file, "-p", f"@{tmp_path}/list.json").stderr
    assert "location: found <still>" in cli("build", file, "-p", f"@{tmp_path}/azure.json").stderr


@needs_sandbox
def test_a_deleted_template_takes_groups_and_logs_with_it(cli: Cli, tmp_path: Path) -> None:
    """Staging groups and logs stay until `--delete`, and then nothing of the template is there."""
    assert cli("up", "--detach").returncode == 0
    file = written(tmp_path, linux(shell("true")))
    log = Path(cli.json("build", file, "--json")["log"])
    before = log.exists(), len(cli.json("status", "--json")["builds"])
    done = cli("build", file, "--delete")
    after = log.exists(), len(cli.json("status", "--json")["builds"])

    assert done.returncode == 0, done.stderr
    assert (before, after) == ((True, 1), (False, 0))


def test_preconditions_are_told_before_anything_starts(cli: Cli, tmp_path: Path) -> None:
    """A subnet that takes no private link service: ARM's code and the command that mends it, and no emulator."""
    network = arm.dump(default_world().networks[0])
    network["properties"]["subnets"][0]["properties"]["privateLinkServiceNetworkPolicies"] = "Enabled"
    (tmp_path / "network.json").write_text(json.dumps(network))
    done = cli("build", written(tmp_path, linux(shell("true"))), "-r", str(tmp_path / "network.json"))

    assert done.returncode == 2
    assert "PrivateLinkServiceCannotBeCreatedInSubnetThatHasNetworkPoliciesEnabled" in done.stderr
    assert "az network vnet subnet update" in done.stderr
    assert cli.note() is None
