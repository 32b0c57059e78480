"""Names, kinds and words that the API does not know, and required fields that are not there.

https://learn.microsoft.com/azure/virtual-machines/image-builder-api-update-release-notes (May 2024): from 2024-02-01
on case counts, in field names and in values, and an unknown field is refused. Before, it was ignored.
"""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from emulator.model.arm.findings import shown
from emulator.model.image import ImageTemplate
from emulator.rules.template.fields import EVERYWHERE, PROPERTIES, RESOURCE, SINCE, Kinds, Level, objects
from emulator.rules.template.finding import (
    NEWEST,
    REFERENCE,
    RELEASES,
    Severity,
    TemplateFinding,
    Words,
    is_exact,
    is_expression,
    version_of,
    words_of,
)

REFUSED = "API version 2024-02-01 and later refuse a field they do not know, and tell names apart by case"


def unknown_fields(template: ImageTemplate) -> Iterator[TemplateFinding]:
    """Each field that the template's API version does not know; only of an authored document, 2024-02-01 or later."""
    version = version_of(template)
    if version is None or not is_exact(template):
        return
    for words, level in _everything(template):
        yield from _unknown(words, level, version)


def _everything(template: ImageTemplate) -> Iterator[tuple[Words, Level]]:
    """What stands beside `properties`, then what stands within."""
    yield from objects(Words(template.kept.beside, ""), RESOURCE)
    yield from objects(words_of(template), PROPERTIES)


def _unknown(words: Words, level: Level, version: str) -> Iterator[TemplateFinding]:
    known = [name for name in level.fields if SINCE.get(name, "") <= version]
    # A version that came after these tables may know more fields.
    severity: Severity = "warning" if version > NEWEST else "error"
    for name in words.value:
        if name not in known and name not in EVERYWHERE and name.lower() not in level.judged:
            yield TemplateFinding(words.at(name), shown(name), _closest(name, known), REFUSED, RELEASES, severity)


def _closest(name: str, known: Iterable[str]) -> str:
    """The known name that was most likely meant, or all of them."""
    by_case = {each.lower(): each for each in known}
    near = get_close_matches(name.lower(), by_case, n=1, cutoff=0.6)
    return f'"{by_case[near[0]]}"' if near else "one of " + ", ".join(by_case.values())


def unknown_kinds(template: ImageTemplate) -> Iterator[TemplateFinding]:
    """Each object whose kind is missing, not known, or from 2024-02-01 on spelled in another case."""
    for words, level in objects(words_of(template), PROPERTIES):
        for name, holds in level.fields.items():
            if isinstance(holds, Kinds):
                for each in words.objects(name):
                    yield from _word(each, holds.by, tuple(holds.levels), template)


def unknown_words(template: ImageTemplate) -> Iterator[TemplateFinding]:
    """Each value that is none of the few words that its field takes."""
    for words, level in _everything(template):
        for name, holds in level.fields.items():
            if isinstance(holds, tuple) and words.says(name):
                yield from _word(words, name, holds, template)


def _word(words: Words, name: str, allowed: tuple[str, ...], template: ImageTemplate) -> Iterator[TemplateFinding]:
    found = words.get(name)
    known = found in allowed or (not is_exact(template) and str(found).lower() in map(str.lower, allowed))
    if not known and not is_expression(found):
        why = "the API takes no other word here, and from 2024-02-01 on case counts in values, too"
        yield TemplateFinding(words.at(name), shown(found), "one of " + ", ".join(allowed), why, RELEASES)


def missing_fields(template: ImageTemplate) -> Iterator[TemplateFinding]:
    """Each required field that is not there."""
    if not template.properties:
        return  # a template of which nothing but its network is known
    for words, level in objects(words_of(template), PROPERTIES):
        for name in level.required:
            if not words.says(name):
                why = "the API requires it"
                yield TemplateFinding(words.at(name), "nothing", "a value", why, REFERENCE)
