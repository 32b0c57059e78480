"""A runspace pool's messages, read by psrpcore's own client side."""

from collections.abc import Iterator
from typing import Any

import psrpcore
import pytest

from emulator.machines.winrm.psrp_pool import MALFORMED, Pool


def opened() -> tuple[psrpcore.ClientRunspacePool, Pool]:
    """A client and a server that have opened a pool."""
    client, server = psrpcore.ClientRunspacePool(), Pool()
    client.open()
    list(server.receive(said(client)))
    list(heard(client, server))
    return client, server


def said(client: psrpcore.ClientRunspacePool) -> bytes:
    """What a client has to say."""
    payload = client.data_to_send()
    assert payload is not None
    return bytes(payload.data)


def heard(client: psrpcore.ClientRunspacePool, server: Pool) -> Iterator[psrpcore.PSRPEvent[Any, Any]]:
    """What a client makes of what the server says."""
    for pipeline_id, fragment in server.fragments():
        client.receive_data(psrpcore.PSRPPayload(fragment, psrpcore.StreamType.default, pipeline_id))
    while (event := client.next_event()) is not None:
        yield event


def output(value: str) -> object:
    """What a client gets for one object of a pipeline's output."""
    client, server = opened()
    pipeline = psrpcore.ClientPowerShell(client)
    pipeline.add_script("x")
    pipeline.start()
    running = psrpcore.ServerPipeline(server, pipeline.pipeline_id)
    list(server.receive(said(client)))
    running.start()
    running.write_output(value)
    found = [each for each in heard(client, server) if isinstance(each, psrpcore.PipelineOutputEvent)]
    return found[0].data


def test_a_pool_opens() -> None:
    """The client finds the pool open."""
    client, _ = opened()

    assert client.state.name == "Opened"


@pytest.mark.parametrize(
    "text", ["", "plain", "a<b>&c", "_x000A_", "line\r\nline", "ünï ∂ 😀", "x" * 100_000, "x" * 32_699, "x" * 32_701]
)
def test_texts_arrive_equal(text: str) -> None:
    """A text arrives as it is, whether something in it has to be escaped or not."""
    assert output(text) == text


@pytest.mark.parametrize("data", [b"", b"<!DOCTYPE x><Obj/>"])
def test_no_documents_with_types(data: bytes) -> None:
    """A message with a DTD is refused; an empty one is none."""
    client, server = opened()
    client.prepare_message(psrpcore.types.PublicKey(PublicKey="x"))
    message = said(client)
    changed = message[:17] + (len(data) + 40).to_bytes(4, "big") + message[21:61] + data

    with pytest.raises(MALFORMED):
        list(server.receive(changed))
