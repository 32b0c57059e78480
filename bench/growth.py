"""How a hop and the whole path grow with the connections they hold: memory for each, and the latency of one more."""

import contextlib
import resource
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figure
from bench.load import Generator, NoCompilerError, generator
from bench.memory import resident_kib
from bench.paths import ours
from bench.progress import Progress

ROUNDS = 5
SECONDS = 1.0
SPARE = 400
"""Descriptors beside those of the connections."""


@dataclass(frozen=True, slots=True)
class Grown:
    """What grows.

    Attributes:
        name: as figures name it.
        hops: how many the connections pass.
        fused: whether one relay may carry for both.
        counts: of connections held; 0 first.
        bar: the most KiB of resident memory that each may take at the largest count; None for no bar.
    """

    name: str
    hops: int
    counts: tuple[int, ...]
    bar: float | None = None
    fused: bool = True


ALL = (
    Grown("one hop", 1, (0, 500, 1000, 2000, 5000), 12.0),
    Grown("whole path", 2, (0, 500, 1000, 2000), 20.0),
    Grown("whole path, fused: false", 2, (0, 2000), fused=False),
)


def measure() -> Iterator[Figure]:
    """Memory for each connection and a ping's p50, by the number held."""
    with tempfile.TemporaryDirectory(prefix="aib-bench-") as name:
        try:
            with generator(Path(name)) as load:
                for each in ALL:
                    yield from _grown(load, each)
        except NoCompilerError as error:
            print(f"growth: not measured: {error}")


def _grown(load: Generator, grown: Grown) -> Iterator[Figure]:
    if not _descriptors(2 * max(grown.counts) + SPARE):
        print(f"growth: {grown.name} is not measured: too few descriptors are allowed (`ulimit -Hn`)")
        return
    memory: dict[int, list[float]] = {count: [] for count in grown.counts}
    pings: dict[int, list[float]] = {count: [] for count in grown.counts}
    with Progress(f"growth: {grown.name}", ROUNDS * len(grown.counts)) as progress:
        for _ in range(ROUNDS):
            for count in grown.counts:  # each in an emulator of its own: what one leaves is not the next one's
                found = _held(load, grown, count)
                memory[count].append(found[0])
                pings[count].append(found[1])
                progress.step()
    for count in grown.counts[1:]:
        bar = grown.bar if count == grown.counts[-1] else None
        group, label = f"{grown.name}: RSS for each idle connection", f"RSS, {count} held"
        name = f"{grown.name}: RSS for each of {count} idle connections"
        yield Figure(name, "KiB", tuple(memory[count]), bar, group=group, label=label)
    for count in grown.counts:
        group, label = f"{grown.name}: ping p50", f"ping, {count} held"
        name = f"{grown.name}: ping p50 beside {count} idle connections"
        yield Figure(name, "µs", tuple(pings[count]), group=group, label=label)


def _held(load: Generator, grown: Grown, count: int) -> tuple[float, float]:
    """KiB for each of so many connections, and the p50 of a ping beside them."""
    with load.serving() as target, ours(target, grown.hops, fused=grown.fused) as hops:
        load.run("ping", hops.port, 1, 0.2)
        before = resident_kib(hops.pids[0])
        with load.holding(hops.port, count) if count else contextlib.nullcontext():
            each = (resident_kib(hops.pids[0]) - before) / count if count else 0.0
            return each, load.run("ping", hops.port, 1, SECONDS).p50


def _descriptors(wanted: int) -> bool:
    """Whether processes that we start may have so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    return True
