"""The container engine as it is asked for hops and tokens, without any container."""

from pathlib import Path

import pytest

from emulator.control import engine
from emulator.control.engine import Composed
from emulator.errors import InvalidInputError, UnavailableError
from tests.containers.stack import missing

pytestmark = pytest.mark.containers


@pytest.fixture
def answering() -> None:
    """An engine that answers."""
    reason = missing()
    if reason:
        pytest.skip(reason)


def test_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where no engine answers, that is said, for a token as for a fault."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")

    with pytest.raises(UnavailableError, match="no container engine answers"):
        engine.token(8060)
    with pytest.raises(UnavailableError, match="no container engine answers"):
        Composed().stop("proxy")


def test_an_old_engine_is_named(answering: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine below the floor is refused with its version and the floor."""
    monkeypatch.setattr("emulator.net.engine.LEAST", (999, 1))

    with pytest.raises(UnavailableError, match=r"engine .*, at least 999\.1 is needed"):
        Composed().stop("proxy")


def test_nobody_by_that_name(answering: None) -> None:
    """A hop or a network that no project has is named, and so is a port without a channel."""
    composed = Composed("aib-no-such-project")

    with pytest.raises(InvalidInputError, match="hop: found proxy-2, expected one of the running containers"):
        composed.kill("proxy-2")
    with pytest.raises(UnavailableError, match="no composed channel publishes its control API at port 1"):
        engine.token(1)
