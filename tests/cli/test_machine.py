"""`machine`: states are shown and set on the running channel."""

import pytest

from tests.cli.command import Cli

pytestmark = pytest.mark.network


def test_a_machine_is_brought_into_a_state_and_back(running: Cli) -> None:
    """A deallocated build VM denies its path, named by `status`; running again it does not."""
    before = running("machine")
    gone = running.json("machine", "build-windows", "deallocated", "--json")
    path = running.json("status", "--json")["paths"]["windows"]
    back = running.json("machine", "build-windows", "running", "--json")

    assert before.stdout.split() == ["proxy", "running", "build-linux", "running", "build-windows", "running"]
    assert gone["build-windows"] == "deallocated"
    assert (path["outcome"], "build-windows is deallocated" in path["reason"]) == ("denied", True)
    assert set(back.values()) == {"running"}


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (("proxy",), "STATE: found nothing after proxy"),
        (("proxy", "asleep"), "state: found 'asleep', expected one of running, service-stopped"),
        (("nobody", "running"), "hop: found 'nobody', expected one of proxy, build-linux, build-windows"),
    ],
)
def test_bad_input(running: Cli, given: tuple[str, ...], complaint: str) -> None:
    """What is wrong is said, with what is allowed, and the exit code is 2."""
    done = running("machine", *given)

    assert done.returncode == 2
    assert complaint in done.stderr
