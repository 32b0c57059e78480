"""All or nothing: what a script cannot be wholly known to do, it does not begin."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.knowledge import Knowledge
from emulator.machines.winguest.powershell_exe import understood
from tests.windows_guest import Guest, guest

FILES = {
    r"C:\good.ps1": "Set-Content C:\\from-good.txt x",
    r"C:\bad.ps1": "Set-Content C:\\from-bad.txt x; Get-Foo",
    r"C:\good.bat": "@echo off\r\necho x> C:\\from-bat.txt\r\n",
    r"C:\bad.bat": "echo x> C:\\from-bat.txt\r\nfrobnicate\r\n",
}
KNOWN = (
    r"Set-Content C:\new.txt 'a'",
    r"'text' > C:\redirected.txt",
    r"New-Item C:\folder -ItemType Directory -Force | Out-Null",
    r"New-Item HKLM:\SOFTWARE\New -Force | Out-Null",
    r"Set-ItemProperty HKLM:\SOFTWARE\Policies\Microsoft\Windows -Name v -Value 7",
    "Stop-Service Spooler",
    "Install-WindowsFeature Web-Server | Out-Null",
    "$env:CHANGED = 'yes'",
    "[Environment]::SetEnvironmentVariable('M', 'v', 'Machine')",
    r"[IO.File]::WriteAllText('C:\net.txt', 'x')",
    r"Set-Location C:\Windows",
    r"& C:\good.ps1",
    r"cmd /c 'echo x> C:\from-cmd.txt'",
    r"& C:\good.bat",
    "$tool = 'cmd.exe'; & $tool /c 'set A=1'",
    r"$block = { Set-Content C:\block.txt x }; & $block",
    r"Invoke-Expression 'Set-Content C:\expression.txt x'",
)
"""Each is played, and most change something."""
UNKNOWN = (
    "Get-Foo",
    "notepad.exe",
    "& $whatever",
    ". $whatever",
    "& $whatever.Name 'x'",
    "& (Get-Content C:\\good.ps1)",
    '& "$whatever.exe"',
    "$made = Get-Content C:\\good.ps1; & $made",
    "foreach ($each in Get-ChildItem C:\\) { & $each }",
    "Invoke-Expression $whatever",
    "iex (Get-Content C:\\good.ps1 -Raw)",
    "'Get-Foo' | Invoke-Expression",
    "Get-Content C:\\good.ps1 | iex",
    "Invoke-Expression 'Get-Foo'",
    'Invoke-Expression "Get-$whatever"',
    "Invoke-Command $whatever",
    "$block = { Get-Foo }",
    "& ([scriptblock]::Create('Get-Foo'))",
    "& ([scriptblock]'Get-Foo')",
    "function Later { Get-Foo }",
    r"& C:\bad.ps1",
    r". C:\bad.ps1",
    r"& C:\nope.ps1",
    r"$path = 'C:\bad.ps1'; & $path",
    r"Set-Content C:\good.ps1 'Get-Foo'; & C:\good.ps1",
    r"Set-Content C:\good.ps1 'Get-Foo'; powershell -File C:\good.ps1",
    r"[IO.File]::WriteAllText('C:\good.ps1', 'Get-Foo'); & C:\good.ps1",
    r"cmd /c 'copy C:\bad.ps1 C:\good.ps1'; & C:\good.ps1",
    r"Copy-Item C:\bad.bat C:\good.bat; cmd /c C:\good.bat",
    r"& C:\bad.bat",
    "cmd /c frobnicate",
    "cmd /c 'echo a & frobnicate'",
    "cmd /c $whatever",
    "powershell -Command Get-Foo",
    "shutdown /z",
    "Start-Process $whatever",
    "Start-Process notepad",
    "[System.Diagnostics.Process]::Start('x')",
    "$whatever::Start('x')",
    "[Console]::Frobnicate",
    "[Foo]'x'",
    "$x.Frobnicate()",
    "Get-Item C:\\ -Frob",
    "Get-Item C:\\ one two",
    "Get-Item @whatever",
    "$table = @{Frob = 1}; Get-Item @table",
    "$table = @{}; $table[$whatever] = 1; Get-Item @table",
    "Remove-Item C:\\good.ps1 -WhatIf",
    "Remove-Item C:\\good.ps1 -Confirm",
    "Get-CimInstance Win32_Frob",
    "Get-CimInstance $whatever",
    "New-Object Frob",
    "Import-Module Frob",
    "Install-WindowsFeature Frob",
    "'x' -match '(?<-x>)'",
    "'x' -match $whatever",
    "'{0:P}' -f 1",
    r"'C:\Windows' | Set-Location; & .\good.ps1",
    r"Set-Location ..; & .\good.ps1",
    "$setter = 'Set-Variable'; $name = 'Write-Output'; & $setter name 'Get-Foo'; & $name 'x'",
    "Set-Variable $whatever 'Get-Foo'; $name = 'Write-Output'; & $name 'x'",
    "$writer = 'Set-Content'; & $writer C:\\good.ps1 'Get-Foo'; & C:\\good.ps1",
    "Set-Content function:Say 'Get-Foo'",
    "Set-Content variable:name 'Get-Foo'",
    "Get-Content env:PATH",
    "Get-ChildItem cert:\\LocalMachine",
    "$name = \"$part-Output\"; $part = 'Write'; & $name 'x'",
    "if ($true) { $part = 'Write' }; $name = \"$part-Output\"; & $name 'x'",
    "$PSScriptRoot",
    "${function:Foo} = 1",
    "1 -frob 2",
    "trap { 'x' }",
    "using namespace System",
    "'open",
)
"""None is understood, or is certain enough."""
NESTINGS = (
    "{0}",
    "if ($true) {{ {0} }}",
    "if ($false) {{ 1 }} else {{ {0} }}",
    "foreach ($i in 1..2) {{ {0} }}",
    "while ($false) {{ {0} }}",
    "try {{ {0} }} catch {{ 'caught' }}",
    "try {{ throw 'x' }} catch {{ {0} }}",
    "try {{ 1 }} finally {{ {0} }}",
    "switch ('a') {{\n 'a' {{ {0} }}\n}}",
    "function Inner {{ {0} }}\nInner",
    "& {{ {0} }}",
    ". {{ {0} }}",
    "1, 2 | ForEach-Object {{ {0} }}",
    "$kept = {{ {0} }}",
    "$value = $( {0} )",
    "Invoke-Command -ScriptBlock {{ {0} }}",
)
statements = st.lists(
    st.tuples(st.sampled_from(NESTINGS), st.sampled_from(KNOWN)).map(lambda pair: pair[0].format(pair[1])), max_size=5
)


@st.composite
def scripts_with_something_unknown(draw: st.DrawFn) -> str:
    """Statements that are played, and among them, however deep, one that is not."""
    before, behind = draw(statements), draw(statements)
    unknown = draw(st.sampled_from(UNKNOWN))
    for nesting in draw(st.lists(st.sampled_from(NESTINGS), max_size=3)):
        unknown = nesting.format(unknown)
    return "\n".join([*before, unknown, *behind])


@settings(max_examples=150)
@given(scripts_with_something_unknown())
def test_nothing_has_changed(script: str) -> None:
    """A script with anything unknown in it is refused, and nothing that it could change has changed."""
    with guest(FILES) as made:
        before = made.state()
        stdout, stderr, code = asyncio.run(refused(made, script))

        assert (stdout, code) == ("", 1)
        assert "is not recognized as the name of a cmdlet" in stderr
        assert made.state() == before


async def refused(made: Guest, script: str) -> tuple[str, str, int]:
    """What powershell.exe says to a script that came as a file; the file is gone by then."""
    made.put({r"C:\script.ps1": script})
    try:
        return await made.cmd(r"powershell -File C:\script.ps1")
    finally:
        made.computer.drive.remove(r"C:\script.ps1")


@pytest.mark.parametrize("script", UNKNOWN)
async def test_refuses_each(script: str) -> None:
    """Each is refused for itself, behind something that would have changed the drive, in whatever is called first."""
    with guest(FILES) as made:
        before = made.state()

        with pytest.raises(NotUnderstoodError):
            await made.powershell(f"{KNOWN[0]}\n{script}")
        assert made.state() == before


@settings(max_examples=40)
@given(statements.filter(bool))
def test_what_is_known_runs(lines: list[str]) -> None:
    """Without anything unknown the same scripts run to their end."""
    with guest(FILES) as made:
        _, stderr, code = asyncio.run(made.powershell("\n".join(lines)))

        assert (stderr, code) == ("", 0)


computed = st.lists(
    st.sampled_from(
        (
            "$a = 'Write'", "$a = 'Get'", "$b = 'Output'", '$n = "$a-$b"', "$n = $a + '-Host'", "$n = 'echo'",
            "$m = $n",
            "& $n 'x'", "& $m 'x'", "& \"$a-Output\" 'x'", "Invoke-Expression $n",
            "$t = \"'$n'\"; Invoke-Expression $t",
            'cmd /c "echo $n"', '$c = "echo $n"; cmd /c $c', "$a = $b", "Remove-Variable n -ErrorAction Ignore",
        )
    ),
    min_size=1,
    max_size=8,
)  # fmt: skip


@settings(max_examples=120)
@given(computed, st.lists(st.sampled_from(NESTINGS), max_size=8))
def test_nothing_unknown_comes_up_half_way(lines: list[str], nestings: list[str]) -> None:
    """Whatever names a script computes, in whatever order: it is refused, or meets nothing that was not checked."""
    nested = [nesting.format(line) for line, nesting in zip(lines, [*nestings, *["{0}"] * 8], strict=False)]
    with guest(FILES) as made:
        before = made.state()
        try:
            _, stderr, _ = asyncio.run(made.powershell("\n".join([KNOWN[0], *nested])))
        except NotUnderstoodError:
            assert made.state() == before
            return
        assert "is not recognized as the name of a cmdlet" not in stderr


@pytest.mark.parametrize("script", KNOWN)
async def test_each_that_is_known_changes_something(script: str) -> None:
    """What the refused scripts have around the unknown part does something, or the test above would prove nothing."""
    with guest(FILES) as made:
        before = made.state()
        await made.powershell(script)

        assert made.state() != before or script.startswith(("$tool", "$env", "Set-Location"))


@pytest.mark.parametrize(
    ("script", "stdout"),
    [
        # A name in a variable is followed, from wherever it may come
        ("$name = 'Write-Output'; & $name 'hi'", "hi\r\n"),
        ("if ($true) { $name = 'Write-Output' } else { $name = 'Write-Host' }; & $name 'hi'", "hi\r\n"),
        ("foreach ($name in 'Write-Output', 'echo') { & $name 'hi' }", "hi\r\nhi\r\n"),
        ("$verb = 'Write'; & \"$verb-Output\" 'hi'", "hi\r\n"),
        ("$dir = 'C:\\'; & (Join-Path $dir 'say.ps1')", "said\r\n"),
        ("& \"$env:SystemRoot\\System32\\cmd.exe\" /c 'echo hi'", "hi\r\n"),
        ("$block = { param($p) \"<$p>\" }; & $block 'a'; $block.Invoke('b')", "<a>\r\n<>\r\n"),
        # A script in a string, and on the drive
        ("$text = \"'hi'\"; Invoke-Expression $text; \"'there'\" | iex", "hi\r\nthere\r\n"),
        ("Set-Location C:\\; .\\say.ps1; . C:\\say.ps1", "said\r\nsaid\r\n"),
        # A program's arguments are texts, whatever they say
        ('$what = Get-Content C:\\evil.txt; cmd /c "echo $what"', "a & frobnicate > C:\\ran\r\n"),
        ('$code = 3; cmd /c "exit $code"; $LASTEXITCODE', "3\r\n"),
        ("cmd /c 'C:\\say.bat > C:\\log.txt'; Get-Content C:\\log.txt", "said\r\n"),
        ("'b', 'a' | sort.exe", "a\r\nb\r\n"),
        # Parameters in a table
        ("$table = @{Path = 'C:\\say.ps1'}; Test-Path @table", "True\r\n"),
        ("$table = @{}; $table['Path'] = 'C:\\'; $table.Add('PathType', 'Leaf'); Test-Path @table", "False\r\n"),
        # A function that is called before it is defined is an error of the script's
        ("Say; function Say { 'hi' }; Say", "hi\r\n"),
    ],
)
async def test_follows_what_is_certain(script: str, stdout: str) -> None:
    """What a script computes from constants is no reason to refuse it."""
    with guest(
        {r"C:\say.ps1": "'said'", r"C:\say.bat": "@echo said", r"C:\evil.txt": "a & frobnicate > C:\\ran"}
    ) as made:
        assert (await made.powershell(script))[0] == stdout
        assert made.computer.drive.find(r"C:\ran") is None


async def test_a_script_that_was_changed_meanwhile_does_not_run() -> None:
    """What is called is what was checked: a text that came there by a way that was not seen is not run."""
    with guest(FILES) as made:
        script = r"foreach ($f in Get-ChildItem C:\good.p*) { Copy-Item C:\bad.ps1 $f }; & C:\good.ps1"
        _, stderr, _ = await made.powershell(script)

        assert "being used by another process" in stderr
        assert made.computer.drive.find(r"C:\from-bad.txt") is None


async def test_what_earlier_scripts_defined_is_known() -> None:
    """A runspace's functions and script blocks may be called by its later scripts."""
    with guest() as made:
        from emulator.machines.winguest.powershell_exe import understood

        engine = made.engine
        found: list[object] = []
        for script in ("function Say { cmd /c 'echo hi' }; $kept = { 'kept' }", "Say", "& $kept"):
            block = understood(made.session, script)
            await engine.call(block, found.append, is_new=False)  # type: ignore[arg-type]

        assert found == ["hi", "kept"]


def test_a_long_script_takes_no_longer_for_each_of_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is set again and again is computed a few times a line, not once for every line before."""
    asked = 0
    compute = Knowledge._of_source

    def counted(knowledge: Knowledge, *arguments: Any) -> Any:
        nonlocal asked
        asked += 1
        return compute(knowledge, *arguments)

    monkeypatch.setattr(Knowledge, "_of_source", counted)
    script = "\n".join(f"$tool = 'cmd.exe'; & $tool /c 'echo {number}'" for number in range(300))
    with guest() as made:
        understood(made.session, script)

    assert asked < 10 * 300
