"""A template's words as a plan; what it cannot be made of is a refusal, and all of them are told at once."""

from collections.abc import Callable, Iterator, Mapping

from emulator.build.duration import seconds_of
from emulator.build.refusals import Refusal, refusals
from emulator.build.steps import (
    DEFAULT_MINUTES,
    RESTART_COMMAND,
    RESTART_SECONDS,
    SEARCH,
    UPDATE_LIMIT,
    Deprovision,
    File,
    OnError,
    Output,
    Plan,
    PowerShell,
    Shell,
    Source,
    Step,
    WindowsRestart,
    WindowsUpdate,
)
from emulator.errors import InvalidInputError
from emulator.model.image import ImageTemplate
from emulator.rules.template.build import system_of
from emulator.rules.template.finding import Words, words_of

TARGETS = {"managedimage": "imageId", "sharedimage": "galleryImageId", "vhd": "uri"}


class RefusedError(InvalidInputError):
    """A template that is not built; the refusals are values, too, and each line names the document."""

    def __init__(self, refused: tuple[Refusal, ...], document: str) -> None:
        front = f"{document}: " if document else ""
        super().__init__("\n".join(f"{front}{each}" for each in refused))
        self.refusals = refused


def plan_of(template: ImageTemplate, document: str = "") -> Plan:
    """What the service does for a template; `document` is where it stands, for what is said of it.

    Raises:
        RefusedError: with everything that keeps it from being built.
    """
    refused = refusals(template)
    if refused:
        raise RefusedError(refused, document)
    words = words_of(template)
    system = system_of(template) or "linux"
    handling, validation = words.below("errorHandling"), words.below("validate")
    return Plan(
        template.id,
        system,
        (*_steps(words, "customize"), Deprovision(system)),
        tuple(_steps(validation, "inVMValidations")),
        tuple(_outputs(words)),
        _on_error(handling, "onCustomizerError"),
        _on_error(handling, "onValidationError"),
        words.get("buildTimeoutInMinutes") or DEFAULT_MINUTES,
        validation.get("continueDistributeOnFailure") is True,
    )


def _on_error(words: Words, key: str) -> OnError:
    return "abort" if str(words.get(key)).lower() == "abort" else "cleanup"


def _steps(words: Words, key: str) -> Iterator[Step]:
    for step in words.objects(key):
        yield MAKERS[str(step.get("type")).lower()](step)


def _text(words: Words, key: str, default: str = "") -> str:
    found = words.get(key)
    return found if isinstance(found, str) and found else default


def _texts(words: Words, key: str) -> tuple[str, ...]:
    found = words.get(key)
    return tuple(map(str, found)) if isinstance(found, list) else ()


def _source(words: Words, key: str) -> Source | None:
    uri = _text(words, key)
    return Source(uri, _text(words, "sha256Checksum").lower()) if uri else None


def _shell(words: Words) -> Shell:
    return Shell(words.path, _text(words, "name"), _texts(words, "inline"), _source(words, "scriptUri"))


def _powershell(words: Words) -> PowerShell:
    return PowerShell(
        words.path,
        _text(words, "name"),
        _texts(words, "inline"),
        _source(words, "scriptUri"),
        elevated=words.get("runElevated") is True,
        as_system=words.get("runAsSystem") is True,
        valid_exit_codes=tuple(words.get("validExitCodes") or (0,)),
    )


def _file(words: Words) -> File:
    source = _source(words, "sourceUri") or Source("")
    return File(words.path, _text(words, "name"), source, _text(words, "destination"))


def _restart(words: Words) -> WindowsRestart:
    limit = seconds_of(_text(words, "restartTimeout"))
    return WindowsRestart(
        words.path,
        _text(words, "name"),
        _text(words, "restartCommand", RESTART_COMMAND),
        _text(words, "restartCheckCommand"),
        limit or RESTART_SECONDS,
    )


def _update(words: Words) -> WindowsUpdate:
    limit = words.get("updateLimit") or UPDATE_LIMIT
    search = _text(words, "searchCriteria", SEARCH)
    return WindowsUpdate(words.path, _text(words, "name"), search, _texts(words, "filters"), limit)


MAKERS: Mapping[str, Callable[[Words], Step]] = {
    "shell": _shell,
    "powershell": _powershell,
    "file": _file,
    "windowsrestart": _restart,
    "windowsupdate": _update,
}


def _outputs(words: Words) -> Iterator[Output]:
    for target in words.objects("distribute"):
        kind = str(target.get("type"))
        yield Output(_text(target, "runOutputName"), kind, _text(target, TARGETS.get(kind.lower(), "")))
