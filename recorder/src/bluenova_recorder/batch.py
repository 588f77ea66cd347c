"""When a batch is to be written: by size, by age, or at once. Pure: the time is passed in."""

from collections.abc import Sequence

from bluenova_recorder.intake import RejectedItem
from bluenova_shared.wire import Item

Entry = Item | RejectedItem

# What can never be stored may be long: a batch with so much of it goes at once.
MOST_REJECTED_BYTES = 4 * 2**20


# All batteries' intervals end at the same instant: if nothing has come for so long, all are there.
QUIET_S = 0.1


class Batch:
    """Entries on their way into the database.

    They go if they are so many `rows`, when the first is `age_s` old, or when none has come for
    `quiet_s`.
    """

    def __init__(self, rows: int, age_s: float, quiet_s: float = QUIET_S) -> None:
        self._rows = rows
        self.age_s = age_s
        self._quiet_s = quiet_s
        self._entries: list[Entry] = []
        self.is_awaited = False  # whether somebody waits for the receipts to send on
        self._rejected_bytes = 0
        self._latest_s = 0.0
        self._due_s = 0.0

    def add(self, entries: Sequence[Entry], now_s: float, *, at_once: bool) -> None:
        """Some more; `at_once` if somebody waits for their receipts to send on."""
        if entries:
            self.is_awaited |= at_once
            if not self._entries:
                self._latest_s = now_s + self.age_s
            if at_once:
                self._latest_s = now_s
            self._due_s = min(self._latest_s, now_s + self._quiet_s)
            self._entries += entries
            for entry in entries:
                if isinstance(entry, RejectedItem):
                    self._rejected_bytes += len(entry.payload)

    def wait_s(self, now_s: float) -> float | None:
        """How long the batch may still wait: 0 if it is due, None if it is empty."""
        if not self._entries:
            return None
        return 0.0 if self.is_full else max(0.0, self._due_s - now_s)

    @property
    def is_full(self) -> bool:
        """Whether nothing more is to be added before it is written."""
        return len(self._entries) >= self._rows or self._rejected_bytes >= MOST_REJECTED_BYTES

    def drain(self) -> list[Entry]:
        """All of them; the batch is empty then."""
        taken, self._entries, self._rejected_bytes = self._entries, [], 0
        self.is_awaited = False
        return taken
