"""Talk about a running emulator: the control API, its client, and the state folder that finds it."""
