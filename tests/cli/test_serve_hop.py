"""`serve control` and the hops that follow it, as processes of their own."""

import json
import socket

import pytest

from tests.cli.command import Cli, first_line

pytestmark = pytest.mark.network


def test_control_says_where_it_is(cli: Cli) -> None:
    """`serve control` prints its API's address and ends on SIGTERM with code 0; its port is free afterwards."""
    with cli.started("serve", "control", "--listen", "127.0.0.1:0", "--json") as process:
        said = json.loads(first_line(process))
        process.terminate()
        assert process.wait(10) == 0

    assert said["role"] == "control"
    assert said["detail"].startswith("control API at http://127.0.0.1:")
    port = int(said["detail"].split(":")[2].split(",")[0])
    socket.create_server(("127.0.0.1", port)).close()


def test_a_hop_without_a_control(cli: Cli) -> None:
    """A hop that nobody told of a control says so and exits 2, instead of trying for ever."""
    done = cli("serve", "proxy")

    assert done.returncode == 2
    assert "AIB_EMULATOR_CONTROL names its URL, and AIB_EMULATOR_TOKEN its token" in done.stderr


@pytest.mark.parametrize(("role", "listen"), [("control", "10.60.0.1:8060"), ("proxy", "0.0.0.0")])
def test_loopback_unless_asked(cli: Cli, role: str, listen: str) -> None:
    """A hop listens beyond loopback only with --allow-remote."""
    done = cli("serve", role, "--listen", listen)

    assert done.returncode == 2
    assert "--allow-remote" in done.stderr
