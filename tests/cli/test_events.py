"""`events`: JSON lines of what was observed, and the same as sentences."""

import json

import pytest

from tests.cli.command import PATIENCE, Cli, first_line

pytestmark = pytest.mark.network


def test_records_are_json_lines(running: Cli) -> None:
    """Each line is one event; the records of a connection at both hops carry one flow name."""
    assert running("exec", "linux", "--", "true").returncode == 0
    lines = [json.loads(line) for line in running("events").stdout.splitlines()]

    flows = [(event["flow"], event["hop"]) for event in lines if event.get("kind") == "close"]
    assert all(event["sentence"] and event["time"] for event in lines)
    assert any((flow, "proxy") in flows for flow, hop in flows if hop == "load-balancer")


def test_text_is_for_people(running: Cli) -> None:
    """`--text` prints the sentences of the same events."""
    sentence = json.loads(running("events").stdout.splitlines()[0])["sentence"]

    assert running("events", "--text").stdout.splitlines()[0].endswith(sentence)


def test_a_reader_may_leave(running: Cli) -> None:
    """Whoever follows sees new events at once, and a reader that leaves ends it without a complaint."""
    with running.started("events", "--follow") as following:
        assert json.loads(first_line(following))
        assert following.stdout
        assert following.stderr
        following.stdout.close()
        while following.poll() is None:
            assert running("exec", "linux", "--", "true").returncode == 0

        assert following.stderr.read() == ""
        assert following.wait(PATIENCE) == 141
