"""Find scenarios by what people have: an error text, a word of it, a symptom. Pure."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from emulator.scenarios.scenario import Scenario
from emulator.scenarios.step import Client, steps_of

WORD = re.compile(r"[a-z0-9_]+(?:[-.][a-z0-9_]+)*")
COMMON = frozenset(
    WORD.findall("a an and are as at be by for from has in is it its no of on or that the then this to with")
)
VARIABLE = re.compile(r"^(?:\d{1,3}(?:\.\d{1,3}){3}|https?|[0-9a-f]{8,}|\d{4,5}s?)$")
"""Addresses, ports and identities: they are another's, and say nothing of the failure."""
WEIGHTS = {"texts": 3.0, "title": 2.0, "fix": 0.5, "explanation": 1.0}
PHRASE = 6.0
"""What each word of a common run adds: the words in their order are what a message is known by."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A scenario that may be it.

    Attributes:
        score: for the order alone.
        text: that of the scenario's texts that is most like what was searched.
    """

    scenario: Scenario
    score: float
    text: str


def words_of(text: str) -> list[str]:
    """The words of a text that tell failures apart, in order."""
    found = WORD.findall(text.lower())
    return [each for each in found if each not in COMMON and not VARIABLE.match(each)]


def texts_of(scenario: Scenario) -> list[str]:
    """What clients print in a scenario: as people report it, and as its script says."""
    clients = [each.value for each in steps_of(scenario.script) if isinstance(each.value, Client)]
    return [*scenario.texts, *(said for each in clients if each.sees.outcome != "works" for said in each.sees.says)]


def ranked(scenarios: Sequence[Scenario], text: str) -> list[Candidate]:
    """The scenarios that may be what a text is about, the likeliest first; the others are left out."""
    wanted = words_of(text)
    rarity = _rarities(scenarios)
    found = [_candidate(each, wanted, rarity) for each in scenarios]
    best = max((each.score for each in found), default=0.0)
    kept = [each for each in found if each.score > 0 and each.score >= best / 4]
    return sorted(kept, key=lambda each: (-each.score, each.scenario.name))


def _fields(scenario: Scenario) -> dict[str, str]:
    return {
        "texts": " \n ".join(texts_of(scenario)),
        "title": f"{scenario.title} {scenario.name.replace('-', ' ')} {' '.join(scenario.references)}",
        "explanation": scenario.explanation,
        "fix": scenario.fix,
    }


def _rarities(scenarios: Sequence[Scenario]) -> dict[str, float]:
    """How much each word tells: the fewer scenarios have it, the more."""
    has: Counter[str] = Counter()
    for each in scenarios:
        has.update(set(words_of(" ".join(_fields(each).values()))))
    return {word: math.log((1 + len(scenarios)) / count) for word, count in has.items()}


def _candidate(scenario: Scenario, wanted: Sequence[str], rarity: dict[str, float]) -> Candidate:
    fields = {name: set(words_of(text)) for name, text in _fields(scenario).items()}
    score = sum(
        WEIGHTS[name] * rarity.get(word, 0.0) for name, words in fields.items() for word in set(wanted) & words
    )
    runs = [(_longest_run(wanted, words_of(each)), each) for each in texts_of(scenario)]
    length, text = max(runs, key=lambda each: each[0], default=(0, ""))
    return Candidate(scenario, score + (PHRASE * length if length > 1 else 0.0), text if length else "")


def _longest_run(wanted: Sequence[str], words: Sequence[str]) -> int:
    """How many words in a row both have."""
    best, before = 0, [0] * (len(words) + 1)
    for word in wanted:
        row = [0, *(before[at] + 1 if word == other else 0 for at, other in enumerate(words))]
        best, before = max(best, *row), row
    return best
