"""When what has no receipt goes out again: in chunks, ever more slowly. Pure.

All times are seconds of a steady clock.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from bluenova_shared.wire import CHUNK_BYTES

# How long an item may wait for its receipt until it counts as lost on the way.
RECEIPT_DUE_S = 5.0
FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 60.0
SMALLEST_CHUNK_BYTES = 4096
# After so many chunks that arrived, longer ones are tried; after more, each time that proves wrong.
FIRST_PATIENCE = 16
LONGEST_PATIENCE = 1024
# As long as receipts come, the recorder has the next chunk at hand while it commits the last one.
AT_ONCE = 2


@dataclass
class _Chunk:
    """A chunk under way."""

    missing: set[str]  # the ids of what has no receipt yet
    due_s: float
    in_part: bool = False  # whether a part of it has its receipts
    heard: bool = False  # whether any receipt came since it went out


class Backlog:
    """Which chunks are under way, and what may follow them when.

    One chunk goes out; once it is answered, and as long as they are, there are two under way. A
    pass goes through a battery's items from the oldest on. What gets no receipt is passed over,
    so that it holds nothing else up, and has its turn again in the next pass. Chunks get smaller
    where they break the link or are not answered: a broker that finds them too long may drop them
    without a word. Chunks that arrive, and a recorder's word, make them longer again.
    """

    def __init__(self) -> None:
        self.sent_again = 0
        self.chunk_bytes = CHUNK_BYTES
        self._live: deque[tuple[int, float]] = deque()
        self._under_way: list[_Chunk] = []
        self._answered = False  # whether the last chunk was
        self._breaks_link = False  # whether a longer chunk did
        self._arrived = 0  # chunks, since their length last changed
        self._longer = False  # whether the next one is longer than those that arrived
        self._patience = FIRST_PATIENCE
        self._pause_s = FIRST_PAUSE_S
        self._not_before_s = 0.0
        self._passed: Counter[str] = Counter()

    def published(self, numbers: Iterable[int], now_s: float) -> None:
        """The items with these numbers went out live, and have a while for their receipts."""
        self._live.extend((n, now_s + RECEIPT_DUE_S) for n in numbers)

    def may_send(self, now_s: float) -> bool:
        """Whether a chunk may go out now. Chunks whose receipts are overdue are given up."""
        if overdue := [chunk for chunk in self._under_way if chunk.due_s <= now_s]:
            self._give_up(overdue, now_s)
        room = AT_ONCE if self._answered else 1
        return len(self._under_way) < room and now_s >= self._not_before_s

    def window(self, mcu_id: str, now_s: float) -> tuple[int, int | None]:
        """What the numbers of the battery's next chunk are above, and below."""
        while self._live and self._live[0][1] <= now_s:
            self._live.popleft()
        return self._passed[mcu_id], self._live[0][0] if self._live else None

    def sent(self, mcu_id: str, last: int, ids: Collection[str], now_s: float) -> None:
        """A chunk with these items went out, `last` the greatest of their numbers."""
        self._under_way.append(_Chunk(set(ids), now_s + RECEIPT_DUE_S))
        self._passed[mcu_id] = last
        self.sent_again += len(ids)

    def passed_over(self, mcu_id: str, last: int) -> None:
        """The items up to this number cannot be sent: the next pass tries them again."""
        self._passed[mcu_id] = last

    def not_sent(self, now_s: float) -> None:
        """There is no broker. Once there is one again, a recorder's word ends the pause."""
        self._rest(now_s)

    def receipted(self, ids: Collection[str], postponed: Collection[str] = ()) -> bool:
        """A receipt named these; true where that completes a chunk under way.

        What the recorder has `postponed` waits for the next pass.
        """
        for chunk in self._under_way:
            before = len(chunk.missing)
            chunk.missing.difference_update(ids, postponed)
            chunk.in_part |= len(chunk.missing) < before
            chunk.heard = True
        waiting = [chunk for chunk in self._under_way if chunk.missing]
        completed = len(waiting) < len(self._under_way)
        self._under_way = waiting
        if completed:
            self._answered = True
            self._lengthen()
        if completed and ids:
            self._pause_s = FIRST_PAUSE_S
        return completed

    def passed_all(self, now_s: float) -> None:
        """There is nothing beyond what has been sent: what is left waits for the next pass."""
        if self._passed and not self._under_way:
            self._passed.clear()
            self._rest(now_s)

    def hurry(self, at_s: float) -> None:
        """A recorder is there: from the oldest on, at that time."""
        self._begin_again()
        self._not_before_s = at_s
        self._pause_s = FIRST_PAUSE_S
        if not self._breaks_link:
            self.chunk_bytes, self._patience = CHUNK_BYTES, FIRST_PATIENCE

    def link_lost(self) -> None:
        """The link dropped; if it did so under a chunk, the next one is smaller."""
        if self._under_way:
            self._shorten(proven=True)
            self._breaks_link = True
        self._begin_again()

    def _begin_again(self) -> None:
        self._under_way.clear()
        self._passed.clear()
        self._answered = False

    def _give_up(self, overdue: list[_Chunk], now_s: float) -> None:
        heard = any(chunk.heard for chunk in overdue)
        if not heard:
            self._rest(now_s)  # there is no recorder, or it cannot write
        if not any(chunk.in_part for chunk in overdue):
            self._shorten(proven=heard or self._answered)
        self._under_way = [chunk for chunk in self._under_way if chunk not in overdue]
        self._answered = False

    def _shorten(self, *, proven: bool) -> None:
        """`proven`: others arrived, so that it may well have been the length."""
        self._arrived, self._longer = 0, False
        if proven and self.chunk_bytes > SMALLEST_CHUNK_BYTES:
            self._patience = min(2 * self._patience, LONGEST_PATIENCE)
        self.chunk_bytes = max(self.chunk_bytes // 2, SMALLEST_CHUNK_BYTES)

    def _lengthen(self) -> None:
        self._arrived += 1
        if self._longer:  # it was right to be
            self._longer = False
            self._patience = max(self._patience // 2, FIRST_PATIENCE)
        if self.chunk_bytes == CHUNK_BYTES:
            self._breaks_link = False
        elif self._arrived >= self._patience:
            self.chunk_bytes = min(2 * self.chunk_bytes, CHUNK_BYTES)
            self._arrived, self._longer = 0, True

    def _rest(self, now_s: float) -> None:
        self._not_before_s = now_s + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
