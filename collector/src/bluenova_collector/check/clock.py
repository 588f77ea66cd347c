"""The clock: what it says must be possible."""

from datetime import UTC, datetime

from bluenova_collector.intervals import LATEST_S, is_set
from bluenova_shared.check.result import Findings

NAME = "clock"


def look_at_clock(findings: Findings, wall_s: float) -> None:
    """Adds `clock`."""
    said = f"{datetime.fromtimestamp(min(max(wall_s, 0.0), LATEST_S), UTC):%Y-%m-%d %H:%M:%S} UTC"
    if is_set(wall_s):
        findings.ok(NAME, said)
        return
    findings.wrong(
        NAME,
        f"{said} cannot be right: nothing is measured until it is set",
        "Set the clock: sudo timedatectl set-ntp true  or: sudo date -u -s 'YYYY-MM-DD HH:MM:SS'",
    )
