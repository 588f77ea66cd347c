"""How `check` runs its rooms: each ends, and one that fails hides nothing of the others."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from bluenova_shared.check.command import Room, run_check
from bluenova_shared.check.result import Findings, ago, size
from bluenova_shared.service import CannotRun


async def good(findings: Findings) -> None:
    findings.ok("good", "as it should be")


async def hangs(findings: Findings) -> None:
    findings.ok("begun", "so far")
    await asyncio.Event().wait()


async def breaks(findings: Findings) -> None:
    findings.ok("begun", "so far")
    raise LookupError("a defect")


async def finds(findings: Findings) -> None:
    findings.wrong("begun", "broken", "mend it")


@pytest.mark.parametrize(
    ("look", "said"),
    [
        pytest.param(
            hangs, [("ok", "so far"), ("wrong", "no answer within 0.2 s"),
                    ("skipped", "not looked at, as it needs: next")], id="hangs",
        ),
        pytest.param(
            breaks, [("ok", "so far"), ("wrong", "this check itself failed: LookupError: a defect"),
                     ("skipped", "not looked at, as it needs: next")], id="breaks",
        ),
        pytest.param(
            finds, [("wrong", "broken"), ("skipped", "not looked at, as it needs: begun"),
                    ("skipped", "not looked at, as it needs: begun")], id="finds something wrong",
        ),
    ],
)  # fmt: skip
def test_a_room_always_ends_and_the_others_have_their_say(
    look: Callable[[Findings], Awaitable[None]],
    said: list[tuple[str, str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    rooms = [Room(["begun", "next", "last"], look), Room(["good"], good)]
    with pytest.raises(CannotRun):
        asyncio.run(run_check("bluenova-shared", ["--json"], lambda _: rooms, {}, limit_s=0.2))
    results = json.loads(capsys.readouterr().out)["checks"]
    assert results.pop(0)["name"] == "settings"
    assert results.pop()["name"] == "good"
    assert [(one["state"], one["found"]) for one in results] == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(4.2, "4 s"), (119, "119 s"), (720, "12 min"), (9000, "2 h"), (777_600, "9 days")],
)
def test_durations_for_people(seconds: float, said: str) -> None:
    assert ago(seconds) == said


@pytest.mark.parametrize(
    ("number", "said"), [(812, "812 bytes"), (64_000, "64 KB"), (3.2e9, "3.2 GB")]
)
def test_sizes_for_people(number: float, said: str) -> None:
    assert size(number) == said
