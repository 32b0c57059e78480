"""Where Azure's behaviour is undocumented or its sources disagree, a switch decides; defaults as in the README."""

from dataclasses import dataclass
from typing import Literal

ProxyMode = Literal["tcp-forward", "http-connect", "socks5", "ssh-jump"]


@dataclass(frozen=True, slots=True)
class Switches:
    """Named switches.

    Attributes:
        pls_data_nsg: whether a security group sees private-link data with the NAT address as its source
            (`match_nat_ip`), or not at all (`bypass`, which matches MicrosoftDocs/azure-docs#84627).
        load_balancer_tag_admits_data: whether the tag `AzureLoadBalancer` admits private-link data as well as
            probes, as Image Builder's documentation implies and the page on service tags denies.
        virtual_network_tag_default_route: whether a user-defined route for 0.0.0.0/0 makes the tag
            `VirtualNetwork` match everything ("might also contain default routes", service-tags-overview).
        unknown_appliance: what a virtual appliance that was not loaded does with a flow routed to it.
        isolated_builds: whether a build without a network of the user's has no public IP, but a container in
            another subnet of Image Builder's own network (image-builder-networking), or a public IP
            (image-builder-json, image-builder-overview).
        proxy_connect_timeout: emulated seconds the proxy tries the build VM.
        proxy_connect_failure: what it then does to its client.
        private_link_idle: seconds without a packet after which private link forgets a flow ("~5 minutes (300
            seconds)", private-link-service-overview).
        private_link_idle_reset: whether it tells both ends by RST, as a field report has it
            (MicrosoftDocs/azure-docs#94724), or neither.
        proxy_mode: what the proxy VM speaks: it forwards each of its ports to the build VM (`tcp-forward`), or its
            client names the target by CONNECT, by SOCKS 5 or through an SSH server: not documented (azure.md 1.2).
        proxy_egress_megabits: megabits a second that the proxy VM sends at most, both ways together; 0 for no limit.
            Standard_A1_v2 has 250, of egress alone (av2-series, virtual-machine-network-throughput).
        proxy_vm_reads_proxy_v2: whether the proxy VM expects the header of `enableProxyProtocol`: not documented.
        nat_ports_per_backend: flows that one NAT address of private link carries to one backend at once, "64k"
            (private-link-faq).
        endpoint_lost: what becomes of open flows when a private endpoint's connection is not approved any more:
            not documented; their packets go nowhere (`black-hole`), both ends are reset, or they go on (`keep`).
        rule_change: whether open flows that a changed rule denies go on, as the documentation has it
            (network-security-groups-overview), or are cut; a group's `flushConnection` cuts them in any case.
        admin_down: what becomes of open flows of a backend whose admin state is Down: they go on
            (admin-state-overview), or are reset (the REST API's description of `adminState`).
        sole_backend_down: what becomes of open flows when the probe of a pool's only backend fails: they go on, or
            not, since the documentation says so "given that a backend pool has more than one backend instance".
    """

    pls_data_nsg: Literal["match_nat_ip", "bypass"] = "match_nat_ip"
    load_balancer_tag_admits_data: bool = False
    virtual_network_tag_default_route: Literal["include", "exclude"] = "include"
    unknown_appliance: Literal["drop", "forward"] = "drop"
    isolated_builds: bool = False
    proxy_connect_timeout: float = 30.0
    proxy_connect_failure: Literal["fin", "rst", "hold"] = "fin"
    private_link_idle: float = 300.0
    private_link_idle_reset: bool = False
    proxy_mode: ProxyMode = "tcp-forward"
    proxy_egress_megabits: float = 0.0
    proxy_vm_reads_proxy_v2: bool = False
    nat_ports_per_backend: int = 64_000
    endpoint_lost: Literal["black-hole", "reset", "keep"] = "black-hole"
    rule_change: Literal["keep", "cut"] = "keep"
    admin_down: Literal["keep", "reset"] = "keep"
    sole_backend_down: Literal["continue", "drop"] = "continue"
