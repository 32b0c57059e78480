"""The identity that a build runs as, and how long it may take."""

from typing import Any

import pytest

from emulator.rules.template.build import is_windows, one_identity, system_of, time_limit
from tests.templates import printed, template

PREVIEW = "2019-05-01-preview"
# Exactly one user-assigned identity from 2020-02-14 on; in what a tool printed none may only mean not printed.
IDENTITIES = [
    (PREVIEW, 0, False),
    (PREVIEW, 2, False),
    ("2020-02-14", 0, True),
    ("2020-02-14", 1, False),
    ("2020-02-14", 2, True),
    ("2024-02-01", 0, True),
    ("", 0, True),
    ("", 1, False),
    ("[parameters('v')]", 0, False),
    ("[parameters('v')]", 2, True),
]


@pytest.mark.parametrize(("api", "count", "wrong"), IDENTITIES)
def test_identity(api: str, count: int, wrong: bool) -> None:  # noqa: FBT001
    """One identity, no more and no less."""
    found = list(one_identity(template(api=api, identities=count)))

    assert [each.found for each in found] == ([f"{count} identities"] if wrong else [])


def test_printed_identities() -> None:
    """PowerShell prints the identity empty, by its version."""
    assert list(one_identity(printed(identities=0))) == []
    assert len(list(one_identity(printed(identities=2)))) == 1


SHELL = {"type": "Shell", "inline": ["x"]}
WINDOWS = {"type": "PowerShell", "inline": ["x"]}
# 0 to 960 minutes; 1 to 5 fail by a token that expires; Windows under 60 is not advised (azure.md 1.5).
LIMITS: list[tuple[Any, dict[str, Any], str | None]] = [
    (0, SHELL, None),
    (0, WINDOWS, None),
    (6, SHELL, None),
    (960, SHELL, None),
    (60, WINDOWS, None),
    (None, WINDOWS, None),
    ("[parameters('minutes')]", WINDOWS, None),
    (1, SHELL, "error"),
    (5, WINDOWS, "error"),
    (961, SHELL, "error"),
    (-1, SHELL, "error"),
    ("60", SHELL, "error"),
    (True, SHELL, "error"),
    (60.5, SHELL, "error"),
    (6, WINDOWS, "warning"),
    (59, WINDOWS, "warning"),
]


@pytest.mark.parametrize(("minutes", "step", "severity"), LIMITS)
def test_time_limit(minutes: object, step: dict[str, Any], severity: str | None) -> None:
    """A time limit that Azure refuses or that always fails is an error, one that is too short a warning."""
    found = list(time_limit(template({"buildTimeoutInMinutes": minutes, "customize": [step]})))

    assert [each.severity for each in found] == ([severity] if severity else [])
    assert all(each.field == "properties.buildTimeoutInMinutes" for each in found)


# Source and steps, and the system: True for Windows, False for Linux, None where nothing tells it.
SOURCES: list[tuple[dict[str, Any], list[dict[str, Any]], bool | None]] = [
    ({"publisher": "MicrosoftWindowsServer"}, [], True),
    ({"publisher": "p", "offer": "windows-11"}, [], True),
    ({"imageId": "x"}, [{"type": "windowsrestart"}], True),
    ({"imageId": "x"}, [{"type": "WindowsUpdate"}], True),
    ({"imageId": "x"}, [WINDOWS], True),
    ({"publisher": "Canonical"}, [SHELL], False),
    ({"publisher": "redhat", "offer": "RHEL"}, [], False),
    ({"imageId": "x"}, [{"type": "File"}, SHELL], False),
    ({}, [{"type": "File"}], None),
]


@pytest.mark.parametrize(("source", "steps", "windows"), SOURCES)
def test_the_system(source: dict[str, Any], steps: list[dict[str, Any]], windows: bool | None) -> None:  # noqa: FBT001
    """A Windows or Linux image is told by its source or by its steps; some templates tell neither."""
    found = template({"source": source, "customize": steps})

    assert is_windows(found) is (windows is True)
    assert system_of(found) == {True: "windows", False: "linux", None: None}[windows]


def test_a_system_told_by_its_validation() -> None:
    """Steps that validate an image tell its system, too."""
    validated = {"source": {"imageId": "x"}, "customize": [], "validate": {"inVMValidations": [WINDOWS]}}

    assert system_of(template(validated)) == "windows"
