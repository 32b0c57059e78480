"""Whatever runs has as many descriptors as it may."""

import resource
import subprocess
import sys

import pytest

PROGRAM = """
import resource
from emulator.cli.loop import run

async def shown():
    print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])

resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
run(shown())
"""


@pytest.mark.parametrize(("soft", "hard", "found"), [(64, 128, 128), (128, 128, 128)])
def test_the_soft_limit_is_raised_to_the_hard_one(soft: int, hard: int, found: int) -> None:
    """Shells set it low; what an administrator set stays."""
    program = PROGRAM.format(soft=soft, hard=hard)
    done = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=True)

    assert int(done.stdout) == found
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] >= found
