"""Flow logs of a running channel: where Azure would log each flow, as files that are JSON at any time."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from emulator.app.flow_logs import FlowLogs, flow_logs
from emulator.app.run import start
from emulator.clock import Clock
from emulator.errors import InvalidInputError
from tests.app.test_run import ALLOW, attempt, deny, seen
from tests.wire.test_flow_log import found

NSG, VNET = "insights-logs-networksecuritygroupflowevent", "insights-logs-flowlogflowevent"
PROXY, BUILD, NAT, PROBE = "10.60.0.7", "10.60.0.8", "10.60.0.5", "168.63.129.16"


def blobs(folder: Path, container: str) -> list[Path]:
    """The hours' files of a kind."""
    return sorted((folder / container).rglob("PT1H.json"))


def records(folder: Path, container: str) -> Iterable[dict[str, object]]:
    """Every record of a kind."""
    for file in blobs(folder, container):
        yield from json.loads(file.read_text())["records"]


def nsg_tuples(folder: Path) -> list[tuple[str, str]]:
    """Rule and tuple of every flow that security groups logged; health probes left out."""
    gathered = []
    for record in records(folder, NSG):
        for by_rule in record["properties"]["flows"]:  # type: ignore[index]
            for by_mac in by_rule["flows"]:
                gathered += [(by_rule["rule"], each) for each in by_mac["flowTuples"]]
    return gathered


def of_a(gathered: Iterable[tuple[str, str]], source: str, destination: str, port: int) -> list[tuple[str, str, str]]:
    """Rule, direction and access with state of each tuple between two addresses."""
    fields = [(rule, text.split(",")) for rule, text in gathered]
    wanted = [(rule, each) for rule, each in fields if each[1:3] == [source, destination] and each[4] == str(port)]
    return [(rule, each[6], each[7] + each[8]) for rule, each in wanted]


@pytest.mark.network
async def test_a_command_is_logged_at_three_interfaces(tmp_path: Path) -> None:
    """One command: NAT address to proxy inbound, proxy to build VM outbound and inbound, each begun and ended."""
    async with start(guest="builtin", flow_logs=tmp_path) as channel:
        await channel.run("linux", "echo hello")
    gathered = nsg_tuples(tmp_path)
    vnet = ("DefaultRule_AllowVnetInBound", "I"), ("DefaultRule_AllowVnetOutBound", "O")

    assert set(of_a(gathered, NAT, PROXY, 60001)) == {(*vnet[0], "AB"), (*vnet[0], "AE")}
    assert set(of_a(gathered, PROXY, BUILD, 22)) == {(*each, state) for each in vnet for state in ("AB", "AE")}
    ended = [text for _, text in gathered if text.split(",")[1:3] == [NAT, PROXY] and ",E," in text]
    assert all(int(number) > 40 for text in ended for number in text.split(",")[10::2])
    assert {each[1:] for each in of_a(gathered, PROBE, PROXY, 60001)} == {("I", "AB"), ("I", "AE")}
    assert {str(each["targetResourceID"]).rpartition("/")[2] for each in records(tmp_path, VNET)} == {"aib-vnet"}


@pytest.mark.network
async def test_a_denial_is_logged_by_who_denied_it(tmp_path: Path) -> None:
    """Inbound at the proxy: one D there, and nothing between proxy and build VM."""
    async with start(guest="builtin", flow_logs=tmp_path) as channel:
        await channel.apply(deny("NoProxy", 300, 60001))
        assert await attempt(channel) == "silent"
        await seen(channel, lambda record: record.kind == "drop", 5)
        await channel.apply(ALLOW)
    denied = of_a(nsg_tuples(tmp_path), NAT, PROXY, 60001)

    assert ("UserRule_NoProxy", "I", "DB") in denied
    assert denied.count(("UserRule_NoProxy", "I", "DB")) == 1


@pytest.mark.network
async def test_a_denial_of_the_second_segment(tmp_path: Path) -> None:
    """Outbound at the proxy denied: allowed from the NAT address, denied at the proxy, unknown at the build VM."""
    settings = {"proxy_connect_timeout": 0.1}
    async with start(guest="builtin", flow_logs=tmp_path, switches=settings) as channel:
        trials = len(of_a(nsg_tuples(tmp_path), PROXY, BUILD, 22))
        await channel.apply(deny("NoBuild", 300, 22, "Outbound"))
        assert await attempt(channel, seconds=1) == "connected"
        await seen(channel, lambda record: record.reason.name == "NoBuild", 5)

    assert trials == 0
    second = of_a(nsg_tuples(tmp_path), PROXY, BUILD, 22)
    assert ("UserRule_NoBuild", "O", "DB") in second
    assert not [each for each in second if each[1] == "I" and each[2] == "DB"]


def test_an_hours_blob_grows_and_stays_json(tmp_path: Path) -> None:
    """Each minute adds a record to the blob of its hour, of its group or network, and of its interface."""
    logs = FlowLogs(tmp_path, Clock())
    for _ in range(3):
        logs(found())
        logs(found("deny", mac="000D3A000001"))
        logs.write()
    logs.write()

    assert len(blobs(tmp_path, NSG)) == len(blobs(tmp_path, VNET)) == 2
    assert len(list(records(tmp_path, NSG))) == len(list(records(tmp_path, VNET))) == 6


def test_names_stay_below_the_folder(tmp_path: Path) -> None:
    """A resource's name is a name and no way out of the folder."""
    logs = FlowLogs(tmp_path / "logs", Clock())
    logs(found(group="/subscriptions/x/../../../../../networkSecurityGroups/..", network="/../../.."))
    logs.write()

    assert {each.name for each in tmp_path.iterdir()} == {"logs"}
    assert len(blobs(tmp_path / "logs", NSG)) == 1


async def test_what_is_left_is_written_at_the_end(tmp_path: Path) -> None:
    """A stop does not wait for the minute to be full."""
    async with flow_logs(tmp_path / "new" / "folder", Clock()) as logs:
        logs(found())
        assert blobs(tmp_path, NSG) == []

    assert len(blobs(tmp_path / "new" / "folder", NSG)) == 1


async def test_a_folder_that_cannot_be_one(tmp_path: Path) -> None:
    """A file in its place is bad input, told before anything starts."""
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(InvalidInputError, match=r"flow_logs: .*file: File exists"):
        async with flow_logs(file, Clock()):
            pass
