"""Packer's restore of an upload; its elevated task is played in `tests/clients/test_packer.py`."""

import base64

import pytest

from emulator.machines.winguest import recognise_packer
from tests.windows_guest import guest

RESTORE = """
$tmp_file_path = [System.IO.Path]::GetFullPath("$env:TEMP\\winrmcp-1.tmp")
$dest_file_path = [System.IO.Path]::GetFullPath("{0}".Trim("'"))
if (Test-Path $dest_file_path) {{
    if (Test-Path -Path $dest_file_path -PathType container) {{
        Exit 1
    }} else {{
        rm $dest_file_path
    }}
}}
else {{
    $dest_dir = ([System.IO.Path]::GetDirectoryName($dest_file_path))
    New-Item -ItemType directory -Force -ErrorAction SilentlyContinue -Path $dest_dir | Out-Null
}}
if (Test-Path $tmp_file_path) {{
    $reader = [System.IO.File]::OpenText($tmp_file_path)
    $writer = [System.IO.File]::OpenWrite($dest_file_path)
    try {{
        for(;;) {{
            $base64_line = $reader.ReadLine()
            if ($base64_line -eq $null) {{ break }}
            $bytes = [System.Convert]::FromBase64String($base64_line)
            $writer.write($bytes, 0, $bytes.Length)
        }}
    }}
    finally {{
        $reader.Close()
        $writer.Close()
    }}
}} else {{
    echo $null > $dest_file_path
}}
"""


@pytest.mark.parametrize(
    ("target", "uploaded", "content", "code"),
    [
        ("C:\\made\\file.bin", b"one" * 100, b"one" * 100, 0),
        ("'C:\\made\\file.bin'", b"x", b"x", 0),
        # Nothing is uploaded of an empty file, and PowerShell's `>` leaves a byte order mark
        ("C:\\made\\file.bin", b"", b"\xff\xfe", 0),
        ("C:\\Windows", b"x", None, 1),
    ],
)
async def test_restores_an_upload(target: str, uploaded: bytes, content: bytes | None, code: int) -> None:
    """Lines of base64 become the file, its folder is made, and a folder in its place is an error."""
    with guest() as made:
        drive = made.computer.drive
        if uploaded:
            lines = [base64.b64encode(uploaded[at : at + 60]).decode() for at in range(0, len(uploaded), 60)]
            drive.write(f"{drive.home}\\AppData\\Local\\Temp\\winrmcp-1.tmp", "\r\n".join(lines).encode())
        found = await made.powershell(RESTORE.format(target))

        assert found == ("", "", code)
        if content is not None:
            assert drive.read("C:\\made\\file.bin") == content


async def test_bad_base64_is_an_error() -> None:
    """What is no base64 is said, and no file is left."""
    with guest() as made:
        drive = made.computer.drive
        drive.write(f"{drive.home}\\AppData\\Local\\Temp\\winrmcp-1.tmp", b"!!!")
        _, stderr, code = await made.powershell(RESTORE.format("C:\\made.bin"))

    assert ("FromBase64String" in stderr, code) == (True, 1)


def test_one_line_more_is_another_script() -> None:
    """A script that only begins as the restore is none."""
    assert recognise_packer.find(RESTORE.format("C:\\x") + "Remove-Item C:\\ -Recurse") is None
    assert recognise_packer.find(RESTORE.format("C:\\x")) is not None
