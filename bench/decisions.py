"""What a decision costs: against a thousand rules beside ten, and the offline commands from their start."""

import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from bench.figures import Figure
from bench.running import COMMAND, environment
from emulator import World, load_world
from emulator.model import arm
from emulator.model.flow import Flow
from emulator.rules import path, security
from emulator.rules.condition import assumed

ROUNDS = 5
DECISIONS = 20_000
PATHS = 2_000
COMMANDS = {
    "explain": ("explain", "--json"),
    "check": ("check", "--json"),
    "ip-flow": (
        "ip-flow",
        "--direction",
        "inbound",
        "--local",
        "10.60.0.7:60001",
        "--remote",
        "10.60.0.5:*",
        "--json",
    ),
}


def measure() -> list[Figure]:
    """The ratio of two decisions, and the seconds of each offline command over a world of 1,000 rules."""
    with tempfile.TemporaryDirectory(prefix="aib-bench-") as folder:
        file = Path(folder) / "group.json"
        file.write_text(json.dumps(_group(1000)))
        worlds = {rules: _world(rules) for rules in (10, 100, 1000)}
        few, many = _decider(worlds[10]), _decider(worlds[1000])
        ratios = [_ratio(few, many) for _ in range(ROUNDS)]
        paths = {rules: tuple(_path(world) for _ in range(ROUNDS)) for rules, world in worlds.items()}
        seconds = {name: _rounds(words, file) for name, words in COMMANDS.items()}
    return [
        Figure("a decision against 1,000 rules, of one against 10", "times", tuple(ratios), 5.0),
        *(
            Figure(f"a whole path's decision, {rules} rules at the build subnet", "µs", found)
            for rules, found in paths.items()
        ),
        *(
            Figure(f"aib-emulator {name}, world of 1,000 rules, start included", "s", tuple(found), 0.5)
            for name, found in seconds.items()
        ),
    ]


def _group(rules: int) -> dict[str, Any]:
    """The build subnet's group with so many rules, none of which speaks about the channel."""
    group = arm.dump(load_world().groups[0])
    group["properties"]["securityRules"] = [
        {
            "name": f"rule-{number}",
            "properties": {
                "priority": 100 + number,
                "direction": "Inbound",
                "access": "Deny" if number % 2 else "Allow",
                "protocol": "Tcp",
                "sourceAddressPrefixes": [
                    f"172.{16 + number // 256}.{number % 256}.0/24",
                    f"192.168.{number % 256}.7",
                ],
                "sourcePortRange": "*",
                "destinationAddressPrefix": f"10.60.{number % 256}.0/24",
                "destinationPortRanges": [str(1000 + number), f"{20000 + number}-{20010 + number}"],
            },
        }
        for number in range(rules)
    ]
    return group


def _world(rules: int) -> World:
    return load_world(resources=_group(rules))


def _decider(world: World) -> Callable[[], float]:
    """Seconds of many decisions at the proxy's interface, its rules made ready before."""
    interface = world.interface_of(world.proxies[0])
    flow = Flow(IPv4Address("10.60.0.5"), 50000, interface.address, 60001)
    security.at_interface(world, interface, "Inbound", flow)

    def decide() -> float:
        began = time.perf_counter()
        for _ in range(DECISIONS):
            security.at_interface(world, interface, "Inbound", flow)
        return time.perf_counter() - began

    return decide


def _path(world: World) -> float:
    """Microseconds of deciding a client's whole path, each for a source port of its own; nothing remembered."""
    condition = assumed(world)
    flows = [path.client_flow(world, "linux", 1024 + number) for number in range(PATHS)]
    path.decide(flows[0], world, condition, "linux")
    began = time.perf_counter()
    for flow in flows:
        path.decide(flow, world, condition, "linux")
    return (time.perf_counter() - began) / PATHS * 1e6


def _ratio(few: Callable[[], float], many: Callable[[], float]) -> float:
    """Side by side: a noisy moment meets both."""
    pairs = [(few(), many()) for _ in range(3)]
    return statistics.median(after for _, after in pairs) / statistics.median(before for before, _ in pairs)


def _rounds(words: tuple[str, ...], file: Path) -> list[float]:
    """The seconds of each round after a first that is not counted: it reads the files from the disk."""
    return [_seconds(words, file) for _ in range(ROUNDS + 1)][1:]


def _seconds(words: tuple[str, ...], file: Path) -> float:
    began = time.perf_counter()
    command = (*COMMAND, *words, "--resources", str(file))
    done = subprocess.run(command, env=environment(str(file.parent)), check=False, capture_output=True)
    taken = time.perf_counter() - began
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{words[0]} failed: {done.stderr.decode()}")
    return taken
