"""Byte formats, without I/O: PROXY protocol v2, the header between our hops, WS-Management."""
