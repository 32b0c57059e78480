"""`scripts/export-network`: one JSON file a kind, all or nothing; `az` is a stand-in that prints a known export."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emulator import load_world

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "export-network"
EXPORT = ROOT / "tests" / "data" / "export" / "cli"
FILES = {path.name: path.read_text("utf-8") for path in EXPORT.glob("*.json")}
TOOLS = ("sed", "grep", "sort", "mkdir", "mv", "rm", "rmdir")
SHELLS = [shell for shell in ("sh", "bash", "dash", "busybox") if shutil.which(shell)]
SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
TENANT = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
OTHER_GUID = "77777777-bbbb-cccc-dddd-eeeeeeeeeeee"
STAGING = "IT_rg-images_tpl-ubuntu_0f0f0f0f-0000-4000-8000-000000000001"
GROUPS = {"rg-network", "rg-hub", "rg-images", STAGING}
ACCOUNT = {"id": SUBSCRIPTION, "tenantId": TENANT, "user": {"name": "alice@contoso.example", "type": "user"}}
SERVICE_TAGS = {"name": "Public", "values": []}
COMMANDS = {
    "network vnet list": "vnets.json",
    "network nsg list": "nsgs.json",
    "network asg list": "asgs.json",
    "network route-table list": "route-tables.json",
    "network nic list": "nics.json",
    "network lb list": "load-balancers.json",
    "network private-link-service list": "private-link-services.json",
    "network private-endpoint list": "private-endpoints.json",
    "network public-ip list": "public-ips.json",
    "network nat gateway list": "nat-gateways.json",
    "vm list": "vms.json",
    "role definition list": "role-definitions.json",
    "role assignment list": "role-assignments.json",
    "image builder list": "image-templates.json",
}
STAND_IN = r"""#!/bin/sh
# az, as far as it is asked: prints answers/COMMAND or answers/COMMAND@GROUP, complains with refusals/COMMAND.
here=${0%/*}
printf '%s\n' "$*" >>"$here/calls"
command='' group='' previous=''
for word; do
    case $word in -*) break ;; esac
    command="$command${command:+ }$word"
done
for word; do
    case $previous in --resource-group | --name) group=@$word ;; esac
    previous=$word
done
if [ -e "$here/refusals/$command" ]; then
    sed '1s/^/ERROR: /' "$here/refusals/$command" >&2
    exit 1
fi
sed '' "$here/answers/$command$group" 2>/dev/null && exit
echo "ERROR: (ResourceGroupNotFound) no answer to $*" >&2
exit 3
"""


@dataclass(frozen=True, slots=True)
class Azure:
    """A command line on which `az` is the stand-in and only a few tools are found."""

    home: Path
    shell: str = "sh"

    @property
    def folder(self) -> Path:
        return self.home / "a folder" / "export"

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.interpreter, str(SCRIPT), *arguments],
            env={"PATH": str(self.home / "bin"), "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
        )

    @property
    def interpreter(self) -> list[str]:
        found = str(shutil.which(self.shell))
        return [found, "sh"] if self.shell == "busybox" else [found]

    def export(self, *options: str) -> dict[str, str]:
        """What the files of the folder hold after an export that must succeed."""
        done = self(*options, str(self.folder))
        assert done.returncode == 0, done.stderr
        return {path.name: path.read_text("utf-8") for path in self.folder.iterdir()}

    def answer(self, command: str, found: Any) -> None:
        """What a command prints; of a list, with a group, what is in it."""
        answers = self.home / "bin" / "answers"
        (answers / command).write_text(printed(found), "utf-8")
        if isinstance(found, list):
            for group in GROUPS:
                here = [each for each in found if str(each.get("resourceGroup")).lower() == group.lower()]
                (answers / f"{command}@{group}").write_text(printed(here), "utf-8")

    def refuse(self, command: str, complaint: str) -> None:
        """Let a command fail."""
        (self.home / "bin" / "refusals" / command).write_text(complaint + "\n")

    @property
    def calls(self) -> list[str]:
        """The command line of each call of `az`."""
        return (self.home / "bin" / "calls").read_text().splitlines()

    @property
    def left(self) -> list[str]:
        """What is beside and at the place of the folder."""
        return sorted(path.name for path in self.folder.parent.iterdir())


def printed(found: object) -> str:
    """JSON as az prints it."""
    return json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


@pytest.fixture
def azure(tmp_path: Path) -> Azure:
    """Logged in, with the known export as its subscription."""
    tools = tmp_path / "bin"
    for folder in (tools / "answers", tools / "refusals", tmp_path / "a folder"):
        folder.mkdir(parents=True)
    for tool in TOOLS:
        (tools / tool).symlink_to(str(shutil.which(tool)))
    (tools / "az").write_text(STAND_IN)
    (tools / "az").chmod(0o755)
    azure = Azure(tmp_path)
    for command, name in COMMANDS.items():
        azure.answer(command, json.loads(FILES[name]))
    azure.answer("resource list", json.loads(FILES["route-tables.json"]))
    (tools / "answers" / "network route-table list").unlink()  # az lists them with a group only
    azure.answer("resource show", {"properties": {"vmProfile": {"vnetConfig": {"subnetId": "/subnet"}}}})
    azure.answer("account show", ACCOUNT)
    azure.answer("network list-service-tags", SERVICE_TAGS)
    for group in GROUPS:
        azure.answer(f"group show@{group}", {"name": group})
    return azure


def names(text: str) -> set[str]:
    """The names of the resources in a list."""
    return {each["name"] for each in json.loads(text)}


@pytest.mark.parametrize("shell", SHELLS)
def test_the_folder_is_what_az_prints(azure: Azure, shell: str) -> None:
    """Every shell writes what az prints of the subscription, a file a kind, and needs only seven common tools."""
    done = Azure(azure.home, shell)(str(azure.folder))

    assert done.returncode == 0, done.stderr
    assert {path.name: path.read_text("utf-8") for path in azure.folder.iterdir()} == FILES
    assert azure.left == ["export"]


def test_the_folder_loads_as_the_same_network(azure: Azure) -> None:
    """What the script writes loads as the world of the export that az printed."""
    azure.export()

    assert load_world(azure.folder) == load_world(resources=EXPORT)


def test_each_file_is_told(azure: Azure) -> None:
    """Progress is one line a file on standard error with the number of resources; standard output stays free."""
    done = azure(str(azure.folder))

    lines = done.stderr.splitlines()
    assert lines[:-1] == [f"{name}: {len(json.loads(FILES[name]))}" for name in COMMANDS.values()]
    assert lines[-1] == f"{azure.folder} is written"
    assert done.stdout == ""


def test_it_only_reads(azure: Azure) -> None:
    """Every command that is given to az lists or shows."""
    azure.export("-g", "rg-network", "--staging", STAGING, "--redact", "--service-tags", "westeurope")

    verbs = {call.partition(" -")[0].split()[-1] for call in azure.calls}
    assert verbs == {"list", "show", "list-service-tags"}


def test_groups_limit_it(azure: Azure) -> None:
    """With -g there is what is in these groups, each list joined; roles are those of the subscription."""
    files = azure.export("-g", "rg-network", "--resource-group", "rg-hub", "-g", "rg-network")

    assert names(files["vnets.json"]) == {"vnet-images", "vnet-hub"}
    assert names(files["vms.json"]) == {"vm-tools", "vm-jump"}
    assert json.loads(files["load-balancers.json"]) == []
    assert names(files["route-tables.json"]) == {"rt-build"}
    assert files["role-assignments.json"] == FILES["role-assignments.json"]
    assert len(json.loads(files["vnets.json"])) == 2


def test_the_staging_group_is_added(azure: Azure) -> None:
    """--staging exports Image Builder's own group beside those of -g; all groups together are the subscription."""
    groups = [word for group in sorted(GROUPS - {STAGING}) for word in ("-g", group)]

    files = azure.export(*groups, "--staging", STAGING)

    assert {name: sorted(names(text)) for name, text in files.items()} == {
        name: sorted(names(text)) for name, text in FILES.items()
    }


def test_a_staging_group_that_is_gone_is_a_warning(azure: Azure) -> None:
    """Between runs Image Builder's group may be gone: the rest is exported, and a warning says so."""
    done = azure("-g", "rg-network", "--staging", "IT_gone", str(azure.folder))

    assert done.returncode == 0
    assert "warning: group IT_gone is left out" in done.stderr
    assert names((azure.folder / "vnets.json").read_text()) == {"vnet-images"}


def test_a_staging_group_left_out_is_told(azure: Azure) -> None:
    """If -g leaves out the group that a template builds in, a note names it."""
    left_out = azure("-g", "rg-images", str(azure.folder))
    with_it = azure("-g", "rg-images", "--staging", STAGING, str(azure.home / "with-it"))

    assert f"note: Image Builder deploys into group {STAGING}" in left_out.stderr
    assert "note:" not in with_it.stderr


def test_a_subscription_without_route_tables(azure: Azure) -> None:
    """Route tables are listed by group only; where no group has one the list is empty, not missing."""
    azure.answer("resource list", [])

    files = azure.export()

    assert json.loads(files["route-tables.json"]) == []


def test_the_subnet_of_container_instances_is_asked_for(azure: Azure) -> None:
    """What `image builder list` does not know of a template is asked for and written beside its subnet."""
    network = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v"
    subnet = f"{network}/subnets/s"
    azure.answer(
        "resource show", {"properties": {"vmProfile": {"vnetConfig": {"containerInstanceSubnetId": subnet}}}}
    )

    (template,) = json.loads(azure.export()["image-templates.json"])

    (before,) = json.loads(FILES["image-templates.json"])
    before["vmProfile"]["vnetConfig"]["containerInstanceSubnetId"] = subnet
    assert template == before


def test_redacted_it_is_the_same_network(azure: Azure) -> None:
    """With --redact no subscription, tenant or user is left, and nothing else differs: references still resolve."""
    files = azure.export("--redact")

    assert not [name for name, text in files.items() if SUBSCRIPTION in text or TENANT in text or "alice" in text]
    expected = {
        name: text.replace(SUBSCRIPTION, "00000000-0000-0000-0000-000000000001").replace(
            "alice@contoso.example", "user-1@example.com"
        )
        for name, text in FILES.items()
    }
    assert files == expected


def test_redacted_subscriptions_stay_apart(azure: Azure) -> None:
    """Each subscription and tenant has its own replacement, however its ID is written and wherever it stands."""
    other, third = "ABCDEF00-0000-0000-0000-000000000001", "99999999-9999-9999-9999-999999999999"
    networks = [
        {"id": f"/subscriptions/{other}/resourceGroups/a/providers/x/y/one", "name": "one"},
        {
            "id": f"/SUBSCRIPTIONS/{other.lower()}/resourceGroups/a/providers/x/y/two",
            "name": "two",
            "tenantId": TENANT,
        },
    ]
    azure.answer("network vnet list", networks)
    azure.answer("network private-link-service list", [{"visibility": {"subscriptions": [third, other]}}])

    files = azure.export("--redact")

    one, two = json.loads(files["vnets.json"])
    (service,) = json.loads(files["private-link-services.json"])
    (mine,) = {each["id"].split("/")[2] for each in json.loads(files["public-ips.json"])}
    its_third, its_other = service["visibility"]["subscriptions"]
    assert one["id"].split("/")[2] == two["id"].split("/")[2] == its_other
    replacements = {its_other, its_third, two["tenantId"], mine}
    assert replacements == {f"00000000-0000-0000-0000-{number:012d}" for number in range(1, 5)}


def test_redacted_users_stay_apart(azure: Azure) -> None:
    """User names are replaced where Azure puts names, mail addresses everywhere; the tags of Image Builder stay."""
    azure.answer(
        "network vnet list",
        [
            {
                "name": "one",
                "systemData": {"createdBy": "Zoë [ops]/*", "lastModifiedBy": "bob@x.example"},
                "tags": {"createdBy": "AzureVMImageBuilder", "mail": "bob@x.example, jimbob@x.example."},
            }
        ],
    )
    azure.answer("role assignment list", [{"principalName": "Zoë [ops]/*"}, {"principalName": OTHER_GUID}])

    files = azure.export("--redact")

    (network,) = json.loads(files["vnets.json"])
    zoe, service = json.loads(files["role-assignments.json"])
    assert network["systemData"]["createdBy"] == zoe["principalName"]
    bob, jimbob = network["tags"]["mail"].rstrip(".").split(", ")
    assert network["systemData"]["lastModifiedBy"] == bob
    assert len({bob, jimbob, zoe["principalName"]}) == 3
    assert all(each.startswith("user-") for each in (bob, jimbob, zoe["principalName"]))
    assert network["tags"]["createdBy"] == "AzureVMImageBuilder"
    assert service["principalName"] == OTHER_GUID


def test_service_tags_are_exported_when_asked_for(azure: Azure) -> None:
    """--service-tags adds the ranges of a location, and asks for that location."""
    files = azure.export("--service-tags", "westeurope")

    assert json.loads(files["service-tags.json"]) == SERVICE_TAGS
    assert files.keys() == FILES.keys() | {"service-tags.json"}
    assert any(call.startswith("network list-service-tags --location westeurope ") for call in azure.calls)


def test_what_may_not_be_read_is_a_warning(azure: Azure) -> None:
    """Rights that are missing cost one file: a warning names it, says why it matters and what az said."""
    azure.refuse("role assignment list", "(AuthorizationFailed) you may not\nCode: AuthorizationFailed")

    done = azure(str(azure.folder))

    assert done.returncode == 0
    assert (
        "warning: role-assignments.json is missing: whether Image Builder may join the subnet is not known; "
        "az says: (AuthorizationFailed) you may not\n"
    ) in done.stderr
    assert {path.name for path in azure.folder.iterdir()} == FILES.keys() - {"role-assignments.json"}
    assert done.stderr.splitlines()[-1] == f"{azure.folder} is written, with warnings: 1"


def test_networks_and_rules_are_enough(azure: Azure) -> None:
    """If nothing else may be read, networks and security groups are written, with a warning for each other file."""
    optional = [*COMMANDS, "network list-service-tags"][2:]
    for command in optional:
        azure.refuse(command, "(AuthorizationFailed) you may not")

    done = azure("--redact", "--service-tags", "westeurope", str(azure.folder))

    assert done.returncode == 0
    for command in optional:
        assert f"warning: {COMMANDS.get(command, 'service-tags.json')} is missing: " in done.stderr
    assert {path.name for path in azure.folder.iterdir()} == {"vnets.json", "nsgs.json"}


@pytest.mark.parametrize("command", ["network vnet list", "network nsg list"])
def test_without_networks_or_rules_nothing_is_written(azure: Azure, command: str) -> None:
    """If networks or security groups cannot be read it ends with code 1 and leaves nothing behind."""
    azure.refuse(command, "(AuthorizationFailed) you may not")

    done = azure(str(azure.folder))

    assert done.returncode == 1
    assert f"{COMMANDS[command]}: az says: (AuthorizationFailed) you may not" in done.stderr
    assert azure.left == []


def test_a_folder_in_use_is_untouched(azure: Azure) -> None:
    """A folder that holds something, be it hidden, ends it with code 2 before az is asked anything."""
    azure.folder.mkdir()
    (azure.folder / ".mine").write_text("mine")

    done = azure(str(azure.folder))

    assert done.returncode == 2
    assert f"{azure.folder} is not empty" in done.stderr
    assert [path.name for path in azure.folder.iterdir()] == [".mine"]
    assert azure.left == ["export"]
    assert not (azure.home / "bin" / "calls").exists()


def test_an_empty_folder_is_filled(azure: Azure) -> None:
    """A folder that is there and empty is as good as none."""
    azure.folder.mkdir()

    assert azure.export() == FILES


def test_others_may_not_read_it(azure: Azure) -> None:
    """The export is its owner's alone."""
    azure.export()

    modes = {path.stat().st_mode & 0o077 for path in (azure.folder, *azure.folder.iterdir())}
    assert modes == {0}


def test_who_is_not_logged_in_is_told_how(azure: Azure) -> None:
    """Without a login it ends with code 2, says what to run, and leaves nothing behind."""
    azure.refuse("account show", "Please run 'az login' to setup account.")

    done = azure(str(azure.folder))

    assert done.returncode == 2
    assert "not logged in to Azure, run: az login" in done.stderr
    assert azure.left == []


def test_without_az_it_says_so(azure: Azure) -> None:
    """Without the Azure CLI it ends with code 2 and names it."""
    (azure.home / "bin" / "az").unlink()

    done = azure(str(azure.folder))

    assert done.returncode == 2
    assert "az is not there" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "FOLDER is missing"),
        (("--everything", "out"), "unknown option --everything"),
        (("-g", "--redact", "out"), "-g needs a value"),
        (("out", "-g"), "-g needs a value"),
        (("-g", "two words", "out"), "-g needs a value"),
        (("one", "two"), "one FOLDER"),
        ((".",), "give the name of a new folder"),
        (("absent/out",), "cannot make a folder"),
    ],
)
def test_wrong_input_is_refused(azure: Azure, arguments: tuple[str, ...], complaint: str) -> None:
    """Wrong input ends with code 2 and one message that says what was found or expected."""
    done = azure(*arguments)

    assert done.returncode == 2
    assert complaint in done.stderr


def test_help_is_on_standard_output(azure: Azure) -> None:
    """--help shows every option on standard output and asks az nothing."""
    done = azure("--help")

    assert done.returncode == 0
    assert all(option in done.stdout for option in ("-g", "--staging", "--redact", "--service-tags", "FOLDER"))
    assert not done.stderr
    assert not (azure.home / "bin" / "calls").exists()


def test_it_can_be_run_as_it_is() -> None:
    """The script is executable and names its interpreter."""
    assert os.access(SCRIPT, os.X_OK)
    assert SCRIPT.read_text("utf-8").startswith("#!/bin/sh\n")
