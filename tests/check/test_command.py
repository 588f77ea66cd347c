"""How `check` runs its rooms: each ends, and one that fails hides nothing of the others."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

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


def test_a_check_that_is_stopped_is_not_taken_for_a_good_one() -> None:
    async def story() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(0.1, stop.set)
        await run_check("bluenova-shared", [], lambda _: [Room(["next"], hangs)], {}, stop=stop)

    with pytest.raises(CannotRun, match="stopped, before all was looked at"):
        asyncio.run(story())


def test_what_fails_outside_of_all_rooms_is_said() -> None:
    def fail(_: list[str]) -> list[Room]:
        raise LookupError("a defect")

    with pytest.raises(CannotRun, match=r"the check failed.*LookupError: a defect"):
        asyncio.run(run_check("bluenova-shared", [], fail, {}))


def checking(tail: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A collector's check, for which nothing is there, in a shell."""
    nowhere = {"BATTERY_HOST": "127.0.0.1", "BATTERY_PORT": "1", "MQTT_PORT": "1", **environment}
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {sys.executable} -m bluenova_collector check {tail}"],
        env={**os.environ, **nowhere},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("tail", ["| head -1", ">&-"], ids=["a closed pipe", "no output"])
def test_who_reads_no_further_is_not_told_of_it(tail: str, tmp_path: Path) -> None:
    done = checking(tail, OUTBOX_PATH=str(tmp_path / "outbox.sqlite"))
    assert done.returncode == 1
    assert done.stderr.startswith("bluenova-collector: wrong: battery port, ")


def test_an_account_without_a_home_is_told_to_name_a_file() -> None:
    done = checking("", XDG_STATE_HOME="~nobody-of-that-name")
    assert done.returncode == 1
    assert "Set OUTBOX_PATH to a file" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
