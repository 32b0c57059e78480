"""Packer's elevated task, as the Windows build VM knows it."""

from emulator.build.elevated import Task
from emulator.machines.winguest import recognise_packer


def test_the_build_vm_knows_the_task() -> None:
    """The script is Packer's by its whole text, whatever command is in it."""
    task = Task("packer-1", "SYSTEM", "", "powershell \"& { &'c:/x.ps1'; exit 1 }\"", "%SYSTEMROOT%/Temp/x.out")

    assert recognise_packer.find(task.script) is not None
    assert (
        "&#34;&amp; { &amp;&#39;c:/x.ps1&#39;; exit 1 }&#34; &gt; %SYSTEMROOT%/Temp/x.out 2&gt;&amp;1" in task.script
    )
    assert recognise_packer.find(task.script.replace("$t.Run($null) | Out-Null", "")) is None
