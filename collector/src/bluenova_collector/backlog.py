"""When what has no receipt goes out again: one chunk at a time, ever more slowly. Pure.

All times are seconds of a steady clock.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable

from bluenova_shared.delivery import CHUNK_BYTES

# How long an item may wait for its receipt until it counts as lost on the way.
RECEIPT_DUE_S = 5.0
FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 60.0
SMALLEST_CHUNK_BYTES = 4096


class Backlog:
    """Which chunk is under way, and what may follow it when.

    A pass goes through a battery's items from the oldest on. What gets no receipt is passed over,
    so that it holds nothing else up, and has its turn again in the next pass.
    """

    def __init__(self) -> None:
        self.sent_again = 0
        self.chunk_bytes = CHUNK_BYTES
        self._live: deque[tuple[int, float]] = deque()
        self._under_way: set[str] = set()
        self._due_s = 0.0
        self._pause_s = FIRST_PAUSE_S
        self._not_before_s = 0.0
        self._passed: Counter[str] = Counter()

    def published(self, numbers: Iterable[int], now_s: float) -> None:
        """The items with these numbers went out live, and have a while for their receipts."""
        self._live.extend((n, now_s + RECEIPT_DUE_S) for n in numbers)

    def may_send(self, now_s: float) -> bool:
        """Whether a chunk may go out now. A chunk whose receipt is overdue is given up."""
        if self._under_way:
            if now_s < self._due_s:
                return False
            self._under_way.clear()
            self._rest(now_s)
        return now_s >= self._not_before_s

    def window(self, mcu_id: str, now_s: float) -> tuple[int, int | None]:
        """What the numbers of the battery's next chunk are above, and below."""
        while self._live and self._live[0][1] <= now_s:
            self._live.popleft()
        return self._passed[mcu_id], self._live[0][0] if self._live else None

    def sent(self, mcu_id: str, last: int, ids: Collection[str], now_s: float) -> None:
        """A chunk with these items went out, `last` the greatest of their numbers."""
        self._under_way = set(ids)
        self._passed[mcu_id] = last
        self._due_s = now_s + RECEIPT_DUE_S
        self.sent_again += len(ids)

    def receipted(self, ids: Iterable[str]) -> bool:
        """A receipt named these; true where that completes the chunk under way."""
        if not self._under_way:
            return False
        self._under_way.difference_update(ids)
        if self._under_way:
            return False
        self._pause_s = FIRST_PAUSE_S
        self.chunk_bytes = min(2 * self.chunk_bytes, CHUNK_BYTES)
        return True

    def passed_all(self, now_s: float) -> None:
        """There is nothing beyond what has been sent: what is left waits for the next pass."""
        if self._passed:
            self._passed.clear()
            self._rest(now_s)

    def hurry(self, at_s: float) -> None:
        """A recorder is there: from the oldest on, at that time."""
        self._under_way.clear()
        self._passed.clear()
        self._not_before_s = at_s
        self._pause_s = FIRST_PAUSE_S

    def link_lost(self) -> None:
        """The link dropped; if it did so under a chunk, the next one is smaller."""
        if self._under_way:
            self.chunk_bytes = max(self.chunk_bytes // 2, SMALLEST_CHUNK_BYTES)
        self._under_way.clear()
        self._passed.clear()

    def _rest(self, now_s: float) -> None:
        self._not_before_s = now_s + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
