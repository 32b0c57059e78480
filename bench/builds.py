"""What a build feels of the channel: SSH and WinRM as their clients use them, direct and through it, in one run.

All ways lead to the same build VMs, processes of their own, and take turns. Through the channel means balancer and
proxy VM, with rules and records on. Where a work has a bar, two hops of other relays do it as well: client and build
VM may use all the processors there are, and then any relay takes its share from them.
"""

import contextlib
import json
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bench.figures import Figure
from bench.peers import PEERS
from bench.running import emulator, state_folder
from bench.works import ACCOUNT, WORKS, Way, Work, prepared, rounds, written

PASSWORD = "bench"
BESIDE = ("haproxy", "nginx")
"""The peers that do what has a bar."""
OPENSSH = ("ssh", "scp", "sftp", "ssh-keygen")


def measure() -> Iterator[Figure]:
    """Seconds of each work, direct and through the channel, and their ratios, round by round."""
    missing = [program for program in OPENSSH if shutil.which(program) is None]
    if missing:
        print(f"builds: not measured: {', '.join(missing)} of OpenSSH's client missing")
        return
    with tempfile.TemporaryDirectory(prefix="aib-bench-") as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the certificate is our own
        folder = Path(name)
        prepared(folder)
        with _ways(folder) as ways, _peers(ways[0], folder) as peers:
            written(ways[0])
            for work in WORKS:
                taken = (*ways, *peers) if work.bar else ways
                yield from figures(work, rounds(work, taken), taken)


@contextlib.contextmanager
def _ways(folder: Path) -> Iterator[tuple[Way, Way]]:
    """Direct to the build VMs of a running emulator, and through its channel."""
    subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"), check=True)
    account = {"username": ACCOUNT, "password": PASSWORD, "private_key": str(folder / "key")}
    file = folder / "emulator.yaml"
    file.write_text(json.dumps({"topology": "existing-vnet", "credentials": account}))
    with state_folder() as home, emulator(home, "--config", str(file)) as status:
        local = {hop["name"]: hop["local"] for hop in status["hops"]}
        ends = {system: f"{each['host']}:{each['port']}" for system, each in status["endpoints"].items()}
        yield (
            Way("direct", local["build-linux"], local["build-windows"], folder, PASSWORD),
            Way("through the channel", ends["linux"], ends["windows"], folder, PASSWORD),
        )


@contextlib.contextmanager
def _peers(direct: Way, folder: Path) -> Iterator[tuple[Way, ...]]:
    """Through two hops of each peer that is there, to the Linux build VM."""
    with contextlib.ExitStack() as stack:
        found = []
        for peer in (each for each in PEERS if each.name in BESIDE):
            if peer.lack:
                print(f"builds: {peer.name} is not measured: {peer.lack}")
            else:
                hops = stack.enter_context(peer.hops(direct.linux, 2, folder))
                found.append(replace(direct, name=f"through two {peer.name}", linux=f"127.0.0.1:{hops.port}"))
        yield tuple(found)


def figures(work: Work, found: Sequence[Sequence[float]], ways: Sequence[Way], where: str = "") -> Iterator[Figure]:
    """The seconds by each way, the first of which is direct, and their shares of those."""
    group = f"{where}{work.name}"
    for at, way in enumerate(ways):
        seconds = tuple(each[at] for each in found)
        yield Figure(f"{group}, {way.name}", "s", seconds, group=group, label=way.name)
    for at, way in enumerate(ways[1:], 1):
        ratios = tuple(each[at] / each[0] for each in found)
        yield Figure(f"{group}, {way.name}, of direct", "times", ratios, work.bar if at == 1 and not where else None)
