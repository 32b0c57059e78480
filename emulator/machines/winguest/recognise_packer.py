"""What Packer itself sends: winrmcp's restore of an upload, and the scheduled task that runs a command elevated."""

import base64
import binascii
import html
import re

from emulator.machines.winguest.drive import DriveError, decoded
from emulator.machines.winguest.errors import PowerShellError
from emulator.machines.winguest.recognisers import Given, Play, Recognised, flattened, template

# github.com/packer-community/winrmcp, winrmcp/cp.go, restoreContent; Packer 1.6 has it without the `Trim`.
_RESTORE = template(
    """
    $tmp_file_path = [System.IO.Path]::GetFullPath("<<source>>")
    $dest_file_path = [System.IO.Path]::GetFullPath("<<target>>"<<?.Trim("'")>>)
    if (Test-Path $dest_file_path) {
    if (Test-Path -Path $dest_file_path -PathType container) {
    Exit 1
    } else {
    rm $dest_file_path
    }
    }
    else {
    $dest_dir = ([System.IO.Path]::GetDirectoryName($dest_file_path))
    New-Item -ItemType directory -Force -ErrorAction SilentlyContinue -Path $dest_dir | Out-Null
    }
    if (Test-Path $tmp_file_path) {
    $reader = [System.IO.File]::OpenText($tmp_file_path)
    $writer = [System.IO.File]::OpenWrite($dest_file_path)
    try {
    for(;;) {
    $base64_line = $reader.ReadLine()
    if ($base64_line -eq $null) { break }
    $bytes = [System.Convert]::FromBase64String($base64_line)
    $writer.write($bytes, 0, $bytes.Length)
    }
    }
    finally {
    $reader.Close()
    $writer.Close()
    }
    } else {
    echo $null > $dest_file_path
    }
    """
)
# github.com/hashicorp/packer-plugin-sdk, guestexec/elevated.go; releases differ in the waits at its end.
_ELEVATED = template(
    """
    $name = "<<name>>"
    $log = [System.Environment]::ExpandEnvironmentVariables("<<log>>")
    $s = New-Object -ComObject "Schedule.Service"
    $s.Connect()
    $t = $s.NewTask($null)
    $xml = [xml]@'
    <?xml version="1.0" encoding="UTF-16"?>
    <Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
    <<registration>>
    <UserId><<user>></UserId>
    <<settings>>
    <Exec>
    <Command>cmd</Command>
    <Arguments>/c <<command>></Arguments>
    </Exec>
    </Actions>
    </Task>
    '@
    <<rest>>
    $f.RegisterTaskDefinition($name, $t, 6, "<<again>>", $password, $logon_type, $null) | Out-Null
    $t = $f.GetTask("\\$name")
    $t.Run($null) | Out-Null
    <<waiting>>
    $result = $t.LastTaskResult
    <<cleaning>>
    $f.DeleteTask("\\$name", "")<<end>>
    """
)


def find(script: str) -> Recognised | None:
    """The script that this is, or None."""
    flat = flattened(script)
    if match := _RESTORE.fullmatch(flat):
        return _restoring(match["source"], match["target"])
    if match := _ELEVATED.fullmatch(flat):
        return _elevated(html.unescape(match["command"]), match["log"])
    return None


def _expanded(given: Given, text: str) -> str:
    """A text in double quotes, with the environment variables of both spellings in it."""
    session = given.engine.session
    text = re.sub(r"\$env:(\w+)", lambda match: session.variable(match[1]) or "", text, flags=re.IGNORECASE)
    return re.sub(r"%([^%]+)%", lambda match: session.variable(match[1]) or match[0], text)


def _restoring(source: str, target: str) -> Recognised:
    async def play(given: Given) -> int:
        session, drive = given.engine.session, given.engine.session.computer.drive
        at = drive.resolve(_expanded(given, source), session.directory)
        place = drive.resolve(_expanded(given, target).strip("'"), session.directory)
        if drive.folder(place) is not None:
            return 1
        drive.make_folder(place.rpartition("\\")[0])
        found = drive.find(at)
        # Nothing was uploaded of an empty file; PowerShell's `>` then leaves a byte order mark.
        drive.write(place, _joined(decoded(found.read_bytes())) if found is not None else b"\xff\xfe")
        return 0

    return Recognised("Packer's upload", _guarded(play))


def _joined(lines: str) -> bytes:
    try:
        return b"".join(base64.b64decode(line.strip(), validate=True) for line in lines.splitlines())
    except binascii.Error:
        raise PowerShellError(
            'Exception calling "FromBase64String" with "1" argument(s)', "FormatException", is_thrown=True
        ) from None


def _guarded(play: Play) -> Play:
    async def guarded(given: Given) -> int:
        try:
            return await play(given)
        except DriveError as error:
            raise PowerShellError(str(error), "IOException", "WriteError", is_thrown=True) from None

    return guarded


def _elevated(command: str, log: str) -> Recognised:
    async def play(given: Given) -> int:
        from emulator.machines.winguest import cmd_shell
        from emulator.machines.winguest.console import Kept

        session, drive = given.engine.session, given.engine.session.computer.drive
        path = drive.resolve(_expanded(given, log), session.directory)
        console = Kept()
        code = await cmd_shell.run_line(session, console, command)
        if console.written["stderr"]:
            given.engine.streams.message("stderr", console.text("stderr"))
        if drive.find(path) is not None:
            for line in decoded(drive.read(path)).splitlines():
                given.emit(line)
            drive.remove(path)
        return code

    return Recognised("Packer's elevated task", _guarded(play), is_decided_late=True)
