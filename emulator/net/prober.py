"""Ask each backend on its interval, from 168.63.129.16, and feed the answers to its health."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from emulator.clock import wall_time
from emulator.model.balancer import Probe
from emulator.model.compute import Member
from emulator.model.world import PROBE_SOURCE
from emulator.net import http_probe, link_header
from emulator.net.dial import DialFailure, dial
from emulator.net.scene import Scene
from emulator.net.traffic import PROBE
from emulator.observe import Observation
from emulator.reason import Outcome, Verdict
from emulator.rules import condition, flow_points
from emulator.rules.probe import Answer, Health, patience


@contextlib.asynccontextmanager
async def probing(scene: Scene) -> AsyncIterator[asyncio.Event]:
    """Probe every backend until the body ends, as the world has them; the event is set once each was asked once."""
    async with asyncio.TaskGroup() as group:
        probers = _Probers(scene, group)
        probers.follow()
        all_asked = asyncio.Event()
        watching = group.create_task(_when_all(probers.all(), all_asked))
        scene.retune.append(probers.follow)
        try:
            yield all_asked
        finally:
            scene.retune.remove(probers.follow)
            watching.cancel()
            probers.stop()


async def _when_all(probers: "Sequence[_Prober]", event: asyncio.Event) -> None:
    for prober in probers:
        await prober.asked.wait()
    event.set()


class _Probers:
    """A prober for each probe and backend of the world, started and ended as the world changes."""

    def __init__(self, scene: Scene, group: asyncio.TaskGroup) -> None:
        self._scene = scene
        self._group = group
        self._running: dict[tuple[Probe, Member], tuple[_Prober, asyncio.Task[None]]] = {}

    def all(self) -> "Sequence[_Prober]":
        """Those that run now."""
        return [prober for prober, _ in self._running.values()]

    def follow(self) -> None:
        """Have one for each pair that the world has now, and no other."""
        world = self._scene.world
        wanted = {
            (probe, proxy) for probe in (world.balancer.probes if world.balancer else ()) for proxy in world.proxies
        }
        for pair in [each for each in self._running if each not in wanted]:
            self._running.pop(pair)[1].cancel()
        for pair in wanted - self._running.keys():
            prober = _Prober(self._scene, *pair)
            self._running[pair] = prober, self._group.create_task(prober.run())

    def stop(self) -> None:
        """End them all."""
        for _, task in self._running.values():
            task.cancel()


class _Prober:
    """One probe of one backend."""

    def __init__(self, scene: Scene, probe: Probe, proxy: Member) -> None:
        self.asked = asyncio.Event()
        self._scene = scene
        self._probe = probe
        self._proxy = proxy
        up = (probe.id, proxy.interface) in scene.condition.healthy
        self._health = Health(up=up, known=up)  # a probe whose settings changed goes on from what is believed

    async def run(self) -> None:
        """Ask at once, then on the interval, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            verdict = condition.probe_answer(self._scene.world, self._scene.condition, self._proxy, self._probe)
            if verdict.outcome is Outcome.DROPPED:
                self.asked.set()  # no answer will come, and nobody need wait for that
            self._believe(await _ask(self._scene, self._probe, self._proxy, verdict))
            self.asked.set()
            await asyncio.sleep(max(0.0, began + self._scene.clock.real(self._probe.interval) - loop.time()))

    def _believe(self, answer: Answer) -> None:
        before = self._health
        self._health = before.observe(answer, self._probe)
        if self._health.up != before.up:
            _flipped(self._scene, self._probe, self._proxy, answer.failure)


async def _ask(scene: Scene, probe: Probe, proxy: Member, verdict: Verdict) -> Answer:
    """What one probe comes to: a full handshake and a close, with a request between by Http (azure.md 3.4)."""
    answer = await _answer_of(scene, probe, proxy, verdict)
    if scene.traffic is not None:
        interface = scene.world.interface_of(proxy)
        points = flow_points.between(scene.world, None, interface, condition.probe_flow(interface, probe.port))
        if answer.failure and not answer.explicit:
            scene.traffic.denied(points)
        else:
            with scene.traffic.carried(points, lambda: PROBE):
                pass
    return answer


async def _answer_of(scene: Scene, probe: Probe, proxy: Member, verdict: Verdict) -> Answer:
    if verdict.outcome is Outcome.DROPPED:
        # Unanswered when the next one goes out is failed; the groups drop it, so there is nothing to dial.
        await scene.clock.sleep(patience(probe))
        return Answer(verdict.sentence)
    address = scene.world.interface_of(proxy).address
    source = scene.loopback.of(PROBE_SOURCE) if scene.loopback.exact else None
    seconds = scene.clock.real(patience(probe))
    target = await dial(source, scene.transport(address, probe.port), seconds=seconds)
    if isinstance(target, DialFailure):
        by_rule = verdict.outcome is Outcome.REFUSED and verdict.reason.kind != "probe"
        return Answer(verdict.sentence if by_rule else target.of(proxy.hop).sentence)
    with target:
        with contextlib.suppress(OSError):  # whoever closed at once has answered a handshake all the same
            target.send(link_header.before_probe(scene.world))
        if probe.protocol == "Tcp":
            return Answer()
        return await http_probe.ask(target, probe, f"{proxy.hop} at {address}:{probe.port}", seconds=seconds)


def _flipped(scene: Scene, probe: Probe, proxy: Member, failure: str) -> None:
    """The balancer changed its mind: down because of a failure, or up without one."""
    up = not failure
    scene.flip(probe.id, proxy.interface, up=up)
    sentence = f"load balancer: probe {probe.id.name} marks {proxy.hop} {'up' if up else f'down: {failure}'}"
    data: dict[str, str | int | float | bool] = {"probe": probe.id.text, "backend": proxy.hop, "up": up}
    event = "BackendUp" if up else "BackendDown"
    scene.observer(Observation(wall_time(), event, "load-balancer", sentence, data))
