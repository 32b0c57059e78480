"""Every kind there is."""

from emulator.rules.faults.catalog import ALL
from emulator.rules.faults.guest_kinds import GUEST_KINDS
from emulator.rules.faults.kinds import KINDS


def test_it_has_the_channels_kinds_and_the_build_vms() -> None:
    """All of both, and nothing is there twice."""
    assert set(ALL) == set(KINDS) | set(GUEST_KINDS)
    assert len(ALL) == len(KINDS) + len(GUEST_KINDS)
