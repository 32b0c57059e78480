"""The faults of a running channel: added, listed and removed by name, live."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.app.config import Config
from emulator.app.keeper import Keeper
from emulator.clock import wall_time
from emulator.errors import InvalidInputError
from emulator.model.world import SYSTEMS, World, build_role
from emulator.observe import Observation, Observer
from emulator.rules.faults.fault import Fault
from emulator.rules.faults.reading import fault_from, values_of

SEEDS = 2**31


@dataclass(slots=True)
class Faults:
    """The faults there are.

    Attributes:
        play: has the hops play exactly these.
        hops: the hops that can have one.
        guests: the build VMs that play faults of their own.
        at_start: the faults it is reset to.
        running: those there are now.
    """

    play: Callable[[tuple[Fault, ...]], None]
    hops: Callable[[], Sequence[str]]
    observer: Observer
    guests: Callable[[], Sequence[str]] = tuple
    at_start: tuple[Fault, ...] = ()
    running: tuple[Fault, ...] = ()

    def add(self, values: Mapping[str, Any]) -> Fault:
        """Add a fault, live; connections that are open have it too, but for the bytes in flight.

        Args:
            values: `kind`, `hop`, the kind's settings, and what of `name`, `direction`, `at`, `share`, `nth`, `for`
                and `seed` is not to be the default; see `rules.faults.reading`.

        Raises:
            InvalidInputError: with every finding; nothing changed.
        """
        added = read_all([values], self.hops(), [each.name for each in self.running], key="", guests=self.guests())
        self._set((*self.running, *added))
        self._note("FaultAdded", added[0].hop, f"{described(added[0])} was added", added[0].name)
        return added[0]

    def remove(self, name: str) -> None:
        """Remove a fault, live: what waited for it goes on at once.

        Raises:
            InvalidInputError: there is none of that name.
        """
        found = next((each for each in self.running if each.name == name), None)
        if found is None:
            names = ", ".join(each.name for each in self.running) or "there is none"
            raise InvalidInputError(f"name: found {name!r}, expected one of the running faults: {names}")
        self._set(tuple(each for each in self.running if each is not found))
        self._note("FaultRemoved", found.hop, f"{described(found)} was removed", found.name)

    def clear(self) -> None:
        """Remove every fault."""
        for fault in self.running:
            self.remove(fault.name)

    def reset(self) -> None:
        """Have those it started with again."""
        if self.running != self.at_start:
            self._set(self.at_start)
            names = ", ".join(each.name for each in self.at_start) or "none"
            self.observer(Observation(wall_time(), "FaultsReset", "control", f"faults were reset to {names}"))

    def begin(self) -> None:
        """Have those of the settings beside what was added before."""
        names = {each.name for each in self.running}
        self._set((*(each for each in self.at_start if each.name not in names), *self.running))

    def start(self, given: tuple[Fault, ...]) -> None:
        """Have the faults of the settings."""
        self.at_start = given
        self._set(given)

    def all(self) -> list[dict[str, Any]]:
        """Each fault as keys and values."""
        return [values_of(each) for each in self.running]

    def _set(self, faults: tuple[Fault, ...]) -> None:
        if faults != self.running:
            self.running = faults
            self.play(faults)

    def _note(self, event: str, hop: str, sentence: str, name: str) -> None:
        self.observer(Observation(wall_time(), event, hop, sentence, {"fault": name}))


def read_all(
    given: Sequence[Mapping[str, Any]],
    hops: Sequence[str],
    taken: Sequence[str] = (),
    *,
    key: str = "faults",
    guests: Sequence[str] = (),
) -> tuple[Fault, ...]:
    """The faults that keys and values describe; one without a name gets its kind's, one without a seed any.

    Raises:
        InvalidInputError: with every finding.
    """
    found: list[Fault] = []
    findings: list[str] = []
    for number, values in enumerate(given):
        names = [*taken, *(each.name for each in found)]
        where = f"{key}.{number}." if key else ""
        try:
            name, seed = _free(str(values.get("kind")), names), secrets.randbelow(SEEDS)
            fault = fault_from(values, hops, default_name=name, seed=seed, guests=guests)
        except InvalidInputError as error:
            findings += [f"{where}{line}" for line in str(error).splitlines()]
            continue
        if fault.name in names:
            findings.append(f"{where}name: found {fault.name!r}, which another fault has already")
        found.append(fault)
    if findings:
        raise InvalidInputError("\n".join(findings))
    return tuple(found)


def hops_of(world: World) -> Sequence[str]:
    """The hops of a world that can have a fault, in the order in which a connection meets them."""
    linked = ["load-balancer"] if world.topology == "existing-vnet" else []
    builds = [build_role(system) for system in SYSTEMS if world.member(build_role(system))]
    return [*linked, *(each.hop for each in world.proxies), *builds]


def guests_of(keepers: Mapping[str, Keeper]) -> Sequence[str]:
    """The build VMs that play faults of their own: those whose server is ours."""
    return [name for name, keeper in keepers.items() if keeper.is_ours]


def guests_in(world: World, config: Config) -> Sequence[str]:
    """The build VMs that will play faults of their own, once they run."""
    theirs = {system for system in SYSTEMS if system in config.builds.given}
    if config.guest == "container":
        theirs.add("linux")
    ours = (build_role(system) for system in SYSTEMS if system not in theirs)
    return [role for role in ours if world.member(role)]


def described(fault: Fault) -> str:
    """A fault in a few words."""
    return f"fault {fault.name} ({fault.effect.kind} at {fault.hop}, seed {fault.seed})"


def _free(kind: str, names: Sequence[str]) -> str:
    numbers = (f"{kind}-{number}" for number in range(2, len(names) + 3))
    return next(each for each in (kind, *numbers) if each not in names)
