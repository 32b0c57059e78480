"""Perform one step over a communicator, as Packer's provisioner of its kind does."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emulator.build import provision_windows
from emulator.build.communicator import DISCONNECTED, Communicator
from emulator.build.failed import StepFailedError
from emulator.build.log import Log
from emulator.build.steps import Deprovision, File, PowerShell, Shell, Source, Step, WindowsRestart, provisioner
from emulator.channels.ssh_session import DisconnectedError
from emulator.errors import PeerError

LINUX_DEPROVISION = "/tmp/DeprovisioningScript.sh"  # noqa: S108 - the service's own place
WAAGENT = "sudo waagent -force -deprovision+user && export HISTSIZE=0 && sync"
"""What the service runs where no script was put there (azure.md 1.6)."""
NO_AGENT = "no Azure Linux agent in this build VM: waagent -force -deprovision+user has nothing to remove"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What steps name, by source."""

    contents: Mapping[Source, bytes]

    def of(self, source: Source) -> bytes:
        """The bytes of a source that the plan has."""
        return self.contents[source]


async def perform(step: Step, over: Communicator, log: Log, fetched: Fetched) -> None:
    """Perform a step.

    Raises:
        StepFailedError: it failed; the build ends.
    """
    name = provisioner(step)
    log.err(f"[INFO] (telemetry) Starting provisioner {name}")
    try:
        await _performed(step, over, log, fetched)
    except DisconnectedError:
        _tell_of_disconnect(log)
        said = "Script disconnected unexpectedly. If you expected your script to disconnect, i.e. from a restart, "
        said += 'you can try adding `"expect_disconnect": true` or `"valid_exit_codes": [0, 2300218]` to the '
        raise StepFailedError(said + "shell provisioner parameters.", is_disconnect=True) from None
    except PeerError as failure:
        raise StepFailedError(str(failure)) from None
    finally:
        log.end_output()
        log.err(f"[INFO] (telemetry) ending {name}")


def _tell_of_disconnect(log: Log) -> None:
    """The lines that the service's page quotes for a build whose machine was lost (azure.md 1.9)."""
    log.err("[ERROR] Remote command exited without exit status or exit signal.")
    log.err(f"[INFO] RPC endpoint: Communicator ended with: {DISCONNECTED}")
    log.err("Cancelling hook after context cancellation context canceled")
    log.err("Cancelling builder after context cancellation context canceled")
    log.err("Cancelling build after receiving terminated")


async def _performed(step: Step, over: Communicator, log: Log, fetched: Fetched) -> None:
    if isinstance(step, Shell):
        script = fetched.of(step.script) if step.script else _inline(step.inline)
        await _shell(script, over, log)
    elif isinstance(step, File):
        log.step(f"Uploading {step.source.uri} => {step.destination}")
        await over.upload(fetched.of(step.source), step.destination)
    elif isinstance(step, Deprovision) and step.system == "windows":
        await provision_windows.deprovision(over, log)
    elif isinstance(step, Deprovision):
        await _shell(_inline(deprovisioning_lines()), over, log)
    elif isinstance(step, PowerShell):
        script = fetched.of(step.script) if step.script else "\r\n".join(step.inline).encode()
        await provision_windows.powershell(step, script, over, log)
    elif isinstance(step, WindowsRestart):
        await provision_windows.restart(step, over, log)
    else:
        await provision_windows.update(step, over, log)


def _inline(commands: Sequence[str]) -> bytes:
    """Packer's file of commands: each ends the script when it fails."""
    return ("#!/bin/sh -e\n" + "".join(f"{each}\n" for each in commands)).encode()


def deprovisioning_lines() -> Sequence[str]:
    """A script that customizers put in the service's place, else its default where the agent is."""
    return (
        f"if [ -e {LINUX_DEPROVISION} ]; then sh {LINUX_DEPROVISION}",
        f"elif command -v waagent >/dev/null; then {WAAGENT}",
        f"else echo '{NO_AGENT}'; fi",
    )


async def _shell(script: bytes, over: Communicator, log: Log) -> None:
    """Packer's shell provisioner: upload, make executable, run with its variables, remove."""
    path = f"/tmp/script_{secrets.randbelow(9000) + 1000}.sh"  # noqa: S108 - the build VM's
    log.step(f"Provisioning with shell script: {path}")
    await over.upload(script, path)
    if await over.run(f"chmod 0755 {path}", log.output):
        raise StepFailedError(f"Error chmodding script file to 0755 in remote machine: {path}")
    variables = "PACKER_BUILDER_TYPE='azure-arm' PACKER_BUILD_NAME='azure-arm'"
    code = await over.run(f"chmod +x {path}; {variables} {path}", log.output)
    log.end_output()
    log.err(f"[INFO] RPC endpoint: Communicator ended with: {code}")
    if code:
        raise StepFailedError(f"Script exited with non-zero exit status: {code}. Allowed exit codes are: [0]")
    await over.run(f"rm -f {path}", log.output)
