"""A Windows machine that executes nothing on this one: cmd.exe and PowerShell over a folder that is drive C:.

`computer` is what there is (drive, registry, services, processes), `cmd_*` play cmd.exe's lines, and `parser`,
`check`, `engine` and `cmdlets_*` play PowerShell's scripts. A script is understood whole before any of it runs, or
refused whole.
"""
