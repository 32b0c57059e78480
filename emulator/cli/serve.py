"""`serve`: one hop alone, as containers run it."""

import contextlib
import os
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emulator.cli.options import ConfigFile, Guest, Json, print_line
from emulator.errors import InvalidInputError, UnavailableError

if TYPE_CHECKING:
    import socket
    from contextlib import AbstractAsyncContextManager

    from emulator.machines.settings import MachineSettings
    from emulator.observe import Event, Observer

MACHINES = {"build-linux": "127.0.0.1:2222", "build-windows": "127.0.0.1:5986"}
"""The build VMs, and where each listens by default."""
HOPS = {"control": "127.0.0.1:8060", "load-balancer": "127.0.0.1", "proxy": "127.0.0.1", "gateway": "127.0.0.1"}
"""The other hops, and where each listens; ports of load-balancer and proxy are Azure's own, gateway has none."""
ROLES = (*MACHINES, *HOPS)


def serve(
    role: Annotated[str, typer.Argument(metavar="ROLE", help=f"One of {', '.join(ROLES)}.")],
    *,
    listen: Annotated[str | None, typer.Option(metavar="HOST[:PORT]", help="Where to listen; on loopback.")] = None,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Listen on an address that other machines reach.")
    ] = False,
    guest: Guest = None,
    config: ConfigFile = None,
    winrm: Annotated[
        list[str] | None,
        typer.Option(
            "--winrm",
            metavar="KEY=VALUE",
            help="A setting of build-windows' WinRM, as winrm.KEY of emulator.yaml; repeatable.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Serve one hop alone until SIGTERM or Ctrl-C, as the containers run it.

    A build VM has the credentials of the state folder. load-balancer, proxy and gateway follow a control, which
    AIB_EMULATOR_CONTROL names; its token is AIB_EMULATOR_TOKEN.
    """
    from emulator.cli.loop import run

    if role not in ROLES:
        raise InvalidInputError(f"role: found {role!r}, expected one of {', '.join(ROLES)}")
    if role != "build-windows" and winrm:
        raise InvalidInputError(f"--winrm: {role} has no WinRM; build-windows does")
    if role in HOPS:
        if config:
            raise InvalidInputError(f"--config: {role} takes none; AIB_EMULATOR_CONFIG names the one of control")
        from emulator.cli import serve_hop

        given = listen or HOPS[role]
        host, port = address(given if ":" in given else f"{given}:0", allow_remote=allow_remote)
        run(serve_hop.serve(role, host, port, as_json=as_json))
        return
    host, port = address(listen or MACHINES[role], allow_remote=allow_remote)
    settings = _settings(role, config, {"guest": guest, "winrm": _pairs(winrm or [])})
    if settings.winrm.http:
        address(settings.winrm.http, allow_remote=allow_remote, setting="winrm.http")
    with contextlib.closing(_bound(host, port)) as bound:
        run(_serve(settings, bound, as_json=as_json))


def _pairs(given: list[str]) -> dict[str, str]:
    """The keys and values in KEY=VALUE, each.

    Raises:
        InvalidInputError: one has no key or no `=`.
    """
    pairs = [each.partition("=") for each in given]
    for key, equals, value in pairs:
        if not key or not equals:
            raise InvalidInputError(f"--winrm: found {key + equals + value!r}, expected KEY=VALUE")
    return {key: value for key, _, value in pairs}


def address(text: str, *, allow_remote: bool, setting: str = "--listen") -> tuple[str, int]:
    """The host and port in HOST:PORT; `setting` is where they were given.

    Raises:
        InvalidInputError: it is no such thing, or not loopback and remote machines are not allowed.
    """
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    try:
        found = ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise InvalidInputError(f"{setting}: found {text!r}, expected HOST:PORT with an IP address") from None
    if not port.isdecimal() or int(port) > 65535:
        raise InvalidInputError(f"{setting}: port: found {port!r}, expected a number from 0 to 65535")
    if not found.is_loopback and not allow_remote:
        raise InvalidInputError(f"{setting}: {host} is not loopback; --allow-remote lets other machines connect")
    return str(found), int(port)


def _settings(role: str, file: Path | None, options: dict[str, Any]) -> "MachineSettings":
    from emulator.app.config import load_config
    from emulator.app.credentials import account
    from emulator.control import state
    from emulator.machines.settings import MachineSettings

    named = os.environ.get("AIB_EMULATOR_CONFIG")
    config = load_config(file or (Path(named) if named else None), options)
    home = state.make(state.home())
    who = account(config.credentials, home)
    return MachineSettings(
        system="linux" if role == "build-linux" else "windows",
        name=role,
        address="10.60.0.8" if role == "build-linux" else "10.60.0.9",
        username=who.username,
        password=who.password,
        authorized_key=who.public_key,
        folder=str(home),
        guest=config.guest,
        winrm=config.winrm.settings,
        **config.windows.fields,
    )


def _bound(host: str, port: int) -> "socket.socket":
    from emulator.net import taken
    from emulator.net.listener import bind

    try:
        return bind(host, port)
    except OSError as error:
        who = taken.holder(port)
        raise UnavailableError(f"port {port} on {host}: {error.strerror}{who}; --listen sets another") from None


async def _serve(settings: "MachineSettings", bound: "socket.socket", *, as_json: bool) -> None:
    import asyncio
    import signal

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with _machine(settings, bound, _teller(as_json=as_json)) as detail:
            _say_where(settings, bound, detail, as_json=as_json)
            await stop.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _machine(
    settings: "MachineSettings", bound: "socket.socket", observer: "Observer"
) -> "AbstractAsyncContextManager[str]":
    if settings.system == "linux":
        from emulator.machines import linux

        return linux.serving(settings, bound, observer)
    from emulator.machines import windows

    # Only our own container image says that the container is the machine.
    is_contained = os.environ.get("AIB_EMULATOR_ROLE") == settings.name
    return windows.serving(settings, bound, observer, is_contained=is_contained)


def _teller(*, as_json: bool) -> "Observer":
    from emulator.observe import as_json as event_as_json

    def tell(event: "Event") -> None:
        if as_json:
            print_line(event_as_json(event))
        else:
            print(f"{event.time[11:19]}  {event.sentence}", flush=True)

    return tell


def _say_where(settings: "MachineSettings", bound: "socket.socket", detail: str, *, as_json: bool) -> None:
    host, port = bound.getsockname()[:2]
    key = os.path.join(settings.folder, "id_ed25519")  # noqa: PTH118 - a text to show
    values = {
        "role": settings.name,
        "host": host,
        "port": port,
        "username": settings.username,
        "password": settings.password,
        "private_key": key,
        "detail": detail,
    }
    if as_json:
        print_line(values)
        return
    how = f"ssh -i {key} -p {port} {settings.username}@{host}" if settings.system == "linux" else ""
    # Where this ends in a log, a secret has no place.
    password = settings.password if sys.stdout.isatty() else f"kept in {settings.folder}"
    how = how or f"https://{host}:{port}/wsman as {settings.username}, password {password}"
    print(f"{settings.name} serves on {host}:{port} ({detail})\n  {how}", flush=True)
