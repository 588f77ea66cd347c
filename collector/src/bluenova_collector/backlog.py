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
    so that it holds nothing else up, and has its turn again in the next pass. Chunks get smaller
    where they break the link or are not answered: a broker that finds them too long may drop them
    without a word. A pass without that, and a recorder's word, makes them longer again.
    """

    def __init__(self) -> None:
        self.sent_again = 0
        self.chunk_bytes = CHUNK_BYTES
        self._live: deque[tuple[int, float]] = deque()
        self._under_way: set[str] = set()
        self._in_part = False  # whether a part of the chunk under way has its receipts
        self._heard = False  # whether any receipt came since it went out
        self._shortened = False  # whether chunks were, in this pass
        self._breaks_link = False
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
            self._give_up(now_s)
        return now_s >= self._not_before_s

    def window(self, mcu_id: str, now_s: float) -> tuple[int, int | None]:
        """What the numbers of the battery's next chunk are above, and below."""
        while self._live and self._live[0][1] <= now_s:
            self._live.popleft()
        return self._passed[mcu_id], self._live[0][0] if self._live else None

    def sent(self, mcu_id: str, last: int, ids: Collection[str], now_s: float) -> None:
        """A chunk with these items went out, `last` the greatest of their numbers."""
        self._under_way = set(ids)
        self._in_part = self._heard = False
        self._passed[mcu_id] = last
        self._due_s = now_s + RECEIPT_DUE_S
        self.sent_again += len(ids)

    def not_sent(self, now_s: float) -> None:
        """There is no broker. Once there is one again, a recorder's word ends the pause."""
        self._rest(now_s)

    def receipted(self, ids: Iterable[str]) -> bool:
        """A receipt named these; true where that completes the chunk under way."""
        before = len(self._under_way)
        self._under_way.difference_update(ids)
        self._in_part |= len(self._under_way) < before
        self._heard = True
        if self._under_way or not before:
            return False
        self._pause_s = FIRST_PAUSE_S
        return True

    def passed_all(self, now_s: float) -> None:
        """There is nothing beyond what has been sent: what is left waits for the next pass."""
        if self._passed:
            self._passed.clear()
            self._rest(now_s)
            if not self._shortened:
                self.chunk_bytes = min(2 * self.chunk_bytes, CHUNK_BYTES)
                self._breaks_link = False
            self._shortened = False

    def hurry(self, at_s: float) -> None:
        """A recorder is there: from the oldest on, at that time."""
        self._under_way.clear()
        self._passed.clear()
        self._not_before_s = at_s
        self._pause_s = FIRST_PAUSE_S
        if not self._breaks_link:
            self.chunk_bytes = CHUNK_BYTES

    def link_lost(self) -> None:
        """The link dropped; if it did so under a chunk, the next one is smaller."""
        if self._under_way:
            self._shorten()
            self._breaks_link = True
        self._under_way.clear()
        self._passed.clear()

    def _give_up(self, now_s: float) -> None:
        if not self._heard:
            self._rest(now_s)  # there is no recorder, or it cannot write
        if not self._in_part:
            self._shorten()
        self._under_way.clear()

    def _shorten(self) -> None:
        self.chunk_bytes = max(self.chunk_bytes // 2, SMALLEST_CHUNK_BYTES)
        self._shortened = True

    def _rest(self, now_s: float) -> None:
        self._not_before_s = now_s + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
