"""Microsoft's published examples and quick starts: each loads, or is refused for a reason that names the field."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.errors import InvalidInputError
from emulator.model import arm
from emulator.model.arm import documents
from emulator.model.resources import Other, Resource

AZURE = Path(__file__).parents[2] / "data" / "azure"
FILES = {f"{path.parent.name}/{path.name}": path for path in sorted(AZURE.glob("*/*.json"))}
FINDING = re.compile(r"[^:]+\.json: [^:]+: [^:]+: found .+, expected .+")
# Answers of actions, the parameters of a trigger: none of these is a resource.
REFUSED = {
    "azvmimagebuilder/quickquickstarts__9_Setting_up_a_Trigger_with_a_Custom_Linux_Image__trigger.json",
    "imagebuilder/CancelImageBuild.json",
    "imagebuilder/DeleteImageTemplate.json",
    "network/NetworkInterfaceEffectiveNSGList.json",
    "network/NetworkInterfaceEffectiveRouteTableList.json",
    "network/NetworkWatcherConnectivityCheck.json",
    "network/NetworkWatcherIpFlowVerify.json",
    "network/NetworkWatcherNextHopGet.json",
    "network/NetworkWatcherSecurityGroupViewGet.json",
    "network/NetworkWatcherTopologyGet.json",
}
# Resources that no decision reads, and parts of resources without their whole.
UNUSED = {
    "imagebuilder/CreateSourceImageTrigger.json",
    "imagebuilder/GetRunOutput.json",
    "imagebuilder/GetTrigger.json",
    "imagebuilder/ListTriggers.json",
    "network/DefaultSecurityRuleList.json",
    "network/LoadBalancerLoadBalancingRuleGet.json",
    "network/LoadBalancerProbeGet.json",
    "network/NetworkSecurityGroupRuleGet.json",
    "network/NetworkSecurityGroupRuleList.json",
    "network/NetworkWatcherFlowLogCreate.json",
    "network/PrivateLinkServiceGetPrivateEndpointConnection.json",
    "network/PrivateLinkServiceUpdatePrivateEndpointConnection.json",
    "network/SubnetCreate.json",
    "network/SubnetGet.json",
    "network/VirtualNetworkPeeringGet.json",
}


def loaded(name: str) -> arm.Loaded:
    """What a file holds."""
    return arm.load([(Path(name).name, arm.load_json(name, FILES[name].read_bytes()))])


def dumped(resources: tuple[Resource, ...]) -> Any:
    """The documents of resources, through text."""
    return json.loads(json.dumps([arm.dump(each) for each in resources]))


def test_every_file_is_here() -> None:
    """There is as much to read as the list of sources says, and every name that is expected somewhere exists."""
    sources = (AZURE / "SOURCES.md").read_text("utf-8")

    assert len(FILES) == 74
    assert {name for name in FILES if f"| {Path(name).name} |" not in sources} == set()
    assert (REFUSED | UNUSED) - set(FILES) == set()


@pytest.mark.parametrize("name", sorted(set(FILES) - REFUSED))
def test_what_is_a_resource_loads(name: str) -> None:
    """A file with resources loads, what is written of it is read back the same, and a warning says what is unused."""
    found = loaded(name)
    again = arm.load([("again.json", dumped(found.resources))])

    assert again.resources == found.resources
    assert dumped(again.resources) == dumped(found.resources)
    assert all(isinstance(each, Other) == (name in UNUSED) for each in found.resources)
    assert len(found.warnings) == (len(found.resources) if name in UNUSED else 0)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_is_no_resource_is_refused(name: str) -> None:
    """A file without resources is refused, each line with the file, the place, the field, found and expected."""
    with pytest.raises(InvalidInputError) as caught:
        loaded(name)

    lines = str(caught.value).splitlines()
    assert lines
    assert all(FINDING.fullmatch(line) and line.startswith(Path(name).name) for line in lines)


# What is not written back: names, links and types of parts, which their places say; false, which is the default; the
# fields beside what is read of small lists; IDs and forms that are put into the ones of the newer API.
REWRITTEN = re.compile(
    r"type|name"
    r"|properties\.\w+\.\d+\.(id|type)"
    r"|.*\.(enabletcpreset|enablefloatingip|disableoutboundsnat|enableipforwarding|disablebgproutepropagation)"
    r"|properties\.ipconfigurations\.\d+(\.properties)?\.(name|groupid|membername|privateipaddress)"
    r"|values\.\d+\.properties\.(changenumber|region|systemservice)"
)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every single value of a document, with its path in lower case."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        yield path, value
    for key, inner in items or ():
        yield from leaves(inner, f"{path}.{str(key).lower()}".lstrip("."))


@pytest.mark.parametrize("name", sorted(set(FILES) - REFUSED))
def test_what_is_not_read_is_kept(name: str) -> None:
    """Every value of a published resource stands in what is written of it, but for a few that are known."""
    value = arm.load_json(name, FILES[name].read_bytes())
    written = {each.id: dict(leaves(arm.dump(each))) for each in loaded(name).resources}

    for raw in documents.resources(Path(name).name, value, []):
        lost = {path: found for path, found in leaves(raw.value) if found not in (None, written[raw.id].get(path))}
        assert {path for path in lost if not REWRITTEN.fullmatch(path)} == set()
