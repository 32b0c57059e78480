"""Decisions: values in, verdicts with their reasons out; no I/O, no clock, no randomness."""
