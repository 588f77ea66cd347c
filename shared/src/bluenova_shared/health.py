"""Whether a service does its work: it writes that down, and the container's health check reads it.

    python -m bluenova_shared.health FILE

prints the state in one line, with the exit status 0 for a healthy service and 1 for a sick one. All
times are of the steady clock, which the service and the check share.
"""

import asyncio
import contextlib
import json
import logging
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from bluenova_shared.logs import Change

log = logging.getLogger(__name__)

BEAT_EVERY_S = 1.0
# A service that has not written for so long hangs: it writes from the loop that does its work.
DEAD_AFTER_S = 30.0
# Restarts of the others and short failures of the network do not count.
PATIENCE_S = 120.0

# A trouble's name, and what tells since when there is that trouble; None while there is none.
Troubles = Mapping[str, Callable[[], float | None]]


async def keep_beating(path: Path, troubles: Troubles, steady: Callable[[], float]) -> None:
    """Writes the state down every second, until cancelled."""
    fresh = path.with_name(path.name + ".new")
    from_start = {name: ask() for name, ask in troubles.items()}
    failing = Change()
    while True:
        since = {name: ask() for name, ask in troubles.items()}
        # A service with a trouble that it had from the start has not begun its work yet: those that
        # wait for its health go on waiting.
        from_start = {
            name: at_s
            for name, at_s in from_start.items()
            if at_s is not None and at_s == since[name]
        }
        state = {"beat_s": steady(), "ready": not from_start, "since_s": since}
        try:
            fresh.write_text(json.dumps(state))
            fresh.replace(path)  # whole at any time
        except OSError as error:
            if failing.to(str(error)):
                log.error("HEALTH_FILE cannot be written (%s): the check will call us sick", error)
        await asyncio.sleep(BEAT_EVERY_S)


def forget_state(path: Path) -> None:
    """Removes what was written down: a service that was stopped has no state."""
    with contextlib.suppress(OSError):
        path.unlink()


def judge(state: str, now_s: float) -> tuple[bool, str]:
    """Whether what a service wrote down is healthy at `now_s`, and what to tell of it."""
    said = json.loads(state)
    quiet_s = now_s - said["beat_s"]
    if quiet_s > DEAD_AFTER_S:
        return False, f"sick: hangs for {quiet_s:.0f} s"
    lasting = {name: now_s - since for name, since in said["since_s"].items() if since is not None}
    told = ", ".join(f"{name} for {lasts_s:.0f} s" for name, lasts_s in lasting.items())
    if not said["ready"]:
        return False, f"not ready yet: {told}"
    if any(lasts_s > PATIENCE_S for lasts_s in lasting.values()):
        return False, f"sick: {told}"
    return True, f"healthy ({told})" if told else "healthy"


def main() -> int:
    """The check: reads what the service wrote last."""
    try:
        healthy, told = judge(Path(sys.argv[1]).read_text(), time.monotonic())
    except FileNotFoundError:
        healthy, told = False, "not ready yet"
    print(told)  # noqa: T201  # for `docker inspect`, which shows what a check printed
    return 0 if healthy else 1


if __name__ == "__main__":
    sys.exit(main())
