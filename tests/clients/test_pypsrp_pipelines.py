"""pypsrp's pipelines on the Windows build VM: streams that are merged, and pools of many runspaces."""

import pytest
from pypsrp.complex_objects import PSInvocationState
from pypsrp.exceptions import InvalidPSRPOperation
from pypsrp.powershell import PowerShell, RunspacePool

from tests.clients.pools import in_pool

pytestmark = pytest.mark.network


SAYS_ALL = (
    "$VerbosePreference = $DebugPreference = $InformationPreference = 'Continue'; Write-Error e; Write-Warning w; "
    "Write-Verbose v; Write-Debug d; Write-Information i; 'o'"
)


def streams_of(made: PowerShell) -> dict[str, list[str]]:
    """What stands in each stream that has something."""
    found = {"output": [str(each) for each in made.output]}
    for name in ("error", "warning", "verbose", "debug"):
        found[name] = [str(each) for each in getattr(made.streams, name)]
    found["information"] = [str(each.message_data) for each in made.streams.information]
    return {name: texts for name, texts in found.items() if texts}


async def test_streams_are_apart() -> None:
    """Without merging each stream is its own."""

    def work(pool: RunspacePool) -> dict[str, list[str]]:
        made = PowerShell(pool).add_script(SAYS_ALL)
        made.invoke()
        return streams_of(made)

    assert await in_pool(work) == {
        "output": ["o"], "error": ["e"], "warning": ["w"], "verbose": ["v"], "debug": ["d"], "information": ["i"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"), [("error", "e"), ("warning", "w"), ("verbose", "v"), ("debug", "d"), ("information", "i")]
)
async def test_a_stream_is_merged(name: str, text: str) -> None:
    """A command's stream that its client merges into the output comes there, in its place, and the others do not."""

    def work(pool: RunspacePool) -> dict[str, list[str]]:
        made = PowerShell(pool).add_script(SAYS_ALL)
        getattr(made, f"merge_{name}")("output")
        made.invoke()
        return streams_of(made)

    found = await in_pool(work)

    assert found.pop("output") == [text, "o"]
    assert set(found) == {"error", "warning", "verbose", "debug", "information"} - {name}


async def test_all_are_merged_and_dropped() -> None:
    """All streams come to the output, in order; or all but the errors to nothing."""

    def work(pool: RunspacePool) -> list[dict[str, list[str]]]:
        found = []
        for to in ("output", "null"):
            made = PowerShell(pool).add_script(SAYS_ALL)
            for name in ("warning", "verbose", "debug", "information"):
                getattr(made, f"merge_{name}")(to)
            if to == "output":
                made.merge_error(to)
            made.invoke()
            found.append(streams_of(made))
        return found

    merged, dropped = await in_pool(work)

    assert merged == {"output": ["e", "w", "v", "d", "i", "o"]}
    assert dropped == {"output": ["o"], "error": ["e"]}


async def test_merged_records_keep_their_types() -> None:
    """What is merged is a record of its stream, not its text."""

    def work(pool: RunspacePool) -> list[object]:
        script = "& { Write-Error e; Write-Warning w; Write-Host h } *>&1 | ForEach-Object { $_.GetType().Name }"
        return PowerShell(pool).add_script(script).invoke()

    assert await in_pool(work) == ["ErrorRecord", "WarningRecord", "InformationRecord"]


@pytest.mark.parametrize(
    ("redirected", "wanted"),
    [
        ("2>&1", {"output": ["e", "o"], "warning": ["w"]}),
        ("3>&1", {"output": ["w", "o"], "error": ["e"]}),
        ("*>&1", {"output": ["e", "w", "o"]}),
        ("2>$null", {"output": ["o"], "warning": ["w"]}),
        ("*>$null", {}),
        ("2>&1 3>&1", {"output": ["e", "w", "o"]}),
        ("3>$null 2>&1", {"output": ["e", "o"]}),
    ],
)
async def test_scripts_redirect(redirected: str, wanted: dict[str, list[str]]) -> None:
    """A script's own redirections do what a client's merging does."""

    def work(pool: RunspacePool) -> dict[str, list[str]]:
        made = PowerShell(pool).add_script(f"& {{ Write-Error e; Write-Warning w; 'o' }} {redirected}")
        made.invoke()
        return streams_of(made)

    assert await in_pool(work) == wanted


@pytest.mark.parametrize("redirected", ["2>'a b'", "1>&2", "7>$null"])
async def test_redirections_that_are_not_played(redirected: str) -> None:
    """A script with a redirection that is not played runs nothing."""

    def work(pool: RunspacePool) -> tuple[dict[str, list[str]], bool]:
        made = PowerShell(pool).add_script(f"'ran'; & {{ 'o' }} {redirected}")
        made.invoke()
        return streams_of(made), made.had_errors

    found, has_failed = await in_pool(work)

    assert has_failed
    assert "output" not in found


async def test_errors_of_those_before_are_claimed() -> None:
    """A command that merges what was before takes the unclaimed errors of all before it among its input."""

    def work(pool: RunspacePool) -> dict[str, list[str]]:
        made = PowerShell(pool).add_script("'a'; Write-Error e")
        made.add_cmdlet("Write-Output")
        made.add_cmdlet("Out-String").merge_previous(enabled=True)
        made.invoke()
        return streams_of(made)

    found = await in_pool(work)

    assert set(found) == {"output"}
    assert found["output"][0].splitlines()[-1] == "a"
    assert "e" in found["output"][0]


async def test_runspaces_are_apart() -> None:
    """Two pipelines at once have two runspaces: each its own variables, both the process's environment."""

    def work(pool: RunspacePool) -> list[list[object]]:
        slow = PowerShell(pool).add_script("$mine = 1; $env:SHARED = 'x'; Start-Sleep -Milliseconds 300; $mine")
        slow.begin_invoke()
        other = PowerShell(pool).add_script(
            "while (-not $env:SHARED) { Start-Sleep -Milliseconds 10 }; $null -eq $mine"
        )
        return [other.invoke(), list(slow.end_invoke() or slow.output)]

    assert await in_pool(work, most=2) == [[True], [1]]


async def test_pipelines_beyond_the_most_wait() -> None:
    """A pool of two runs two at once, tells how many are free, and starts the third when one has ended."""

    def work(pool: RunspacePool) -> list[object]:
        held = [PowerShell(pool).add_script("while ($true) { Start-Sleep -Milliseconds 20 }") for _ in range(2)]
        free = [pool.get_available_runspaces()]
        for each in held:
            each.begin_invoke()
        free.append(pool.get_available_runspaces())
        third = PowerShell(pool).add_script("'third'")
        third.begin_invoke()
        third.poll_invoke(timeout=1)
        waited = third.state == PSInvocationState.RUNNING and not third.output
        held[0].stop()
        third.end_invoke()
        held[1].stop()
        return [*free, waited, *third.output, pool.get_available_runspaces()]

    assert await in_pool(work, most=2) == [2, 0, True, "third", 2]


async def test_a_pool_grows() -> None:
    """Who waits starts when the pool may have more; a least above the most is refused."""

    def work(pool: RunspacePool) -> list[object]:
        held = PowerShell(pool).add_script("while ($true) { Start-Sleep -Milliseconds 20 }")
        held.begin_invoke()
        second = PowerShell(pool).add_script("'second'")
        second.begin_invoke()
        pool.max_runspaces = 3
        second.end_invoke()
        with pytest.raises(InvalidPSRPOperation, match="minimum"):
            pool.min_runspaces = 4
        held.stop()
        return [*second.output, pool.max_runspaces, pool.min_runspaces]

    assert await in_pool(work) == ["second", 3, 1]
