"""Terms that several tables use: where a resource is, and what an address prefix is."""

import re
from ipaddress import ip_network
from typing import Any

from emulator.model.arm.findings import Place
from emulator.model.arm.kinds import TEXT, Kind
from emulator.model.arm.shape import Field
from emulator.model.cidr import cidr

NETWORK_TYPE = "Microsoft.Network/"
TAG = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*")
"""How a service tag is spelled, as `Storage.WestEurope`."""
LOCATION = Field("location", "location", TEXT, beside=True)


def _prefix(found: Any, place: Place) -> str | None:
    if isinstance(found, str) and (found == "*" or TAG.fullmatch(found) or _is_range(found)):
        return found
    place.wrong(found, "*, an address, a range, or a service tag")
    return None


def _is_range(text: str) -> bool:
    if cidr(text):
        return True
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


PREFIX: Kind[str] = Kind(_prefix, str)
