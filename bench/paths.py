"""What a hop and the whole path cost, beside no hop at all and beside other relays, in one run and interleaved."""

import contextlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.figures import Figure
from bench.load import Generator, Load, Mode, NoCompilerError, generator
from bench.peers import PEERS, Hops, cpu_of
from bench.progress import Progress
from bench.running import emulator, state_folder

ROUNDS = 5
SECONDS = 1.5
WARM = 0.3
DIRECT = "direct"
OURS = "emulator"


@dataclass(frozen=True, slots=True)
class Work:
    """One thing that is measured.

    Attributes:
        name: what of it is shown.
        higher: whether more is better.
        bars: what the emulator's figure is to be of the best peer's, by one hop and by two; None for no bar.
        peer: whose figure counts, where it is not the best one's.
    """

    name: str
    mode: Mode
    connections: int
    unit: str
    higher: bool = True
    bars: tuple[float | None, float | None] = (None, None)
    peer: str = ""

    def value(self, load: Load) -> float:
        """The figure of a run."""
        if self.mode in ("up", "down"):
            return load.gigabits
        return load.p50 if self.unit == "µs" else load.per_second


WORKS = (
    Work("bulk up, 1 connection", "up", 1, "Gbit/s"),
    Work("bulk down, 1 connection", "down", 1, "Gbit/s", bars=(1.0, 1.1)),
    Work("bulk down, 8 connections", "down", 8, "Gbit/s", bars=(1.1, 1.2)),
    Work("bulk down, 64 connections", "down", 64, "Gbit/s"),
    Work("ping-pong of 64 B, 1 connection, p50", "ping", 1, "µs", higher=False, bars=(1.1, 1.0)),
    Work("ping-pong of 64 B, 64 connections", "ping", 64, "/s", bars=(0.95, 1.0)),
    Work("connect, 64 B, close; 16 at once", "rate", 16, "/s", bars=(0.8, 0.8), peer="nginx"),
)


@dataclass(slots=True)
class Measured:
    """The rounds of one relay at one work.

    Attributes:
        values: in the work's unit.
        cpu: seconds of the relay's processor time a gigabyte, or a 10,000 turns.
        tails: p90, p99 and p99.9 of each round, microseconds.
    """

    values: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    tails: list[tuple[float, float, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Contender:
    """A relay in front of the load's server."""

    name: str
    hops: Hops


def measure() -> Iterator[Figure]:
    """Every work through every contender; one hop, then two. Each figure comes when it is measured."""
    with tempfile.TemporaryDirectory(prefix="aib-bench-") as name:
        try:
            with generator(Path(name)) as load:
                for hops in (1, 2):
                    yield from _measured(load, hops, Path(name))
        except NoCompilerError as error:
            print(f"paths: not measured: {error}")


def _measured(load: Generator, hops: int, folder: Path) -> Iterator[Figure]:
    with load.serving() as target, contextlib.ExitStack() as stack:
        contenders = [Contender(DIRECT, Hops(target, ()))]
        contenders.append(Contender(OURS, stack.enter_context(ours(target, hops))))
        for peer in PEERS:
            if peer.lack:
                print(f"paths: {peer.name} is not measured: {peer.lack}")
            else:
                contenders.append(
                    Contender(peer.name, stack.enter_context(peer.hops(f"127.0.0.1:{target}", hops, folder)))
                )
        for work in WORKS:
            found = _rounds(load, work, contenders, hops)
            yield from _figures(work, found, hops)


def _rounds(load: Generator, work: Work, contenders: list[Contender], hops: int) -> dict[str, Measured]:
    found = {each.name: Measured() for each in contenders}
    with Progress(f"{_hops(hops)}: {work.name}", ROUNDS * len(contenders)) as progress:
        for _ in range(ROUNDS):  # interleaved: a noisy moment meets all
            for each in contenders:
                load.run(work.mode, each.hops.port, work.connections, WARM)
                before = each.hops.cpu()
                run = load.run(work.mode, each.hops.port, work.connections, SECONDS)
                _note(found[each.name], work, run, each.hops.cpu() - before)
                progress.step()
    return found


def _note(measured: Measured, work: Work, run: Load, cpu: float) -> None:
    measured.values.append(work.value(run))
    measured.tails.append((run.p90, run.p99, run.p999))
    share = run.moved / 1e9 if work.mode in ("up", "down") else run.turns / 10_000
    measured.cpu.append(cpu / share if share else 0.0)


def _figures(work: Work, found: dict[str, Measured], hops: int) -> Iterator[Figure]:
    per = "GB" if work.mode in ("up", "down") else "10,000"
    for name, measured in found.items():
        where = f"{_hops(hops)}, {name}: {work.name}"
        group = f"{_hops(hops)}: {work.name}"
        yield Figure(where, work.unit, tuple(measured.values), higher=work.higher, group=group, label=name)
        if name != DIRECT:
            yield Figure(f"{where}, processor", f"s/{per}", tuple(measured.cpu))
        if work.mode == "ping":
            for at, tail in enumerate(("p90", "p99", "p99.9")):
                yield Figure(f"{where}, {tail}", "µs", tuple(each[at] for each in measured.tails))
    yield from _against(work, found, hops)


def _against(work: Work, found: dict[str, Measured], hops: int) -> Iterator[Figure]:
    """The emulator's figures as shares of the peers', round by round: a noisy moment meets both."""
    peers = [measured for name, measured in found.items() if name not in (DIRECT, OURS)]
    if work.peer:
        peers = [found[work.peer]] if work.peer in found else []
    if not peers:
        return
    whose = work.peer or "the best peer"
    name, bar = f"{_hops(hops)}: {work.name}, of {whose}'s", work.bars[hops - 1]
    rounds = range(len(found[OURS].values))
    best = max if work.higher else min
    values = (found[OURS].values[at] / best(each.values[at] for each in peers) for at in rounds)
    yield Figure(name, "times", tuple(values), bar, higher=work.higher)
    if work.mode == "down":
        spent = (found[OURS].cpu[at] / min(each.cpu[at] for each in peers) for at in rounds)
        yield Figure(f"{name} processor a GB", "times", tuple(spent), 1.0)


def _hops(count: int) -> str:
    return "one hop" if count == 1 else "two hops"


@contextlib.contextmanager
def ours(target: int, hops: int, *, fused: bool = True) -> Iterator[Hops]:
    """The emulator in front of a port: with a public IP there is one hop, with a virtual network there are two."""
    topology = "public-ip" if hops == 1 else "existing-vnet"
    with state_folder() as home:
        file = Path(home) / "emulator.yaml"
        file.write_text(
            json.dumps({"topology": topology, "builds": {"linux": f"127.0.0.1:{target}"}, "fused": fused})
        )
        with emulator(home, "--config", str(file)) as status:
            pid = int(json.loads((Path(home) / "running.json").read_text())["pid"])
            yield _Emulated(int(status["endpoints"]["linux"]["port"]), (pid,))


@dataclass(frozen=True, slots=True)
class _Emulated(Hops):
    """Its own process alone: the build VMs have theirs."""

    def cpu(self) -> float:
        return cpu_of(self.pids[0], children=False)


def versions() -> dict[str, str]:
    """The peers and their settings, for the results."""
    return {peer.name: peer.lack or peer.settings for peer in PEERS}
