"""What `test` and `[` ask."""

from emulator.machines.builtin.filesystem import File, MemoryFiles

NUMBERS = {"-eq": 0, "-ne": 0, "-lt": 0, "-le": 0, "-gt": 0, "-ge": 0}


def evaluate(words: list[str], files: MemoryFiles, folder: str) -> bool:
    """Whether it holds.

    Raises:
        ValueError: it is not a question this guest knows.
    """
    if words[:1] == ["!"]:
        return not evaluate(words[1:], files, folder)
    if not words:
        return False
    if len(words) == 1:
        return bool(words[0])
    if len(words) == 2:
        return _about(words[0], words[1], files, files.absolute(words[1], folder))
    if len(words) == 3:
        return _compare(words[0], words[1], words[2])
    raise ValueError("so long a question is beyond the built-in guest")


def _about(question: str, word: str, files: MemoryFiles, path: str) -> bool:
    if question in {"-n", "-z"}:
        return bool(word) == (question == "-n")
    if question not in {"-e", "-f", "-d", "-s", "-r", "-w", "-x"}:
        raise ValueError(f"'{question}' is beyond the built-in guest")
    if not word or not files.exists(path):
        return False
    node = files.node(path)
    is_file = isinstance(node, File)
    answers = {"-f": is_file, "-d": not is_file, "-x": bool(node.mode & 0o111)}
    return answers.get(question, question != "-s" or not isinstance(node, File) or bool(node.data))


def _compare(left: str, question: str, right: str) -> bool:
    if question in {"=", "==", "!="}:
        return (left == right) == (question != "!=")
    if question not in NUMBERS:
        raise ValueError(f"'{question}' is beyond the built-in guest")
    a, b = int(left), int(right)
    answers = {"-eq": a == b, "-ne": a != b, "-lt": a < b, "-le": a <= b, "-gt": a > b, "-ge": a >= b}
    return answers[question]
