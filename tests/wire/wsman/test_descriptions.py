"""Descriptions, read back as XML."""

from defusedxml import ElementTree

from emulator.wire.wsman import descriptions, names
from emulator.wire.wsman.descriptions import Configuration, ShellDescription


def read(text: str, name: str) -> str:
    """The text of an element in a description."""
    tree = ElementTree.fromstring(f'<x xmlns:rsp="{names.SHELL}">{text}</x>')
    return next(node.text or "" for node in tree.iter() if node.tag.endswith("}" + name))


def test_describes_a_shell() -> None:
    """A shell's owner, state and times are told in Windows' spelling, whatever its name is."""
    text = descriptions.shell(
        ShellDescription("S", "urn:R", "a<b", "&", "stdin pr", "stdout", 60, "Disconnected", 93784.5, 61, 2)
    )

    assert (read(text, "Owner"), read(text, "Name"), read(text, "State")) == ("a<b", "&", "Disconnected")
    assert read(text, "IdleTimeOut") == "PT60.000S"
    assert (read(text, "ShellRunTime"), read(text, "ShellInactivity")) == ("P1DT2H3M4S", "P0DT0H1M1S")


def test_describes_a_command() -> None:
    """A command's line and state are told."""
    text = descriptions.command("C", "a < b", is_running=False)

    assert (read(text, "CommandLine"), read(text, "CommandState")) == ("a < b", "Done")
    assert read(descriptions.command("C", "", is_running=True), "CommandState") == "Running"


def test_describes_the_configuration() -> None:
    """Limits are told in the units that their names say."""
    text = descriptions.configuration(Configuration(500, 60, 7200, 30, 25, 1500, "strict", ("negotiate",), False))

    assert (read(text, "MaxTimeoutms"), read(text, "IdleTimeout")) == ("60000", "7200000")
    assert (read(text, "Basic"), read(text, "Negotiate"), read(text, "CbtHardeningLevel")) == (
        "false",
        "true",
        "Strict",
    )
