"""The events that explain gaps in the table: who is missing from the intervals, and why. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime

from bluenova_collector.intervals import is_set
from bluenova_collector.lru import LRU
from bluenova_shared.wire import Event, Occasion, new_id


class GapEvents:
    """Decides which events each interval brings.

    All times are seconds since 1970. `present` and `lost` are the batteries that gave a snapshot of
    an earlier run's last interval, and those that had given one before.
    """

    def __init__(
        self,
        interval_s: int,
        started_s: float,
        present: Iterable[str] = (),
        lost: Iterable[str] = (),
    ) -> None:
        self._interval_s = interval_s
        self._started_s = started_s
        self._is_present = LRU[str, bool]()
        self._is_present.update(dict.fromkeys(lost, False) | dict.fromkeys(present, True))
        self._start_told: set[str] = set()

    @property
    def present(self) -> list[str]:
        """The batteries that gave a snapshot of the last interval."""
        return [mcu_id for mcu_id, is_present in self._is_present.items() if is_present]

    @property
    def lost(self) -> list[str]:
        """The batteries that did not, and once had."""
        return [mcu_id for mcu_id, is_present in self._is_present.items() if not is_present]

    def interval(self, end_s: int, seen: Iterable[str]) -> list[Event]:
        """The events of the interval that ended at `end_s`; `seen` are its snapshots' batteries."""
        now = set(seen)
        back = [mcu_id for mcu_id in self.lost if mcu_id in now]
        gone = [mcu_id for mcu_id in self.present if mcu_id not in now]
        self._is_present.update(dict.fromkeys(gone, False) | dict.fromkeys(now, True))
        new = self._is_present.keys() - self._start_told
        self._start_told = set(self._is_present)
        # If the clock stood in 1970 at the start, nobody knows when that was.
        started_s = self._started_s if is_set(self._started_s) else end_s
        return [
            *(self._event("collector_started", mcu_id, started_s) for mcu_id in new),
            *(self._event("battery_back", mcu_id, end_s) for mcu_id in back),
            *(self._event("battery_lost", mcu_id, end_s) for mcu_id in gone),
        ]

    def stopped(self, now_s: float) -> list[Event]:
        """The events of the collector's end; none if the clock cannot tell when that is."""
        if not is_set(now_s):
            return []
        return [self._event("collector_stopped", mcu_id, now_s) for mcu_id in self._is_present]

    def _event(self, occasion: Occasion, mcu_id: str, time_s: float) -> Event:
        time = datetime.fromtimestamp(int(time_s), UTC)
        return Event(
            event=occasion,
            time=time,
            mcu_id=mcu_id,
            id=new_id(time),
            interval_s=self._interval_s,
        )
