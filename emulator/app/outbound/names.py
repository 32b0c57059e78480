"""Answer a guest's questions for names, as this machine's resolver does, with public addresses alone."""

import asyncio
import socket
from ipaddress import IPv4Address

from emulator.app.outbound.atlas import Atlas
from emulator.wire import dns
from emulator.wire.dns import Question

GONE = frozenset({socket.EAI_NONAME, socket.EAI_NODATA if hasattr(socket, "EAI_NODATA") else socket.EAI_NONAME})
PATIENCE = 10.0
"""Real seconds for this machine's resolver; a guest's own waits five, and asks again."""


async def answered(asked: Question, atlas: Atlas) -> bytes:
    """The answer to a question: mapped names first; names of this machine's own network are not known."""
    stand_in = atlas.stand_in(asked.name)
    if stand_in is not None:
        return dns.answer(asked, dns.FOUND, [stand_in] if asked.wants_address else [])
    if not atlas.dials:
        return dns.answer(asked, dns.UNKNOWN_NAME)
    code, addresses = await _looked_up(asked.name)
    return dns.answer(asked, code, addresses if asked.wants_address else [])


async def address_of(name: str, atlas: Atlas) -> IPv4Address | None:
    """A name's address; None where it is not known."""
    stand_in = atlas.stand_in(name)
    if stand_in is not None or not atlas.dials:
        return stand_in
    _, addresses = await _looked_up(name)
    return addresses[0] if addresses else None


async def _looked_up(name: str) -> tuple[int, list[IPv4Address]]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(PATIENCE):
            found = await loop.getaddrinfo(name, None, family=socket.AF_INET, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return (dns.UNKNOWN_NAME if error.errno in GONE else dns.FAILED), []
    except (OSError, ValueError):  # a name that no resolver is asked for: too long a label, a zero byte
        return dns.FAILED, []
    addresses = [IPv4Address(str(address[0])) for *_, address in found]
    public = [each for each in dict.fromkeys(addresses) if each.is_global]
    return (dns.FOUND, public) if public else (dns.UNKNOWN_NAME, [])
