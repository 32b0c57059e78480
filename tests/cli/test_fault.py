"""`fault`: faults are added, listed and removed on the running channel."""

import json

import pytest

from emulator.cli.fault import line_of
from tests.cli.command import Cli

pytestmark = pytest.mark.network


def test_a_fault_is_added_listed_and_removed(running: Cli) -> None:
    """It comes with its name and its seed, is listed as it was added, and goes again."""
    added = running("fault", "add", "delay", "seconds=0.5", "jitter=0.1", "--hop", "build-linux", "--at", "login")
    listed = running.json("fault", "list", "--json")
    removed = running("fault", "remove", "delay")
    after = running("fault", "list")

    assert added.stdout.startswith(
        "added delay: delay seconds=0.5 jitter=0.1 at build-linux (both, from login on, seed "
    )
    assert [(each["name"], each["hop"], each["seconds"]) for each in listed] == [("delay", "build-linux", 0.5)]
    assert removed.stdout == "removed delay; 0 left\n"
    assert after.stdout == "no fault is set\n"


def test_a_command_meets_the_fault(running: Cli) -> None:
    """With the proxy refusing, the channel's command fails; cleared, it does not."""
    running.json("fault", "add", "refuse", "--hop", "build-linux", "--name", "one", "--json")
    running.json("fault", "add", "mute", "--hop", "build-windows", "--name", "two", "--json")
    broken = running("exec", "linux", "--", "true")
    cleared = running("fault", "clear")
    mended = running("exec", "linux", "--", "true")

    assert broken.returncode != 0
    assert cleared.stdout == "no fault is set any more\n"
    assert mended.returncode == 0


def test_a_seed_can_be_given_and_a_share_is_told(running: Cli) -> None:
    """The same seed is the same fault again."""
    added = running.json(
        *("fault", "add", "mute", "--hop", "build-windows", "--share", "0.5", "--seed", "7", "--json")
    )
    running("fault", "clear")

    assert (added["seed"], added["share"]) == (7, 0.5)
    assert "50% of connections" in line_of(added)


def test_kinds_are_explained(cli: Cli) -> None:
    """Every kind with what it does and its settings, without an emulator."""
    shown = cli("fault", "kinds")
    table = json.loads(cli("fault", "kinds", "--json").stdout)

    assert shown.returncode == 0
    assert "delay\n    Each byte comes `seconds` later" in shown.stdout
    assert table["reset"]["settings"] == ["side: both or client or backend, both by default"]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (("slow",), "kind: found 'slow', expected one of delay, rate,"),
        (("delay", "seconds"), "KEY=VALUE: found 'seconds', expected a setting of the kind"),
        (("delay", "seconds=-1"), "seconds: found '-1', expected a number from 0 to 3600"),
        (("delay", "kind=reset"), "KEY=VALUE: found 'kind=reset', expected a setting of the kind, once"),
        (("delay", "seconds=1", "seconds=2"), "KEY=VALUE: found 'seconds=2', expected a setting of the kind, once"),
        (("mute", "--nth", "3", "--share", "0.5"), "share: found 0.5, but nth is one connection alone"),
        (("refuse", "--direction", "to-client"), "direction: found to-client, but refuse has none"),
        (("ssh-algorithms", "accept=nosuch"), "accept: found 'nosuch', expected text that matches (ssh-ed25519|"),
        (("mute", "--hop", "gateway"), "hop: found 'gateway', expected one of load-balancer, proxy, build-linux"),
    ],
)
def test_bad_input(running: Cli, given: tuple[str, ...], complaint: str) -> None:
    """What is wrong is said, with what is allowed, the exit code is 2, and nothing was added."""
    done = running("fault", "add", *given)

    assert done.returncode == 2
    assert complaint in done.stderr
    assert running.json("fault", "list", "--json") == []


def test_nothing_to_remove(running: Cli) -> None:
    """The running faults are named."""
    done = running("fault", "remove", "delay")

    assert done.returncode == 2
    assert "name: found 'delay', expected one of the running faults: there is none" in done.stderr
