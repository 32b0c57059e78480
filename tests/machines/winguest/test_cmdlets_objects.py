"""Cmdlets that pick, change and make objects."""

import pytest

from tests.windows_guest import guest


@pytest.mark.parametrize(
    ("script", "stdout"),
    [
        ("1..3 | ForEach-Object { $_ * 2 }; 'ab' | ForEach-Object Length", "2\r\n4\r\n6\r\n2\r\n"),
        ("1..4 | Where-Object { $_ -gt 2 }; @{a=1}, @{a=2} | Where-Object a -eq 2 | ForEach-Object a", "3\r\n4\r\n2\r\n"),  # noqa: E501
        ("1..5 | Select-Object -First 2; 1..5 | Select-Object -Last 1; 1..3 | Select-Object -Skip 2", "1\r\n2\r\n5\r\n3\r\n"),  # noqa: E501
        ("1, 1, 2 | Select-Object -Unique", "1\r\n2\r\n"),
        ("('b', 'A', 'c' | Sort-Object) -join ''; (3, 1, 2 | Sort-Object -Descending) -join ''", "Abc\r\n321\r\n"),
        ("(Get-Service | Select-Object Name, Status | Select-Object -First 1).Status", "Running\r\n"),
        ("(1 | Select-Object @{Name='n'; Expression={ $_ + 1 }}).n", "2\r\n"),
        ('$m = 1..4 | Measure-Object -Sum -Average -Maximum; "$($m.Count) $($m.Sum) $($m.Average) $($m.Maximum)"', "4 10 2.5 4\r\n"),  # noqa: E501
        ('$o = New-Object PSObject -Property @{a=1}; $o | Add-Member NoteProperty b 2; "$($o.a)$($o.b)"', "12\r\n"),
        ("$l = New-Object System.Collections.ArrayList; [void]$l.Add(1); $l.Count", "1\r\n"),
        ("@{a=@(1,2); b=$null} | ConvertTo-Json -Compress", '{"a":[1,2],"b":null}\r\n'),
        ("('{\"a\": {\"b\": [1, 2]}}' | ConvertFrom-Json).a.b[1]", "2\r\n"),
        ("Get-Date -Date '2024-03-05' -Format 'yyyy/MM/dd'", "2024/03/05\r\n"),
        ("(Get-Random -Minimum 3 -Maximum 4)", "3\r\n"),
        ("(ConvertTo-SecureString 'x' -AsPlainText -Force).GetType().Name", "SecureString\r\n"),
    ],
)  # fmt: skip
async def test_plays(script: str, stdout: str) -> None:
    """Pipelines of objects give what Windows' give."""
    with guest() as made:
        assert await made.powershell(script) == (stdout, "", 0)


async def test_bad_json_is_an_error() -> None:
    """What is no JSON is said, and can be caught."""
    with guest() as made:
        said = await made.powershell("try { '{' | ConvertFrom-Json } catch { $_.Exception.Message }")

    assert said == ("Invalid JSON primitive.\r\n", "", 0)
