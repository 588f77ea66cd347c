"""When a batch is to be written: by size or by age. Pure: the time is passed in."""

from __future__ import annotations

from bluenova_shared.snapshot import Snapshot


class Batch:
    """Snapshots on their way into the table; `rows` and `age_s` say when they go."""

    def __init__(self, rows: int, age_s: float) -> None:
        self._rows = rows
        self._age_s = age_s
        self._snapshots: list[Snapshot] = []
        self._since_s = 0.0

    def add(self, snapshot: Snapshot, now_s: float) -> None:
        """One more."""
        if not self._snapshots:
            self._since_s = now_s
        self._snapshots.append(snapshot)

    def wait_s(self, now_s: float) -> float | None:
        """How long the batch may still wait: 0 where it is due, None where it is empty."""
        if not self._snapshots:
            return None
        if len(self._snapshots) >= self._rows:
            return 0.0
        return max(0.0, self._since_s + self._age_s - now_s)

    def take(self) -> list[Snapshot]:
        """All of them; the batch is empty then."""
        taken, self._snapshots = self._snapshots, []
        return taken
