"""Steps know what must be fetched for them."""

from emulator.build.steps import Deprovision, File, Shell, Source, WindowsRestart, provisioner, source_of


def test_sources_of_steps() -> None:
    """A script and a file have a source; commands, restarts and the hidden step have none."""
    source = Source("https://example.com/x")

    assert source_of(Shell("p", "n", (), source)) == source
    assert source_of(File("p", "n", source, "/tmp/x")) == source
    assert source_of(Shell("p", "n", ("a",))) is None
    assert source_of(WindowsRestart("p", "n")) is None


def test_the_hidden_step_is_the_system_s_own() -> None:
    """Linux is deprovisioned by the shell, Windows by PowerShell."""
    assert [provisioner(Deprovision("linux")), provisioner(Deprovision("windows"))] == ["shell", "powershell"]
