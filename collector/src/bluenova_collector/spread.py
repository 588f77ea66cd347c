"""Whether the cells' voltages have drifted too far apart. Pure."""

from bluenova_collector.lru import LRU
from bluenova_shared.snapshot import Snapshot

# The alarm ends at this part of the threshold: a spread that wavers around it alarms only once.
ENDS_AT = 0.8


class SpreadAlarm:
    """The alarm of each battery: on at `threshold_v`, off below ENDS_AT of it.

    It is decided here, not in Home Assistant, so that everybody who reads the snapshots sees the
    same. A restart of the collector forgets it: a spread between the two limits is no alarm then.
    """

    def __init__(self, threshold_v: float) -> None:
        self._threshold_v = threshold_v
        self._on = LRU[str, bool]()

    def judge(self, snapshot: Snapshot) -> bool | None:
        """Whether the battery's alarm is on; None, and no change, if the spread is unknown."""
        spread_v = snapshot.cell_delta
        if spread_v is None:
            return None
        was_on = self._on.get(snapshot.mcu_id, False)
        # Rounded as the spread itself is, so that 0.08 is not below 80 % of 0.1.
        limit_v = round(self._threshold_v * (ENDS_AT if was_on else 1), 3)
        self._on[snapshot.mcu_id] = spread_v >= limit_v
        return self._on[snapshot.mcu_id]
