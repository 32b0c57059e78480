"""powershell.exe: its options, and what becomes of a script's streams."""

import base64

import pytest

from emulator.machines.winguest.powershell_exe import clixml
from tests.windows_guest import guest


def encoded(script: str) -> str:
    """As `-EncodedCommand` takes it."""
    return base64.b64encode(script.encode("utf-16-le")).decode()


@pytest.mark.parametrize(
    ("arguments", "stdout", "code"),
    [
        ("1 + 1", "2\r\n", 0),
        ("-NoProfile -ExecutionPolicy Bypass -Command 1 + 1", "2\r\n", 0),
        ('"& { \\"a b\\" }"', "a b\r\n", 0),
        (f"-enc {encoded('exit 4')}", "", 4),
        ("-File C:\\s.ps1 one two", "one-two\r\n", 0),
        ("-File C:\\exit.ps1", "", 1115),
        ("-Command -", "3\r\n", 0),
        ("Get-Item C:\\nope 2> $null", "", 1),
        ("throw 'x'", "", 1),
    ],
)
async def test_options(arguments: str, stdout: str, code: int) -> None:
    """Where the script comes from, and what its end is as an exit code."""
    files = {"C:\\s.ps1": 'param($a, $b) "$a-$b"', "C:\\exit.ps1": "exit 1115"}
    with guest(files) as made:
        said, _, ended = await made.cmd(f"powershell {arguments}", b"1 + 2")

    assert (said, ended) == (stdout, code)


@pytest.mark.parametrize("arguments", ["", "-Frob 1", "-File C:\\nope.ps1", "-enc !!", "-Version"])
async def test_refuses(arguments: str) -> None:
    """Options and files that are not there are refused."""
    with guest() as made:
        stdout, stderr, code = await made.cmd(f"powershell {arguments}")

    assert (stdout, code) == ("", 1)
    assert "is not recognized" in stderr


async def test_errors_of_encoded_commands_are_clixml() -> None:
    """As Windows writes them where the command came encoded, and as text where it did not."""
    with guest() as made:
        _, plain, _ = await made.cmd("powershell -Command Write-Error oops")
        _, wrapped, _ = await made.cmd(f"powershell -enc {encoded('Write-Error oops')}")
        _, refused, code = await made.cmd(f"powershell -enc {encoded('Get-Foo')}")

    assert plain.startswith("Write-Error : oops")
    assert wrapped.startswith("#< CLIXML\r\n<Objs")
    assert "Get-Foo : The term" in refused
    assert code == 1
    assert clixml("a<\r\n").endswith('<S S="Error">a&lt;_x000D__x000A_</S></Objs>')
