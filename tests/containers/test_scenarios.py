"""Scenarios of the catalogue that are about the network, in containers: real SSH, real networks, hops of their own.

Their steps are the catalogue's; what a plain socket meets in each must be what the scenario says. A build VM that is
deallocated is cut off its network by the engine.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from emulator.clock import wall_time
from emulator.control.client import Control
from emulator.control.engine import Composed
from emulator.scenarios.patches import changed
from emulator.scenarios.reading import named
from emulator.scenarios.scenario import Scenario
from emulator.scenarios.step import EventSeen, RecordSeen, Step, TcpClient, steps_of
from tests.containers.clients import SERVED, Event, control, exact, met, observed, until_met
from tests.containers.stack import Stack

pytestmark = [pytest.mark.containers, pytest.mark.timeout(300), pytest.mark.xdist_group("containers")]
NETWORKED = (
    "admin-state-down",
    "balancing-rule-missing",
    "endpoint-pending",
    "forced-tunnelling-of-the-subnet",
    "guest-firewall-drops-probe",
    "guest-firewall-on-build-vm",
    "nsg-inbound-only",
    "probe-rule-missing",
    "route-to-dead-appliance",
    "sshd-refuses-during-first-boot",
    "syn-dropped-at-proxy",
)
"""Those in which packets are dropped, refused or led astray by balancer, private link, groups, routes or machines."""
MEETS = {"silent": "<silent>", "refused": "<refused>", "mute": "<connected>", "closed": "<closed>", "works": SERVED}
HEALS = 60.0
"""Real seconds in which a step must show, on a busy machine."""
PATIENCE = {"closed": 20.0}
"""Real seconds for a connection to say what it comes to: a proxy tries for a while before it ends one."""


@pytest_asyncio.fixture
async def found(quick: Stack) -> AsyncIterator[Control]:
    """The quick channel's control; afterwards everything is as it was, and the channel carries."""
    asked = control(quick)
    yield asked
    asked.clear_faults()
    for hop, state in asked.machines().items():
        if state != "running":
            asked.set_machine(hop, "running")
    asked.reset()
    await until_met(exact(quick), {SERVED}, HEALS)


async def shows(stack: Stack, outcome: str) -> None:
    """Wait until a new connection meets this."""
    async with asyncio.timeout(HEALS):
        while await met(exact(stack), PATIENCE.get(outcome, 1.0)) != MEETS[outcome]:
            pass


def is_seen(wanted: RecordSeen | EventSeen) -> Callable[[Event], bool]:
    """Whether an event of control's is what a scenario says, but for how exact it is."""
    if isinstance(wanted, EventSeen):
        return lambda event: event.get("event") == wanted.event and wanted.says in event["sentence"]
    asked: dict[str, Any] = {
        key: getattr(wanted, key) for key in ("kind", "hop", "leg", "ended_by", "how") if getattr(wanted, key)
    }
    reason = wanted.reason.model_dump(exclude_none=True)

    def fits(event: Event) -> bool:
        return (
            "flow" in event
            and all(event[key] == value for key, value in asked.items())
            and all(event["reason"][key] == value for key, value in reason.items())
            and wanted.says in event["sentence"]
        )

    return fits


HAPPENS: dict[str, Callable[[Control, Any], object]] = {
    "change": lambda asked, patches: asked.apply(changed(asked.world(), patches)),
    "reset": lambda asked, _: asked.reset(),
    "machine": lambda asked, states: [asked.set_machine(*each) for each in states.items()],
    "fault": lambda asked, values: asked.add_fault(values),
    "heal": lambda asked, name: asked.remove_fault(name),
}


async def play(step: Step, stack: Stack, asked: Control, since: str) -> None:
    """One step; questions, clients of Windows and connections that stay open are other tests' business."""
    value = step.value
    if step.verb in HAPPENS:
        HAPPENS[step.verb](asked, value)
    elif step.verb in ("tcp", "ssh") and value.system == "linux" and not getattr(value, "session", ""):
        if value.sees.outcome in MEETS:
            await shows(stack, value.sees.outcome)
    elif step.verb == "wait" and value.verb in ("record", "event"):
        await observed(stack).first(is_seen(value.value), since, HEALS)


async def broken(scenario: Scenario, asked: Control) -> None:
    """What is wrong before the script begins."""
    if scenario.world:
        asked.apply(changed(asked.world(), scenario.world))
    for hop, state in scenario.machines.items():
        asked.set_machine(hop, state)
    for values in scenario.faults:
        asked.add_fault(values)


@pytest.mark.parametrize("name", NETWORKED)
async def test_a_scenario_is_as_it_says(quick: Stack, found: Control, name: str) -> None:
    """Each step's client meets what the scenario says, and control is told the evidence."""
    scenario, since = named(name), wall_time()
    await broken(scenario, found)
    for step in steps_of(scenario.script):
        await play(step, quick, found, since)
    for each in scenario.evidence:
        await observed(quick).first(is_seen(each.value), since, HEALS)

    assert any(isinstance(each.value, TcpClient) for each in scenario.script)


async def test_a_build_vm_that_is_off_the_network_is_a_deallocated_one(quick: Stack, found: Control) -> None:
    """The engine takes it off its network: who connects is ended by the proxy, in vain; back, it serves."""
    scenario, composed, since = named("build-vm-deallocated"), Composed(quick.project), wall_time()
    address = await asyncio.to_thread(composed.cut, "build-linux", "build")
    try:
        await shows(quick, scenario.symptom)
        told = await observed(quick).first(is_seen(RecordSeen(hop="proxy", kind="close", ended_by="proxy")), since)
    finally:
        await asyncio.to_thread(composed.mend, "build-linux", "build", address)
    with contextlib.suppress(TimeoutError):
        await shows(quick, "works")

    assert "did not answer" in told["sentence"]
    assert await met(exact(quick), 20) == SERVED
