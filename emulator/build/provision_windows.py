"""Windows' steps, as Packer's provisioners do them: PowerShell, plain and elevated; restarts; updates; sysprep."""

import secrets

from emulator.build.communicator import QUIET, Collected, Communicator, powershell_line
from emulator.build.duration import in_go
from emulator.build.elevated import SYSTEM_USER, Task
from emulator.build.failed import StepFailedError
from emulator.build.log import Log
from emulator.build.steps import PowerShell, WindowsRestart, WindowsUpdate
from emulator.channels.ssh_session import DisconnectedError

FOLDER = "c:/Windows/Temp"
VARIABLES = '$env:PACKER_BUILDER_TYPE="azure-arm"; $env:PACKER_BUILD_NAME="azure-arm"; '
START_SECONDS, RETRY_SECONDS = 300.0, 5.0
"""`start_retry_timeout` of Packer's provisioners, and how often they try."""
TEST = 'shutdown /r /f /t 60 /c "packer restart test"'
ABORT = "shutdown /a"
UNDER_WAY = {1115: "A system shutdown is in progress.", 1190: "A system shutdown has already been scheduled."}
LOGGING_OFF = 1717
REBOOT_SECONDS, PROGRESS_SECONDS = 900.0, 10.0
RESTARTED = "restarted."
CHECK = 'echo ("{0} restarted." -f [System.Net.Dns]::GetHostName())'
UPDATE_RESTART_SECONDS = 14_400.0
REBOOT_NEEDED = (101, 2147942501)
"""Codes by which rgl's windows-update provisioner says that a restart is needed (azure.md 6.3)."""
SCRIPT = r"c:\DeprovisioningScript.ps1"
SYSPREP = r"C:\Windows\System32\Sysprep\Sysprep.exe"
NO_SYSPREP = "no Sysprep.exe in this build VM: IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE is not waited for"
DEFAULT = rf"""
& {SYSPREP} /oobe /generalize /quiet /quit
while($true) {{
  $imageState = (Get-ItemProperty HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Setup\State).ImageState
  Write-Output $imageState
  if ($imageState -eq 'IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE') {{ break }}
  Start-Sleep -s 5
}}
"""


def _name(what: str) -> str:
    return f"{what}-{secrets.token_hex(8)}"


async def powershell(step: PowerShell, script: bytes, over: Communicator, log: Log) -> None:
    """Upload a script and its variables, and run it; elevated by a task.

    Raises:
        StepFailedError: it ended with a code that is not allowed.
    """
    code = await _script(script, over, log, elevated_user(step))
    if code not in step.valid_exit_codes:
        allowed = " ".join(map(str, step.valid_exit_codes))
        raise StepFailedError(f"Script exited with non-zero exit status: {code}. Allowed exit codes are: [{allowed}]")


def elevated_user(step: PowerShell) -> str | None:
    """Whose elevated task runs it; None for none. The service's own elevated user is documented nowhere."""
    if not step.elevated:
        return None
    return SYSTEM_USER if step.as_system else "packer"


async def _script(script: bytes, over: Communicator, log: Log, user: str | None = None) -> int:
    path, variables = f"{FOLDER}/{_name('script')}.ps1", f"{FOLDER}/{_name('packer-ps-env-vars')}.ps1"
    log.step("Provisioning with Powershell...")
    log.step(f"Provisioning with powershell script: {path}")
    await over.upload(script, path)
    await over.upload(VARIABLES.encode(), variables)
    command = f"powershell -executionpolicy bypass \"& {{ {QUIET}. {variables}; &'{path}'; exit $LastExitCode }}\""
    if user is not None:
        command = await _elevated(command, user, over)
    code = await over.run(command, log.output)
    log.end_output()
    log.err(f"[INFO] RPC endpoint: Communicator ended with: {code}")
    return code


async def _elevated(command: str, user: str, over: Communicator) -> str:
    """Upload the task of a command; the command that runs it."""
    name = _name("packer")
    path, written = f"{FOLDER}/packer-elevated-shell-{name}.ps1", f"%SYSTEMROOT%/Temp/{name}.out"
    await over.upload(Task(name, user, "", command, written).script.encode(), path)
    return f'powershell -executionpolicy bypass -file "{path}"'


async def restart(step: WindowsRestart, over: Communicator, log: Log) -> None:
    """Restart the machine and wait until it is there again (azure.md 6.3).

    Raises:
        StepFailedError: it was not within the step's time.
    """
    log.step("Restarting Machine")
    try:
        async with log.clock.timeout(step.seconds):
            await _begun(step, over, log)
            log.step("Waiting for machine to restart...")
            log.err(f"Waiting for machine to reboot with timeout: {in_go(REBOOT_SECONDS)}")
            await _gone(over, log)
            await _back(step, over, log)
    except TimeoutError:
        log.step("Timeout waiting for machine to restart.")
        raise StepFailedError("Timeout waiting for machine to restart.") from None
    log.step("Machine successfully restarted, moving on")


