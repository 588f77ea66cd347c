"""What the running service says of itself, in its health file."""

import json
import time
from pathlib import Path

from bluenova_shared.check.result import Findings, ago
from bluenova_shared.health import DEAD_AFTER_S, judge

NAME = "service"


def look_at_service(findings: Findings, file: Path | None, start: str) -> None:
    """Adds `service`; `start` is the command that starts it again."""
    if file is None:
        findings.skipped(NAME, "HEALTH_FILE is not set: there is no telling whether it runs")
        return
    try:
        said = file.read_text()
        quiet_s = time.monotonic() - json.loads(said)["beat_s"]
        healthy, told = judge(said, time.monotonic())
    except FileNotFoundError:
        findings.skipped(NAME, f"it does not run here: there is no {file}")
        return
    except (OSError, ValueError, KeyError) as error:
        findings.warning(NAME, f"{file} cannot be read ({error})", f"Start it anew: {start}")
        return
    if quiet_s > DEAD_AFTER_S:
        findings.warning(
            NAME, f"it has ended or hangs: no sign of life for {ago(quiet_s)}", f"Start it: {start}"
        )
    elif healthy:
        findings.ok(NAME, f"it runs, and says: {told}")
    else:
        findings.wrong(NAME, f"it runs, and says: {told}", "See what is wrong here, and its log")
