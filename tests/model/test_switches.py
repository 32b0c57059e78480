"""Switches have the defaults that azure.md section 7 gives."""

import dataclasses

from emulator.model.switches import Switches


def test_defaults() -> None:
    """Each switch begins as the table of open questions suggests."""
    assert dataclasses.asdict(Switches()) == {
        "pls_data_nsg": "match_nat_ip",
        "load_balancer_tag_admits_data": False,
        "virtual_network_tag_default_route": "include",
        "unknown_appliance": "drop",
        "isolated_builds": False,
        "proxy_mode": "tcp-forward",
        "proxy_egress_megabits": 0.0,
        "proxy_vm_reads_proxy_v2": False,
        "nat_ports_per_backend": 64_000,
        "private_link_idle": 300.0,
        "private_link_idle_reset": False,
        "endpoint_lost": "black-hole",
        "rule_change": "keep",
        "admin_down": "keep",
        "sole_backend_down": "continue",
        "proxy_connect_timeout": 30.0,
        "proxy_connect_failure": "fin",
    }
