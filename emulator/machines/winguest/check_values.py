"""Parameters that are played for some values only, which must then be certain before the script runs."""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from emulator.machines.winguest.cmdlet import Cmdlet
from emulator.machines.winguest.computer import FEATURES
from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.host_types import NAMES
from emulator.machines.winguest.operators import DATE_FORMAT
from emulator.machines.winguest.tree import Expression
from emulator.machines.winguest.values import Type, items, to_text

if TYPE_CHECKING:
    from emulator.machines.winguest.check import Checker

MODULES = (
    "Microsoft.PowerShell.Management",
    "Microsoft.PowerShell.Utility",
    "ServerManager",
    "Dism",
    "NetSecurity",
    "NetTCPIP",
)
CLASSES = ("win32_operatingsystem", "win32_computersystem", "win32_logicaldisk")
TYPES = (
    "psobject", "pscustomobject", "management.automation.psobject", "object", "collections.arraylist", "hashtable",
    "collections.hashtable", "version", *NAMES,
)  # fmt: skip


def _one_of(*allowed: str) -> Callable[[str], bool]:
    folded = {each.casefold() for each in allowed}
    return lambda value: value.casefold() in folded


_ENCODINGS = _one_of("utf8", "unicode", "ascii", "default", "oem", "byte", "utf7", "string", "unknown")
_FEATURES = _one_of(*FEATURES)
_NOWHERE = _one_of("localhost", ".", "")
ACTIONS = _one_of("continue", "stop", "silentlycontinue", "ignore")
PLAYED: Mapping[tuple[str, str], Callable[[str], bool]] = {
    ("add-content", "encoding"): _ENCODINGS,
    ("add-member", "membertype"): _one_of("noteproperty"),
    ("disable-windowsoptionalfeature", "featurename"): _FEATURES,
    ("enable-windowsoptionalfeature", "featurename"): _FEATURES,
    ("get-ciminstance", "classname"): _one_of(*CLASSES),
    ("get-ciminstance", "namespace"): _one_of("root/cimv2", r"root\cimv2"),
    ("get-content", "encoding"): _ENCODINGS,
    ("get-date", "format"): lambda value: DATE_FORMAT.fullmatch(value) is not None,
    ("get-filehash", "algorithm"): _one_of("md5", "sha1", "sha256", "sha384", "sha512"),
    ("get-wmiobject", "class"): _one_of(*CLASSES),
    ("get-wmiobject", "namespace"): _one_of("root/cimv2", r"root\cimv2"),
    ("import-module", "name"): _one_of(*MODULES),
    ("install-windowsfeature", "name"): _FEATURES,
    ("new-item", "itemtype"): _one_of("file", "directory", "d", "f", "container", "leaf"),
    ("new-object", "typename"): lambda value: Type.of(value).name in TYPES,
    ("new-service", "startuptype"): _one_of("automatic", "manual", "disabled"),
    ("out-file", "encoding"): _ENCODINGS,
    ("restart-computer", "computername"): _NOWHERE,
    ("set-content", "encoding"): _ENCODINGS,
    ("set-service", "startuptype"): _one_of("automatic", "manual", "disabled"),
    ("set-service", "status"): _one_of("running", "stopped"),
    ("test-netconnection", "informationlevel"): _one_of("quiet", "detailed"),
    ("test-path", "pathtype"): _one_of("any", "leaf", "container"),
    ("uninstall-windowsfeature", "name"): _FEATURES,
}
COMMON: Mapping[str, Callable[[str], bool]] = {
    "erroraction": ACTIONS,
    "warningaction": ACTIONS,
    "informationaction": ACTIONS,
    "confirm": _one_of("false"),
    "whatif": _one_of("false"),
}


_PLACE = re.compile(r"(?:microsoft\.powershell\.core\\)?(alias|cert|env|function|variable|wsman)::?", re.IGNORECASE)
_PLACES: Mapping[str, tuple[str, ...]] = {
    "new-item": ("env",),
    "remove-item": ("env", "variable"),
    "test-path": ("env", "function", "variable"),
}
"""What besides files and the registry has paths that a cmdlet is played for."""


def _check_place(checker: "Checker", found: Cmdlet, parameter: str, given: Expression | None) -> None:
    for value in (None if given is None else checker.knowledge.values(given)) or ():
        for item in items(value):
            place = _PLACE.match(to_text(item))
            if place is not None and place[1].casefold() not in _PLACES.get(found.name.casefold(), ()):
                raise NotUnderstoodError(f"{found.name} -{parameter} {to_text(item)}")


def check(checker: "Checker", found: Cmdlet, parameter: str, given: Expression | None) -> None:
    """Refuse a value that is not played.

    Raises:
        NotUnderstoodError: naming the cmdlet and the parameter.
    """
    if parameter in ("path", "literalpath", "filepath", "destination"):
        _check_place(checker, found, parameter, given)
    is_played = PLAYED.get((found.name.casefold(), parameter)) or COMMON.get(parameter)
    if is_played is None:
        return
    what = f"{found.name} -{parameter}"
    if given is None:
        raise NotUnderstoodError(what)
    for value in checker.certain(given, what):
        if not all(is_played(to_text(item)) for item in items(value)):
            raise NotUnderstoodError(f"{what} {to_text(value)}")