async def _begun(step: WindowsRestart, over: Communicator, log: Log) -> None:
    """Ask for the restart, again where the machine does not answer."""
    while True:
        try:
            code = await over.run(step.command, log.output)
        except DisconnectedError as lost:
            log.err(f"Restart command failed to start: {lost}")
            await log.clock.sleep(RETRY_SECONDS)
            continue
        if code in (0, *UNDER_WAY):
            return
        raise StepFailedError(f"Restart script exited with non-zero exit status: {code}")


async def _gone(over: Communicator, log: Log) -> None:
    """Ask for another restart, until the machine does not answer, or no restart is under way."""
    while True:
        try:
            code = await over.run(TEST, log.output)
        except DisconnectedError:
            log.err("Reboot detected: the machine does not answer")
            return
        log.end_output()
        log.err(f"Retryable error: Restart test exited with {code}")
        if code == 0:
            await over.run(ABORT, log.output)
            return
        if code not in (*UNDER_WAY, LOGGING_OFF):
            return
        log.step("Reboot already in progress, waiting...")
        await log.clock.sleep(PROGRESS_SECONDS)


async def _back(step: WindowsRestart, over: Communicator, log: Log) -> None:
    """Every five seconds the user's check, once it can be run, then Packer's own."""
    check = step.check_command
    while True:
        await log.clock.sleep(RETRY_SECONDS)
        heard = Collected([])
        try:
            if check:
                await over.run(check, log.output)
                check = ""
            await over.run(powershell_line(CHECK), heard)
        except DisconnectedError as lost:
            log.err(f"Communication connection err: {lost}")
            continue
        if RESTARTED in heard.text:
            log.output(heard.text.strip().encode() + b"\n", False)
            return


async def update(step: WindowsUpdate, over: Communicator, log: Log) -> None:
    """Search, download and install updates, restarting as often as they need it.

    Raises:
        StepFailedError: the script failed, or a restart took too long.
    """
    path = f"{FOLDER}/{_name('packer-windows-update')}.ps1"
    log.step("Uploading the Windows update elevated script...")
    await over.upload(update_script(step), path)
    while True:
        log.step("Running Windows update...")
        code = await over.run(
            await _elevated(f'powershell -executionpolicy bypass -file "{path}"', SYSTEM_USER, over), log.output
        )
        log.end_output()
        if code not in REBOOT_NEEDED:
            break
        await restart(WindowsRestart(step.place, step.name, seconds=UPDATE_RESTART_SECONDS), over, log)
    if code:
        raise StepFailedError(f"Windows update script exited with code {code}")


def update_script(step: WindowsUpdate) -> bytes:
    """The script of an update step, our own in the order of rgl's: search, filter, limit, download, install."""
    filters = ", ".join("'" + each.replace("'", "''") + "'" for each in step.filters)
    text = UPDATE.replace("<search>", step.search.replace("'", "''")).replace("<filters>", filters)
    return text.replace("<limit>", str(step.limit)).encode()


UPDATE = """$filters = @(<filters>)
$session = New-Object -ComObject 'Microsoft.Update.Session'
$searcher = $session.CreateUpdateSearcher()
Write-Output 'Searching for Windows updates...'
$found = $searcher.Search('<search>').Updates
$wanted = New-Object -ComObject 'Microsoft.Update.UpdateColl'
foreach ($update in $found) {
  $take = $filters.Count -eq 0
  foreach ($filter in $filters) {
    $action, $expression = $filter -split ':', 2
    if ($update | Where-Object ([ScriptBlock]::Create($expression))) { $take = $action -eq 'include'; break }
  }
  if ($take -and $wanted.Count -lt <limit>) { $wanted.Add($update) | Out-Null }
}
if ($wanted.Count -eq 0) {
  Write-Output 'No Windows updates found'
  exit 0
}
$downloader = $session.CreateUpdateDownloader()
$downloader.Updates = $wanted
$downloader.Download() | Out-Null
$installer = $session.CreateUpdateInstaller()
$installer.Updates = $wanted
if ($installer.Install().RebootRequired) { exit 101 }
exit 0
"""


async def deprovision(over: Communicator, log: Log) -> None:
    """The hidden last step: a script that customizers put in the service's place, else sysprep where it is.

    Raises:
        StepFailedError: it failed.
    """
    if await over.run(f"if exist {SCRIPT} (exit 0) else (exit 1)", log.output) == 0:
        code = await over.run(f'powershell -executionpolicy bypass -file "{SCRIPT}"', log.output)
    elif await over.run(f"if exist {SYSPREP} (exit 0) else (exit 1)", log.output) == 0:
        code = await _script(DEFAULT.encode(), over, log)
    else:
        log.output(NO_SYSPREP.encode() + b"\n", False)
        return
    if code:
        raise StepFailedError(f"Deprovisioning script exited with non-zero exit status: {code}")
