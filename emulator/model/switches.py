"""Where Azure's behaviour is undocumented or its sources disagree, a switch decides; defaults as in the README."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Switches:
    """Named switches.

    Attributes:
        pls_data_nsg: whether a security group sees private-link data with the NAT address as its source
            (`match_nat_ip`), or not at all (`bypass`, which matches MicrosoftDocs/azure-docs#84627).
        proxy_connect_timeout: emulated seconds the proxy tries the build VM.
        proxy_connect_failure: what it then does to its client.
    """

    pls_data_nsg: Literal["match_nat_ip", "bypass"] = "match_nat_ip"
    proxy_connect_timeout: float = 30.0
    proxy_connect_failure: Literal["fin", "rst", "hold"] = "fin"
