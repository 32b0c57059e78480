"""Faults as data: what goes wrong with which connections at which hop, and from when on. Nothing here does I/O."""
