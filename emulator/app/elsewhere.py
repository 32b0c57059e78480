"""Build VMs that are somebody else's: the channel ends at a host and port of the user's own."""

import socket
from collections.abc import Mapping

from emulator.errors import UnavailableError
from emulator.model.world import BUILD_PORTS, System, build_role
from emulator.net.scene import Scene


def end_elsewhere(scene: Scene, builds: Mapping[System, str]) -> None:
    """Have the channel end at these hosts, each `HOST:PORT`, instead of at build VMs of ours.

    They are told nothing: no hop header comes before their clients' first byte.

    Raises:
        UnavailableError: a name is not known.
    """
    for system, text in builds.items():
        build = scene.world.member(build_role(system))
        if build is not None:
            where = scene.world.interface_of(build).address, BUILD_PORTS[system]
            scene.elsewhere[where] = _resolved(system, text)
            scene.headless |= {build.hop}


def _resolved(system: System, text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    try:
        found = socket.getaddrinfo(host, int(port), socket.AF_INET, socket.SOCK_STREAM)
    except (OSError, OverflowError) as error:
        raise UnavailableError(f"builds.{system}: {text} cannot be had: {error}") from None
    address, number = found[0][4][:2]
    return str(address), int(number)
