"""What waits until the database's owner mends something, and since when."""

from bluenova_recorder.store import Written

# More than one of them says nothing new.
MOST = 1000
# A collector sends again what waits. What has not come for so long will not come.
GONE_AFTER_S = 900.0


class Waiting:
    """The items that wait, by their id: when each came first, and last."""

    def __init__(self) -> None:
        self._first_last_s: dict[str, tuple[float, float]] = {}

    def update(self, written: Written, now_s: float) -> None:
        """Takes note of what has become of a batch."""
        done = [item.id for item in written.recorded] + [one.id for one in written.rejected]
        for name in done:
            self._first_last_s.pop(name or "", None)
        for item in written.waiting:
            name = item.id or ""
            if name in self._first_last_s or len(self._first_last_s) < MOST:
                first_s, _ = self._first_last_s.get(name, (now_s, now_s))
                self._first_last_s[name] = (first_s, now_s)

    def since_s(self, now_s: float) -> float | None:
        """Since when something waits; None: nothing does."""
        there = [
            first_s
            for first_s, last_s in self._first_last_s.values()
            if now_s - last_s < GONE_AFTER_S
        ]
        return min(there, default=None)
