"""Peers carry bytes, one hop or two, or say what they lack."""

from pathlib import Path

import pytest

from bench.load import generator
from bench.peers import PEERS, Peer
from tests.bench.test_load import needs_compiler

pytestmark = pytest.mark.network


@needs_compiler
@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
@pytest.mark.parametrize("hops", [1, 2])
def test_a_peer_carries(peer: Peer, hops: int, tmp_path: Path) -> None:
    """A message comes back through it, and its processor time is counted."""
    if peer.lack:
        pytest.skip(peer.lack)
    with (
        generator(tmp_path) as load,
        load.serving() as target,
        peer.hops(f"127.0.0.1:{target}", hops, tmp_path) as found,
    ):
        run = load.run("ping", found.port, 2, 0.3)
        assert run.turns > 0
        assert len(found.pids) == hops
        assert found.cpu() >= 0


def test_a_peer_that_is_missing_is_named() -> None:
    """With its program."""
    assert Peer("x", "", "no-such-program", PEERS[0].command).lack == "no-such-program is missing"
