"""Cmdlets about the network: what is asked, and what is told of the answer."""

import re

import pytest

from emulator.machines.outside.reach import Answer, Reached
from emulator.machines.winguest.errors import NotUnderstoodError
from tests.windows_guest import guest


async def played(script: str, answer: Answer, address: str = "203.0.113.5") -> tuple[str, str, int]:
    """What a script writes where every place answers so."""

    async def reach(host: str, port: int) -> Reached:
        assert (host, port) == ("example.com", 443)
        return Reached(answer, "" if answer == "unknown" else address)

    with guest() as made:
        made.computer.reach = reach
        return await made.powershell(script)


async def test_a_port_that_is_reached() -> None:
    """The object's fields, and a mere boolean where that is asked for."""
    fields = "$r = tnc example.com -Port 443; $r.TcpTestSucceeded, $r.RemoteAddress, $r.RemotePort, $r.SourceAddress"
    quiet = "Test-NetConnection -ComputerName example.com -Port 443 -InformationLevel Quiet"

    assert await played(fields, "connected") == ("True\r\n203.0.113.5\r\n443\r\n10.60.0.9\r\n", "", 0)
    assert await played(quiet, "connected") == ("True\r\n", "", 0)


async def test_it_is_shown_as_a_list() -> None:
    """By itself it shows what it found; in a text it is the name of its type, as in PowerShell."""
    shown, said, code = await played("tnc example.com -Port 443", "connected")

    assert dict(re.findall(r"(\w+) +: (.*)\r\n", shown)) == {
        "ComputerName": "example.com",
        "RemoteAddress": "203.0.113.5",
        "RemotePort": "443",
        "InterfaceAlias": "Ethernet",
        "SourceAddress": "10.60.0.9",
        "TcpTestSucceeded": "True",
    }
    assert (said, code) == ("", 0)
    assert await played('"$(tnc example.com -Port 443)"', "connected") == ("TestNetConnectionResult\r\n", "", 0)


@pytest.mark.parametrize(
    ("answer", "warning"),
    [
        ("silent", "TCP connect to (203.0.113.5 : 443) failed"),
        ("refused", "TCP connect to (203.0.113.5 : 443) failed"),
        ("unknown", "Name resolution of example.com failed"),
    ],
)
async def test_a_port_that_is_not(answer: Answer, warning: str) -> None:
    """A warning says why, unless it is not wanted; the script goes on."""
    script = "(Test-NetConnection example.com -Port 443).TcpTestSucceeded"
    said, _, code = await played(script, answer)
    hushed = await played("tnc example.com -Port 443 -InformationLevel Quiet -WarningAction Ignore", answer)

    assert said == f"WARNING: {warning}\r\nFalse\r\n"
    assert code == 0
    assert hushed == ("False\r\n", "", 0)


@pytest.mark.parametrize("script", ["Test-NetConnection", "tnc example.com", "tnc example.com -CommonTCPPort HTTP"])
async def test_a_ping_is_refused(script: str) -> None:
    """Without a port it would ping, which is not played: nothing runs."""
    with guest() as made, pytest.raises(NotUnderstoodError):
        await made.powershell(script)


@pytest.mark.parametrize("port", ["0", "-1", "70000"])
async def test_what_is_no_port_is_an_error(port: str) -> None:
    """It is not asked for."""
    assert "'Port'" in (await played(f"tnc example.com -Port {port}", "connected"))[1]


async def test_without_a_network_it_is_an_error() -> None:
    """A machine that was given none says so."""
    with guest() as made:
        assert "No network is played here." in (await made.powershell("tnc example.com -Port 443"))[1]
