"""`python -m emulator` is `aib-emulator`."""

from emulator.cli import main

main()
