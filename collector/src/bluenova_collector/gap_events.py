"""Which batteries miss from the intervals, as the events that explain gaps in the table. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bluenova_collector.lru import LRU
from bluenova_shared.wire import Occasion


class Presence:
    """Which batteries gave a snapshot of late, and which ceased to.

    `present` and `lost` are what an earlier run knew.
    """

    def __init__(self, present: Iterable[str] = (), lost: Iterable[str] = ()) -> None:
        self._is_present = LRU[str, bool]()
        self._is_present.update(dict.fromkeys(lost, False) | dict.fromkeys(present, True))

    @property
    def present(self) -> list[str]:
        """The batteries that gave a snapshot of the last interval."""
        return [mcu_id for mcu_id, is_present in self._is_present.items() if is_present]

    @property
    def lost(self) -> list[str]:
        """The batteries that did not, and once had."""
        return [mcu_id for mcu_id, is_present in self._is_present.items() if not is_present]

    def interval(self, seen: Iterable[str]) -> list[tuple[str, Occasion]]:
        """Told which batteries were `seen` in an interval, says which are back and which lost."""
        now = set(seen)
        back = [mcu_id for mcu_id in self.lost if mcu_id in now]
        gone = [mcu_id for mcu_id in self.present if mcu_id not in now]
        self._is_present.update(dict.fromkeys(gone, False) | dict.fromkeys(now, True))
        events: list[tuple[str, Occasion]] = [(mcu_id, "battery_back") for mcu_id in back]
        return events + [(mcu_id, "battery_lost") for mcu_id in gone]
