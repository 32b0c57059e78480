"""A guest's way out: a network namespace between it and the machine, in which only what is allowed is answered.

The guest has one end of a pair of virtual interfaces; the other lies in a namespace where nothing is forwarded, so
that the kernel drops whatever is not answered there. `wiring` makes both; the `switchboard` sees each new
connection, asks whoever decides, and answers for its destination or not.
"""
