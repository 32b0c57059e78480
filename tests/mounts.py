"""The machine's mounts, but for those that a container engine makes and removes beside us."""

from pathlib import Path

ENGINE = ("/var/lib/docker/", "/run/docker/")


def mounts(file: str) -> list[str]:
    """The lines of a table of mounts that are not the engine's."""
    return [line for line in Path(file).read_text().splitlines() if not any(each in line for each in ENGINE)]
