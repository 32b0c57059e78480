"""Each step as a transcript: what Packer's provisioner does on the build VM."""

import re

import pytest

from emulator.build.failed import StepFailedError
from emulator.build.provision import Fetched, perform
from emulator.build.steps import Deprovision, File, Shell, Source, Step
from tests.build.communicators import Scripted, log

SOURCE = Source("https://example.com/x")
FETCHED = Fetched({SOURCE: b"#!/bin/sh\necho fetched\n"})


async def performed(step: Step, over: Scripted) -> str:
    """Perform a step; the log."""
    found, stream = log()
    await perform(step, over, found, FETCHED)
    return stream.getvalue()


def generic(heard: list[str]) -> list[str]:
    """Commands without the number that Packer makes up."""
    return [re.sub(r"script_\d{4}", "script_N", each) for each in heard]


async def test_inline_commands() -> None:
    """Uploaded as one script that ends at the first failure, run with Packer's variables, removed."""
    over = Scripted()
    said = await performed(Shell("p", "n", ("echo a", "echo b")), over)

    assert generic(over.heard) == [
        "upload /tmp/script_N.sh",
        "chmod 0755 /tmp/script_N.sh",
        "chmod +x /tmp/script_N.sh; PACKER_BUILDER_TYPE='azure-arm' PACKER_BUILD_NAME='azure-arm' /tmp/script_N.sh",
        "rm -f /tmp/script_N.sh",
    ]
    assert list(over.files.values()) == [b"#!/bin/sh -e\necho a\necho b\n"]
    marks = [line.partition("(telemetry) ")[2] for line in said.splitlines() if "telemetry" in line]
    assert marks == ["Starting provisioner shell", "ending shell"]


async def test_a_script_is_uploaded_as_it_is() -> None:
    """What was fetched is not changed."""
    over = Scripted()
    await performed(Shell("p", "n", (), SOURCE), over)

    assert list(over.files.values()) == [FETCHED.of(SOURCE)]


async def test_a_script_that_fails() -> None:
    """A code other than 0 ends the build in Packer's words, and the mark of the end is still written."""
    found, stream = log()
    with pytest.raises(StepFailedError, match=r"non-zero exit status: 3. Allowed exit codes are: \[0\]"):
        await perform(Shell("p", "n", ("x",)), Scripted({"chmod +x": 3}), found, FETCHED)
    assert "(telemetry) ending shell" in stream.getvalue()


async def test_a_lost_machine_has_the_page_s_lines() -> None:
    """A disconnect in the middle is told in all five lines that the troubleshooting page quotes."""
    found, stream = log()
    with pytest.raises(StepFailedError, match="Script disconnected unexpectedly") as caught:
        await perform(Shell("p", "n", ("x",)), Scripted({"chmod +x": -1}), found, FETCHED)

    assert caught.value.is_disconnect
    for line in (
        "[ERROR] Remote command exited without exit status or exit signal.",
        "[INFO] RPC endpoint: Communicator ended with: 2300218",
        "Cancelling hook after context cancellation context canceled",
        "Cancelling builder after context cancellation context canceled",
        "Cancelling build after receiving terminated",
    ):
        assert line in stream.getvalue()


async def test_files_are_uploaded() -> None:
    """A File step writes what was fetched to its destination."""
    over = Scripted()
    await performed(File("p", "n", SOURCE, "/tmp/x"), over)

    assert over.files == {"/tmp/x": FETCHED.of(SOURCE)}


async def test_the_hidden_step() -> None:
    """A script in the service's place goes before its default, which needs the agent."""
    over = Scripted()
    await performed(Deprovision("linux"), over)

    (script,) = over.files.values()
    assert b"if [ -e /tmp/DeprovisioningScript.sh ]; then sh /tmp/DeprovisioningScript.sh" in script
    assert b"waagent -force -deprovision+user && export HISTSIZE=0 && sync" in script
