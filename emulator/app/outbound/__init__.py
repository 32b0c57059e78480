"""What the build VMs' own connections experience: what `explain` says of them (design section 4).

`atlas` knows where traffic really goes, `names` answers questions for names, `outgoing` decides on a connection and
carries it, `outlet` speaks with the guest's switchboard (`machines.outside`).
"""
