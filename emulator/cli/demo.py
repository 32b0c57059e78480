"""`demo`: the whole channel in a few seconds: it carries, it breaks twice, and says why each time."""


def demo() -> None:
    """Show the channel carry commands, break at each segment, and explain itself."""
