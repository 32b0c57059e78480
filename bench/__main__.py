"""`python -m bench`: measure, print each figure as it comes, exit 1 when one misses its bar."""

import argparse
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from bench import builds, containers, decisions, growth, memory, paths, plots, results, start, winrm
from bench.figures import Figure
from bench.results import WrongResultsError

QUESTIONS = {
    "decisions": decisions,
    "start": start,
    "memory": memory,
    "growth": growth,
    "winrm": winrm,
    "paths": paths,
    "builds": builds,
    "containers": containers,
}


def main() -> int:
    """Run what was asked for; Ctrl-C keeps what is done."""
    options = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what runs for a measurement is ended, too
    if options.json is not None and not options.json.absolute().parent.is_dir():
        print(f"--json: found {options.json}, whose folder does not exist", file=sys.stderr)
        return 2
    try:
        before = results.read(options.compare) if options.compare else {}
    except WrongResultsError as error:
        print(error, file=sys.stderr)
        return 2
    print(", ".join(f"{key} {value}" for key, value in results.machine().items() if key != "peers"))
    found: dict[str, list[Figure]] = {}
    broken: list[str] = []
    try:
        for question in options.questions or QUESTIONS:
            for figure in measured(question, QUESTIONS[question].measure, broken):
                print(figure, flush=True)
                found.setdefault(question, []).append(figure)
    except KeyboardInterrupt:
        print("interrupted: what follows is what was done", file=sys.stderr)
    for question, drawn in found.items() if options.plots else ():
        print(f"drawn: {plots.write(options.plots, question, drawn) or f'{question} has nothing to draw'}")
    figures = [figure for each in found.values() for figure in each]
    _conclude(figures, options.json, before)
    return 1 if broken or any(figure.misses for figure in figures) else 0


def measured(question: str, measure: Callable[[], Iterable[Figure]], broken: list[str]) -> Iterator[Figure]:
    """A question's figures; why it broke off, if a program or this machine failed it: what else is asked goes on."""
    try:
        yield from measure()
    except (OSError, subprocess.SubprocessError) as error:
        broken.append(question)
        print(f"{question}: broke off: {error}", file=sys.stderr)


def _conclude(figures: Sequence[Figure], file: Path | None, before: Mapping[str, Sequence[float]]) -> None:
    if file is not None:
        results.write(file, figures)
        print(f"written to {file}")
    lines: Iterable[str] = results.moved(before, figures) if before else ()
    for line in lines:
        print(line)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "questions", nargs="*", type=_question, metavar="QUESTION", help=f"of {', '.join(QUESTIONS)}; all by default"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help="draw them there, an SVG for each question")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="say what moved since these results")
    return parser.parse_args()


def _question(name: str) -> str:
    if name not in QUESTIONS:
        raise argparse.ArgumentTypeError(f"found {name}, expected one of {', '.join(QUESTIONS)}")
    return name


if __name__ == "__main__":
    sys.exit(main())
