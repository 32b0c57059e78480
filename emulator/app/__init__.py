"""A world in, a running emulator out: the one place that joins the parts."""
