"""A line as a tree: what is told of it where nothing is redirected."""

from emulator.machines.winguest.cmd_tree import File, Redirections, Simple


def test_streams_go_to_the_console_by_default() -> None:
    """Without redirections each stream is its own, input comes from the console, and no value is shared."""
    assert Simple("a", "").redirections == Redirections()
    assert Redirections().targets == {"stdout": "stdout", "stderr": "stderr"}
    assert Redirections().source == ""
    assert Redirections().targets is not Redirections().targets
    assert File("a") != File("a", is_appended=True)
