"""Cmdlets about the network: whether a port is reached, as the world decides."""

from emulator.machines.winguest.cmdlet import Invocation, cmdlet
from emulator.machines.winguest.values import Thing, Value, to_integer

RESULT = "TestNetConnectionResult"


async def _test_net_connection(call: Invocation) -> None:
    """With a port alone: without one it pings, and ICMP is not played."""
    computer, host = call.engine.session.computer, call.text("computername")
    if computer.reach is None:
        raise call.failure("No network is played here.", "NoNetwork", "ResourceUnavailable", host)
    port = to_integer(call.get("port"))
    if not 0 < port < 1 << 16:
        said = f"Cannot validate argument on parameter 'Port'. {port} is no number from 1 to 65535."
        raise call.failure(said, "ParameterArgumentValidationError", "InvalidData", host)
    found = await computer.reach(host, port)
    succeeded = found.answer == "connected"
    if found.answer == "unknown":
        _warn(call, f"Name resolution of {host} failed")
    elif not succeeded:
        _warn(call, f"TCP connect to ({found.address} : {port}) failed")
    if call.text("informationlevel").casefold() == "quiet":
        call.emit(succeeded)
        return
    shown: dict[str, Value] = {
        "ComputerName": host,
        "RemoteAddress": found.address,
        "RemotePort": port,
        "InterfaceAlias": "Ethernet",
        "SourceAddress": computer.address,
        **({} if succeeded else {"PingSucceeded": False}),
        "TcpTestSucceeded": succeeded,
    }
    call.emit(Thing((RESULT,), shown, RESULT))


def _warn(call: Invocation, text: str) -> None:
    wanted = call.text("warningaction", call.engine.preference("WarningPreference", "continue"))
    if wanted.casefold() not in ("silentlycontinue", "ignore"):
        call.engine.streams.message("warning", text)


CMDLETS = (
    cmdlet(
        "Test-NetConnection",
        _test_net_connection,
        "ComputerName Port InformationLevel RemotePort=Port RemoteAddress=ComputerName cn=ComputerName",
        positional="ComputerName",
    ),
)
