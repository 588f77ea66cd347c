"""When intervals end: aligned times of a clock that may be wrong, stand still or jump. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime

from bluenova_shared.identity import LATEST

# A clock that stands before this program was made is a board's without a clock battery.
BUILT_S = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())
# The last time that a snapshot can bear.
LATEST_S = int(LATEST.timestamp())
# A backward step of more than this is a correction, not a clock that drifted.
CORRECTION_S = 3600


@dataclass(frozen=True)
class Due:
    """An interval that ends at `end_s`; `corrected_s` is how far the clock went back, if it did."""

    end_s: int
    corrected_s: int = 0


class Intervals:
    """The ends of intervals, on multiples of `interval_s` in UTC, each later than the one before.

    Times are seconds since 1970. `last_end_s` is the end closed last, of an earlier run.
    """

    def __init__(self, interval_s: int, now_s: float, last_end_s: int | None = None) -> None:
        self.interval_s = interval_s
        # Nothing that is read from now on belongs to an interval that is over already.
        opened_s = self._aligned(now_s)
        self.last_end_s = opened_s if last_end_s is None else max(opened_s, last_end_s)

    def due(self, now_s: float) -> Due | None:
        """The interval that is to be closed now; None while it stays open."""
        end_s = self._aligned(now_s)
        if not BUILT_S <= now_s < LATEST_S:
            return None
        if end_s > self.last_end_s:
            return Due(end_s)
        if self.last_end_s - now_s > CORRECTION_S:
            return Due(end_s, corrected_s=self.last_end_s - int(now_s))
        return None

    def closed(self, due: Due) -> None:
        """That interval has been closed."""
        self.last_end_s = due.end_s

    def pause_s(self, now_s: float) -> float:
        """How long to wait before asking again; at most a second, as the clock may jump."""
        return min(self._aligned(now_s) + self.interval_s - now_s, 1.0)

    def _aligned(self, now_s: float) -> int:
        return int(now_s) // self.interval_s * self.interval_s
