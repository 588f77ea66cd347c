"""What a service notes of itself, and what the container's health check makes of it."""

import asyncio
import json
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.support.harness import eventually

from bluenova_shared.health import judge, keep_beating


def noted(beat_s: float, *, ready: bool = True, **since_s: float | None) -> str:
    return json.dumps({"beat_s": beat_s, "ready": ready, "since_s": since_s})


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        pytest.param(noted(1000), (True, "healthy"), id="all is well"),
        pytest.param(noted(1000, broker=None), (True, "healthy"), id="no trouble now"),
        pytest.param(noted(1000, broker=880), (True, "healthy (broker for 120 s)"), id="patience"),
        pytest.param(noted(1000, broker=879), (False, "sick: broker for 121 s"), id="too long"),
        pytest.param(
            noted(1000, broker=999, database=879),
            (False, "sick: broker for 1 s, database for 121 s"),
            id="one of two for too long",
        ),
        pytest.param(noted(970), (True, "healthy"), id="a slow loop"),
        pytest.param(noted(969), (False, "sick: hangs for 31 s"), id="a dead loop"),
        pytest.param(
            noted(1000, ready=False, broker=999),
            (False, "not ready yet: broker for 1 s"),
            id="in trouble since its start",
        ),
    ],
)
def test_the_verdict(state: str, verdict: tuple[bool, str]) -> None:
    assert judge(state, 1000.0) == verdict


def check(path: Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "bluenova_shared.health", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip()


def test_a_service_is_ready_once_each_trouble_of_its_start_is_over(tmp_path: Path) -> None:
    path = tmp_path / "health.json"
    troubles: dict[str, float | None] = {"broker": 1.0, "database": 1.0, "outbox": None}

    async def story() -> None:
        asks = {name: partial(troubles.get, name) for name in troubles}
        beating = asyncio.create_task(keep_beating(path, asks, time.monotonic))

        async def is_ready() -> bool:
            """What the service writes next."""
            asked_s = time.monotonic()

            def next_beat() -> dict[str, Any] | None:
                beat: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
                return beat if beat.get("beat_s", 0) >= asked_s else None

            beat = await asyncio.to_thread(eventually, next_beat)
            return bool(beat and beat["ready"])

        assert not await is_ready()
        troubles["broker"] = None
        assert not await is_ready()
        troubles["database"] = 2.0  # another one of the same kind: there was a time without it
        assert await is_ready()
        troubles["database"] = None
        assert await is_ready()
        beating.cancel()

    assert check(path) == (1, "not ready yet")
    asyncio.run(story())
    assert check(path) == (0, "healthy")


# A service whose job fails once there is a file of that name.
_SERVICE = """
import asyncio, sys, time
from pathlib import Path
from bluenova_shared.service import run_jobs

async def work():
    while not Path(sys.argv[2]).exists():
        await asyncio.sleep(0.05)
    raise RuntimeError("this job fails")

async def nothing():
    pass

asyncio.run(run_jobs(
    [work()], asyncio.Event().wait(), nothing,
    health_file=Path(sys.argv[1]), troubles={}, steady=time.monotonic,
))
"""


@pytest.mark.parametrize("fails", [False, True])
def test_a_stopped_service_has_no_state_and_that_of_a_failed_one_stays(
    tmp_path: Path, fails: bool
) -> None:
    path, failure = tmp_path / "health.json", tmp_path / "failure"
    command = [sys.executable, "-c", _SERVICE, str(path), str(failure)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as service:
        eventually(path.exists)
        if fails:
            failure.touch()
        else:
            service.terminate()
        assert service.wait(10) == int(fails)
    assert path.exists() == fails
