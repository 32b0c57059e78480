"""Faults from what people write: read, refused with every finding, and written back."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.errors import InvalidInputError
from emulator.rules.faults.fault import Fault, Moment
from emulator.rules.faults.kinds import KINDS, Delay, Mute, Reset
from emulator.rules.faults.reading import fault_from, values_of

HOPS = ["load-balancer", "proxy", "build-linux"]


def read(**values: Any) -> Fault:
    """The fault of these values, at the proxy unless they say otherwise."""
    return fault_from({"hop": "proxy", **values}, HOPS, default_name="it", seed=5)


def refused(**values: Any) -> str:
    """What is said of these values."""
    with pytest.raises(InvalidInputError) as caught:
        read(**values)
    return str(caught.value)


def test_the_least_is_a_kind_and_a_hop() -> None:
    """All else has a default."""
    assert read(kind="mute") == Fault("it", Mute(), "proxy", seed=5)


def test_everything_can_be_set() -> None:
    """Numbers may be text, as a command line gives them."""
    found = read(
        kind="delay",
        seconds="0.5",
        jitter=0.1,
        direction="to-client",
        at="bytes:10",
        **{"share": "0.5", "for": 9, "seed": 3, "name": "slow"},
    )

    assert found == Fault(
        "slow", Delay(seconds=0.5, jitter=0.1), "proxy", "to-client", Moment(size=10), 0.5, 0, 9.0, 3
    )


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("connect", Moment()),
        ("login", Moment(phase="login")),
        ("bytes:0", Moment(size=0)),
        ("seconds:2.5", Moment(seconds=2.5)),
        (r"pattern:a:b\x00\n", Moment(pattern=b"a:b\x00\n")),
    ],
)
def test_moments(text: str, moment: Moment) -> None:
    """Each way to say when."""
    assert read(kind="reset", at=text) == Fault("it", Reset(), "proxy", moment=moment, seed=5)


def test_an_unknown_kind_names_the_kinds() -> None:
    """All of them."""
    said = refused(kind="slow")

    assert said.startswith("kind: found 'slow', expected one of ")
    assert all(kind in said for kind in KINDS)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"hop": "gateway"}, "hop: found 'gateway', expected one of load-balancer, proxy, build-linux"),
        ({"seconds": -1}, "seconds: found -1, expected a number from 0 to 3600"),
        ({"seconds": "soon"}, "seconds: found 'soon', expected a number from 0 to 3600"),
        ({"seconds": True}, "seconds: found True, expected a number from 0 to 3600"),
        ({"seconds": float("nan")}, "seconds: found nan, expected a number from 0 to 3600"),
        ({"direction": "up"}, "direction: found 'up', expected one of from-client, to-client, both"),
        ({"at": "byte:3"}, "at: found 'byte:3', expected connect, banner, handshake, login, bytes:N"),
        ({"at": "pattern:"}, "at: found 'pattern:', expected"),
        ({"at": 7}, "at: found 7, expected"),
        ({"share": 2}, "share: found 2, expected a number from 0 to 1"),
        ({"nth": 1.5}, "nth: found 1.5, expected a whole number from 0 to"),
        ({"name": "two words"}, "name: found 'two words', expected 1 to 64 printable characters"),
        ({"speed": 3}, "speed: no such key of delay; the keys are name, kind, hop,"),
    ],
)
def test_a_wrong_value_says_what_is_allowed(values: dict[str, Any], said: str) -> None:
    """What was found, where, what is allowed."""
    assert refused(**{"kind": "delay", "seconds": 1, **values}).startswith(said)


def test_a_missing_setting_is_named() -> None:
    """A delay has to say how long."""
    assert refused(kind="delay") == "seconds: found nothing, expected a number from 0 to 3600"


def test_every_finding_is_told_at_once() -> None:
    """Not one after the other."""
    assert len(refused(kind="delay", seconds=-1, hop="x", share=9, colour="red").splitlines()) == 4


def test_a_listeners_fault_has_no_moment() -> None:
    """It acts when a connection is attempted."""
    assert "drop-syn acts when a connection is attempted" in refused(kind="drop-syn", at="login")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_read_as_the_same(kind: str) -> None:
    """Every kind goes to control and back."""
    needed = {"delay": {"seconds": 1}, "rate": {"kilobytes_per_second": 5}, "slice": {"size": 9}}
    more = {"slow-close": {"seconds": 1}, "loss": {"percent": 5}, "slow-accept": {"seconds": 1}}
    burst = {"burst-loss": {"seconds": 1, "between": 2}, "flap": {"down": 1, "up": 2}}
    at = {} if KINDS[kind].where in ("accept", "link") else {"at": r"pattern:\x00\\x"}
    hop = "load-balancer" if KINDS[kind].where == "link" else "proxy"
    found = read(kind=kind, hop=hop, **{**needed, **more, **burst}.get(kind, {}), **at)

    assert fault_from(values_of(found), HOPS, default_name="other", seed=9) == found


@given(
    st.dictionaries(
        st.sampled_from(["kind", "hop", "at", "share", "nth", "for", "seed", "name", "seconds", "direction"]),
        st.one_of(
            st.none(), st.integers(), st.floats(), st.text(max_size=20), st.lists(st.integers()), st.booleans()
        ),
    )
)
def test_any_values_raise_only_our_error(values: dict[str, Any]) -> None:
    """Whatever is written, the answer is a fault or findings."""
    with contextlib.suppress(InvalidInputError):
        assert isinstance(fault_from({"kind": "delay", **values}, HOPS, default_name="it", seed=1), Fault)


def test_nat_ports_are_private_links() -> None:
    """At the balancer's hop alone, for all connections; not where there is no private link."""
    hops = ["load-balancer", "proxy", "build-linux"]
    found = fault_from({"kind": "nat-ports"}, hops, default_name="it", seed=1)

    assert found.hop == "load-balancer"
    with pytest.raises(InvalidInputError, match="hop: found 'proxy', expected one of load-balancer"):
        fault_from({"kind": "nat-ports", "hop": "proxy"}, hops, default_name="it", seed=1)
    with pytest.raises(InvalidInputError, match="nat-ports is private link's, for all connections: it has no at"):
        fault_from({"kind": "nat-ports", "nth": 3}, hops, default_name="it", seed=1)
    with pytest.raises(InvalidInputError, match="found 'nat-ports', but this topology has no private link"):
        fault_from({"kind": "nat-ports"}, ["build-linux"], default_name="it", seed=1)


@pytest.mark.parametrize(("kind", "state"), [("sshd-restart", "service-stopped"), ("reboot", "rebooting")])
def test_what_is_a_state_is_said_to_be_one(kind: str, state: str) -> None:
    """Restarts and reboots are set by another command, which is named."""
    with pytest.raises(InvalidInputError, match=f"found '{kind}', .*`aib-emulator machine HOP {state}`"):
        fault_from({"kind": kind}, ["proxy"], default_name="it", seed=1)
