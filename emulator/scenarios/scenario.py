"""A scenario: what is wrong, what a client then sees and where, what it comes from and what mends it."""

from typing import Any, Literal, get_args

from pydantic import Field, model_validator

from emulator.model.world import Topology
from emulator.scenarios.patch import Patch, Strict
from emulator.scenarios.step import Evidence, State, Step, Symptom, steps_of, symptom_of

Hop = Literal["client", "private-endpoint", "load-balancer", "proxy", "build-linux", "build-windows"]
HOPS: tuple[Hop, ...] = get_args(Hop)
"""Where the first component at fault is, in the order in which a connection meets them."""
Needed = Literal["openssh", "packer", "packer-until-1.13", "filters"]


class Scenario(Strict):
    """One scenario; its name is its file's.

    Attributes:
        symptom: what the client sees while it is broken; one of its steps must.
        texts: what clients print, word for word; people search for it.
        time_scale: emulated seconds in a real one.
        largest_time_scale: the largest at which the symptom is still the same.
        in_azure: how long it takes there, and why, where that is longer than here.
        settings: further keys of emulator.yaml: `switches`, `winrm`.
        needs: what must be on the machine.
    """

    title: str = Field(max_length=120)
    hop: Hop
    symptom: Symptom
    texts: tuple[str, ...] = ()
    explanation: str
    fix: str
    references: tuple[str, ...] = Field(min_length=1)
    topology: Topology = "existing-vnet"
    time_scale: float = Field(default=10.0, gt=0, le=100_000)
    largest_time_scale: float = Field(default=100.0, gt=0, le=100_000)
    in_azure: str = Field(default="no longer than here", max_length=120)
    settings: dict[str, Any] = Field(default_factory=dict)
    needs: tuple[Needed, ...] = ()
    world: tuple[Patch, ...] = ()
    machines: dict[str, State] = Field(default_factory=dict)
    faults: tuple[dict[str, Any], ...] = ()
    script: tuple[Step, ...] = Field(min_length=1)
    evidence: tuple[Evidence, ...] = ()
    name: str = Field(default="", exclude=True, json_schema_extra={"readOnly": True})

    @model_validator(mode="after")
    def _consistent(self) -> "Scenario":
        seen = {symptom_of(each) for each in steps_of(self.script)} - {None}
        if self.symptom not in seen:
            words = ", ".join(sorted(filter(None, seen)))
            raise ValueError(f"symptom: found {self.symptom!r}, expected what a client of the script sees: {words}")
        if self.time_scale > self.largest_time_scale:
            raise ValueError(f"time_scale: found {self.time_scale:g}, expected at most largest_time_scale")
        return self
