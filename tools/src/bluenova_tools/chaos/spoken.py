"""What the batteries said, compared with what the collectors measured."""

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bluenova_tools.chaos.tap import Truth
from bluenova_tools.chaos.verdict import columns, real

# A snapshot's value was said before its commit, and not much longer before than a link that stalls
# and a collector that is frozen hold a line back. Totals are said rarely and carried on.
RECENT_S = 60.0
CARRIED_ON = ("energy_in", "energy_out")
COUNTED = ("bad_crc", "parse_fail", "bad_vcell")


class Spoken:
    """When each battery said which value of each column."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._said: dict[tuple[str, str, Any], list[float]] = defaultdict(list)
        for path in paths:
            for line in path.read_text(encoding="utf-8").splitlines():
                said = json.loads(line)
                for column, value in said.get("values", {}).items():
                    self._said[said["mcu_id"], column, real(value)].append(said["t"])

    def strange(self, snapshot: Mapping[str, Any], committed_s: float) -> list[str]:
        """The columns with a value that the battery did not say, or not then."""
        found = []
        for column, value in columns(snapshot).items():
            if value is None or column in COUNTED:
                continue
            times = self._said.get((snapshot["mcu_id"], column, value), [])
            since_s = 0.0 if column in CARRIED_ON else committed_s - RECENT_S
            at = bisect_left(times, since_s)
            if at == len(times) or times[at] > committed_s + 0.1:
                found.append(f"{column}={value}")
        return found


def never_said(truth: Truth, paths: Iterable[Path]) -> list[str]:
    """The measured snapshots with values that no battery said."""
    spoken = Spoken(paths)
    found = []
    for item_id, item in truth.measured.items():
        if "event" not in item and (strange := spoken.strange(item, truth.committed_s[item_id])):
            found.append(f"{item_id} at {item['time']}: {', '.join(strange)}")
    return found
