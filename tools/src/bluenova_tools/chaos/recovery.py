"""How long it took to recover from each fault. Pure."""

from collections.abc import Mapping, Sequence

from bluenova_tools.chaos.tap import Truth
from bluenova_tools.chaos.verdict import Key, key_of


def recoveries(ends_s: Sequence[float], truth: Truth, stored_s: Mapping[Key, float]) -> list[float]:
    """For each fault's end, the seconds until all that was measured by then was in the table.

    And until each battery's next snapshot was, too. Other faults that came in between count in.
    """
    stored = [
        (item["mcu_id"], truth.committed_s[item_id], stored_s[key_of(item)])
        for item_id, item in truth.measured.items()
        if "event" not in item and key_of(item) in stored_s
    ]
    found = []
    for end_s in ends_s:
        recovered_s = max((s for _, committed, s in stored if committed < end_s), default=end_s)
        for battery in {mcu_id for mcu_id, _, _ in stored}:
            later = [
                s for mcu_id, committed, s in stored if mcu_id == battery and committed >= end_s
            ]
            recovered_s = max(recovered_s, min(later, default=end_s))
        found.append(max(0.0, recovered_s - end_s))
    return found
