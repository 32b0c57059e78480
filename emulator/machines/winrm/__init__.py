"""A Windows machine's WinRM service over HTTPS.

`http` takes connections and bodies, `auth` says whose connection it is (`ntlm` is the door to pyspnego), `service`
answers WS-Management requests, `shells` holds what was opened, and a `command_host.CommandHost` runs command lines.
Hosts form a chain; the last is `builtin`, which executes nothing on this machine and refuses what it does not know.

PowerShell remoting: `psrp` opens pools of `runspaces`, `psrp_pipeline` runs what `psrp_commands` has understood; its
streams, values and host calls are carried by the other `psrp_` modules, in `fragments`: the door to psrpcore.
"""
