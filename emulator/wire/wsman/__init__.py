"""WS-Management as WinRM speaks it: requests from bytes, replies and faults to bytes; no I/O.

`requests.parse` makes a `Request` of an envelope or raises `faults.WsmanFaultError`; `replies` builds
the answers. The codes and shapes are those of real Windows recordings where there are any.
"""
