"""How long a user waits: for `--help`, and from `up` until the channel is ready."""

import subprocess
import time

from bench.figures import Figure
from bench.running import COMMAND, emulator, environment, state_folder

ROUNDS = 5


def measure() -> list[Figure]:
    """`aib-emulator --help`, and `aib-emulator up --detach` until it returns, which it does when ready."""
    helps, ups = [], []
    with state_folder() as home:
        for _ in range(ROUNDS):  # interleaved, so that a noisy minute meets both
            began = time.perf_counter()
            subprocess.run((*COMMAND, "--help"), env=environment(home), check=True, capture_output=True)
            helps.append(time.perf_counter() - began)
            began = time.perf_counter()
            with emulator(home):
                ups.append(time.perf_counter() - began)
    return [
        Figure("aib-emulator --help", "s", tuple(helps), 0.4),
        Figure("aib-emulator up --detach, until ready", "s", tuple(ups), 1.5),
    ]
