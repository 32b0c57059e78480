"""`python -m bench`: measure everything, print each figure, exit 1 when one misses its bar."""

import os
import platform
import sys

from bench import decisions, memory, start, winrm
from emulator import __version__


def main() -> int:
    """Run each measurement and print it as it comes."""
    print(
        f"aib-emulator {__version__}, Python {platform.python_version()}, {platform.system()} {platform.release()}, "
        f"{os.cpu_count()} cores, {'root' if os.geteuid() == 0 else 'ordinary user'}"
    )
    missed = 0
    for measurement in (decisions, start, memory, winrm):
        for figure in measurement.measure():
            print(figure, flush=True)
            missed += figure.misses
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
