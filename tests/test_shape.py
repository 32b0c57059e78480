"""The shape of the project: every module has its tests beside it, and every test claims something."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
MODULES = TESTS.parent / "emulator"
NOT_YET = "still to be written"
BY_CLIENTS = "driven by pypsrp in tests/clients/test_pypsrp*.py; tests of its own are still to be written"
BY_GUEST = "driven by a guest's own connections in tests/app/outbound/test_outlet.py"
BY_CHANNEL = "driven through the channel in tests/app/test_proxy_modes.py, test_run.py and test_machines.py"
UNTESTED = {
    "app/channel.py": NOT_YET,
    "app/keeper.py": NOT_YET,
    "cli/checks.py": NOT_YET,
    "cli/drawing.py": NOT_YET,
    "cli/options.py": NOT_YET,
    "cli/story.py": NOT_YET,
    "cli/witness.py": NOT_YET,
    "control/client.py": NOT_YET,
    "machines/builtin/commands.py": NOT_YET,
    "machines/builtin/guest.py": NOT_YET,
    "machines/builtin/interpreter.py": NOT_YET,
    "machines/builtin/lexer.py": NOT_YET,
    "machines/builtin/parser.py": NOT_YET,
    "machines/builtin/printing.py": NOT_YET,
    "machines/builtin/programs.py": NOT_YET,
    "machines/builtin/testing.py": NOT_YET,
    "machines/builtin/text_commands.py": NOT_YET,
    "machines/builtin/tree.py": NOT_YET,
    "machines/guest.py": NOT_YET,
    "machines/linux.py": NOT_YET,
    "app/outbound/outgoing.py": BY_GUEST,
    "machines/outside/switchboard.py": BY_GUEST,
    "machines/outside/wish.py": "a value, used by every test of the others",
    "machines/sandbox/agent.py": NOT_YET,
    "machines/sandbox/etc.py": NOT_YET,
    "machines/sandbox/host.py": NOT_YET,
    "machines/sandbox/init.py": NOT_YET,
    "machines/sandbox/messages.py": NOT_YET,
    "machines/sandbox/pipes.py": NOT_YET,
    "machines/sandbox/running.py": NOT_YET,
    "machines/sandbox/syscalls.py": NOT_YET,
    "machines/settings.py": NOT_YET,
    "machines/ssh_files.py": NOT_YET,
    "machines/winrm/command_host.py": NOT_YET,
    "machines/winrm/ntlm.py": NOT_YET,
    "machines/winrm/shells.py": NOT_YET,
    "machines/winguest/host_calls.py": BY_CLIENTS,
    "machines/winguest/host_types.py": BY_CLIENTS,
    "machines/winguest/parser_redirections.py": BY_CLIENTS,
    "machines/winrm/psrp.py": BY_CLIENTS,
    "machines/winrm/psrp_host.py": BY_CLIENTS,
    "machines/winrm/psrp_pipeline.py": BY_CLIENTS,
    "machines/winrm/psrp_commands.py": BY_CLIENTS,
    "machines/winrm/psrp_streams.py": BY_CLIENTS,
    "machines/winrm/psrp_values.py": BY_CLIENTS,
    "machines/winrm/running.py": BY_CLIENTS,
    "net/proxy.py": NOT_YET,
    "net/proxy_modes.py": BY_CHANNEL,
    "net/second_segment.py": BY_CHANNEL,
    "machines/jump.py": BY_CHANNEL,
    "net/scene.py": NOT_YET,
    "wire/wsman/names.py": "constants, used by every test of wire/wsman",
}
"""Modules without a test file of their own, and why; a list to be shortened."""
PURE = ("model/", "rules/", "wire/")


def modules() -> set[str]:
    """Every module below `emulator/` that can hold something to test."""
    found = {path.relative_to(MODULES) for path in MODULES.rglob("*.py")}
    return {path.as_posix() for path in found if path.name not in ("__init__.py", "__main__.py")}


def mirrored(module: str) -> Path:
    """The test file of a module."""
    path = Path(module)
    return TESTS / path.parent / f"test_{path.name}"


def test_every_module_has_its_test_file() -> None:
    """A module has its mirrored test file, or stands on the list with a reason."""
    missing = {module for module in modules() if not mirrored(module).exists()}

    assert missing - set(UNTESTED) == set()


def test_the_list_is_not_longer_than_it_must_be() -> None:
    """Nothing stands on the list that is gone, has its test file by now, or gives no reason."""
    stale = {module for module in UNTESTED if module not in modules() or mirrored(module).exists()}

    assert stale == set()
    assert all(UNTESTED.values())


def test_decisions_are_never_on_the_list() -> None:
    """What does no I/O has tests of its own; a module of names alone has nothing to test."""
    assert {module for module in UNTESTED if module.startswith(PURE)} <= {"wire/wsman/names.py"}


def functions_of(file: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The test functions of a file."""
    functions = [
        node
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    return [each for each in functions if each.name.startswith("test_")]


@pytest.mark.parametrize("file", sorted(TESTS.rglob("test_*.py")), ids=lambda file: str(file.relative_to(TESTS)))
def test_every_test_states_a_claim(file: Path) -> None:
    """Each test says in its docstring what is true if it passes."""
    assert [each.name for each in functions_of(file) if not ast.get_docstring(each)] == []


@pytest.mark.xdist_group("shape")
def test_a_group_stays_together(request: pytest.FixtureRequest) -> None:
    """Beside other workers a test's group is in its ID, or pytest-xdist would spread the group over all of them."""
    assert request.node.nodeid.endswith("@shape") or not hasattr(request.config, "workerinput")
