"""Figures of the emulator, each measured by one file, with public names only; `python -m bench` prints them."""
