"""Control's end: who does not speak its language is shown out, and disturbs nobody."""

import contextlib
from pathlib import Path

import aiohttp
import pytest

from emulator.app.fleet.server import PATH, numbered
from tests.app.fleet.test_link import control, free_port

pytestmark = pytest.mark.network


@pytest.mark.parametrize("first", ["nonsense", '{"kind": "happened", "event": {}}', "{}"])
async def test_a_wrong_first_word_ends_the_connection(tmp_path: Path, first: str) -> None:
    """A first message that is no hello closes the connection with a protocol error, and nobody has joined."""
    port = free_port()
    async with control(tmp_path, port) as fleet, aiohttp.ClientSession() as session:
        token = (tmp_path / "token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        async with session.ws_connect(f"http://127.0.0.1:{port}{PATH}", headers=headers) as connection:
            await connection.send_str(first)
            answer = await connection.receive(timeout=5)
            assert answer.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
            assert connection.close_code == 1002
        assert fleet.registry.hops == ()


async def test_without_the_token_there_is_no_conversation(tmp_path: Path) -> None:
    """The web socket is behind the token like all else."""
    port = free_port()
    async with control(tmp_path, port), aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            async with contextlib.AsyncExitStack() as stack:
                await stack.enter_async_context(session.ws_connect(f"http://127.0.0.1:{port}{PATH}"))

    assert caught.value.status == 401


@pytest.mark.parametrize(
    ("hops_network", "status"), [("127.0.0.1", 101), ("127.0.0.2", 401), ("nobody.invalid", 401)]
)
async def test_on_the_hops_own_network_no_token_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hops_network: str, status: int
) -> None:
    """Who dials control at its address on the hops' network joins without the token, and may do nothing else."""
    monkeypatch.setenv("AIB_EMULATOR_HOPS", hops_network)
    port = free_port()
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    async with control(tmp_path, port), aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        async with session.get(PATH, headers=upgrade | key) as joining:
            assert joining.status == status
        async with session.get("/emulator/status") as asking:
            assert asking.status == 401


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("aib-emulator-proxy-2.aib-emulator_build", 2),
        ("proxy-7-proxy-11.proxy-7_control", 11),
        ("stack_proxy.3.w1zjkqz4l0m8.stack_build", 3),
        ("aib-emulator-load-balancer-1.aib-emulator_control", 0),
        ("e70fc59adb9f", 0),
        ("localhost", 0),
    ],
)
def test_the_engine_numbers_containers(name: str, number: int) -> None:
    """A proxy's number is the one in its container's name, where the engine gave it one."""
    assert numbered("proxy", name) == number
