"""Flow logs, field by field as the documentation's samples have them (azure.md 2.7, 2.8)."""

import dataclasses
import datetime
import json

import pytest

from emulator.errors import PeerError
from emulator.wire.flow_log import (
    Counts,
    State,
    Tuple,
    from_json,
    nsg_blob,
    nsg_record,
    nsg_tuple,
    vnet_blob,
    vnet_record,
    vnet_tuple,
)

SUBSCRIPTION = "/subscriptions/9FA0BA15-2ca4-4f9c-a5a2-30A54B7C0A11"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Network/networkSecurityGroups/build-nsg"
NETWORK = f"{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet"
NOON = datetime.datetime(2026, 11, 4, 12, 5, 1, 500000, datetime.UTC)


def found(state: State = "begin", counts: Counts | None = None, **fields: object) -> Tuple:
    """A tuple, as the documentation's first sample has it."""
    values = {
        "time": 1708978215.25,
        "group": GROUP,
        "rule": "UserRule_ssh",
        "interface": f"{SUBSCRIPTION}/nic",
        "mac": "000D3AF8801A",
        "network": NETWORK,
        "region": "westeurope",
        "direction": "Inbound",
        "source": "203.0.113.105",
        "source_port": 35370,
        "destination": "10.0.0.5",
        "destination_port": 443,
    }
    return Tuple(state=state, counts=counts, **{**values, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (found(), "1708978215,203.0.113.105,10.0.0.5,35370,443,T,I,A,B,,,,"),
        (found("deny"), "1708978215,203.0.113.105,10.0.0.5,35370,443,T,I,D,B,,,,"),
        (
            found("continuing", Counts(1, 66, 2, 100)),
            "1708978215,203.0.113.105,10.0.0.5,35370,443,T,I,A,C,1,66,2,100",
        ),
        (
            found("end", Counts(), direction="Outbound"),
            "1708978215,203.0.113.105,10.0.0.5,35370,443,T,O,A,E,0,0,0,0",
        ),
    ],
    ids=["begin", "deny", "continuing", "end"],
)
def test_a_security_groups_tuple(given: Tuple, text: str) -> None:
    """Thirteen fields: seconds, T, the letters of direction, access and state, and no counters at the beginning."""
    assert nsg_tuple(given) == text
    assert text.count(",") == 12


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (found(), "1708978215250,203.0.113.105,10.0.0.5,35370,443,6,I,B,NX,0,0,0,0"),
        (found("deny"), "1708978215250,203.0.113.105,10.0.0.5,35370,443,6,I,D,NX,0,0,0,0"),
        (
            found("end", Counts(3, 767, 2, 1580)),
            "1708978215250,203.0.113.105,10.0.0.5,35370,443,6,I,E,NX,3,767,2,1580",
        ),
    ],
    ids=["begin", "deny", "end"],
)
def test_a_virtual_networks_tuple(given: Tuple, text: str) -> None:
    """Milliseconds, the protocol's number, a denial as a state, and zeros where nothing was counted."""
    assert vnet_tuple(given) == text


def test_a_security_groups_record() -> None:
    """Tuples stand under their rule and the interface's address; the resource ID is in capitals, as in its blob."""
    record = nsg_record(NOON, [found(), found("deny", rule="DefaultRule_DenyAllInBound"), found("end", Counts())])

    assert record["time"] == "2026-11-04T12:05:01.500000Z"
    assert record["category"] == "NetworkSecurityGroupFlowEvent"
    assert record["operationName"] == "NetworkSecurityGroupFlowEvents"
    assert record["resourceId"] == GROUP.upper()
    assert record["properties"] == {
        "Version": 2,
        "flows": [
            {
                "rule": "UserRule_ssh",
                "flows": [
                    {"mac": "000D3AF8801A", "flowTuples": [nsg_tuple(found()), nsg_tuple(found("end", Counts()))]}
                ],
            },
            {
                "rule": "DefaultRule_DenyAllInBound",
                "flows": [{"mac": "000D3AF8801A", "flowTuples": [nsg_tuple(found("deny"))]}],
            },
        ],
    }


def test_a_virtual_networks_record() -> None:
    """Tuples stand under their group and rule; the record names the network and its flow log."""
    record = vnet_record(NOON, [found(), found(group=GROUP + "-2")])

    assert (record["flowLogVersion"], record["category"]) == (4, "FlowLogFlowEvent")
    assert record["operationName"] == "FlowLogFlowEvent"
    assert record["targetResourceID"] == NETWORK
    assert str(record["flowLogResourceID"]).endswith("/NETWORKWATCHER_WESTEUROPE/FLOWLOGS/VNET-RG-FLOWLOG")
    flows = record["flowRecords"]
    assert isinstance(flows, dict)
    assert [each["flowGroups"] for each in flows["flows"]] == [
        [{"rule": "UserRule_ssh", "flowTuples": [vnet_tuple(found())]}]
    ] * 2
    assert len({each["aclID"] for each in flows["flows"]}) == 2


def test_blobs() -> None:
    """An hour's blob lies where Azure puts it, in the container of its kind."""
    hour = "y=2026/m=11/d=04/h=12/m=00/macAddress=000D3AF8801A/PT1H.json"
    nsg = "insights-logs-networksecuritygroupflowevent/resourceId=" + GROUP.upper()
    subscription = SUBSCRIPTION.rpartition("/")[2].upper()
    log = f"{subscription}_NETWORKWATCHERRG/NETWORKWATCHER_WESTEUROPE_VNET-RG-FLOWLOG"

    assert nsg_blob(NOON, found()) == f"{nsg}/{hour}"
    assert vnet_blob(NOON, found()) == f"insights-logs-flowlogflowevent/flowLogResourceID=/{log}/{hour}"


@pytest.mark.parametrize("counts", [None, Counts(1, 2, 3, 4)])
def test_a_tuple_travels_as_json(counts: Counts | None) -> None:
    """What one process saw another reads as it was."""
    given = found("end", counts)

    assert from_json(json.loads(json.dumps(dataclasses.asdict(given)))) == given


@pytest.mark.parametrize("values", [{}, {"time": 1}, {"counts": 5}, {"counts": {"x": 1}}])
def test_no_tuple(values: dict[str, object]) -> None:
    """Anything else is the peer's mistake."""
    with pytest.raises(PeerError, match="malformed"):
        from_json(values)
