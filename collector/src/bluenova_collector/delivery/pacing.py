"""When what has no receipt goes out again: in chunks, ever more slowly. Pure.

All times are seconds of a steady clock.
"""

from collections import Counter, deque
from collections.abc import Collection
from dataclasses import dataclass

from bluenova_collector.delivery.chunk_size import ChunkSize
from bluenova_shared.backoff import Backoff

# As long as receipts come, the recorder reads the next chunks while it commits the last ones. With
# four of twice the length it had none to read for a third of the time: a week took 2.65 instead of
# 2.43 s.
AT_ONCE = 8


@dataclass(frozen=True)
class Waits:
    """How long an item may wait for its receipt, and how long the pauses without one are."""

    receipt_due_s: float = 5.0
    first_pause_s: float = 5.0
    longest_pause_s: float = 60.0


WAITS = Waits()


@dataclass
class _Chunk:
    """A chunk under way."""

    missing: set[str]  # the ids of what has no receipt yet
    due_s: float
    in_part: bool = False  # whether a part of it has its receipts
    heard: bool = False  # whether any receipt came since it went out


class Pacing:
    """Which chunks are under way, and what may follow them when.

    One chunk goes out; once it is answered, and as long as they are, eight are under way. A
    pass goes through a battery's items from the oldest on. What gets no receipt is passed over,
    so that it holds nothing else up, and has its turn again in the next pass. Pauses are
    `pause_factor` times as long as `waits` has them; nothing goes out before `not_before_s`.
    """

    def __init__(self, waits: Waits = WAITS, pause_factor: float = 1.0) -> None:
        self.size = ChunkSize()
        self.sent_again = 0
        self.rows_wait_s = 0.0  # how long a recorder lets live rows wait for one another
        self._receipt_due_s = waits.receipt_due_s
        self._backoff = Backoff.doubling(waits.first_pause_s, waits.longest_pause_s)
        self._pause_factor = pause_factor
        self._live: deque[tuple[int, float]] = deque()
        self._under_way: list[_Chunk] = []
        self._answered = False  # whether the last chunk was
        self.not_before_s = 0.0
        self._passed: Counter[str] = Counter()

    def published(self, n: int, now_s: float) -> None:
        """The item with this number went out live, and has a while for its receipt."""
        self._live.append((n, now_s + self.rows_wait_s + self._receipt_due_s))

    def may_send(self, now_s: float) -> bool:
        """Whether a chunk may go out now. Chunks whose receipts are overdue are given up."""
        if overdue := [chunk for chunk in self._under_way if chunk.due_s <= now_s]:
            self._give_up(overdue, now_s)
        room = AT_ONCE if self._answered else 1
        return len(self._under_way) < room and now_s >= self.not_before_s

    def window(self, mcu_id: str, now_s: float) -> tuple[int, int | None]:
        """What the numbers of the battery's next chunk are above, and below."""
        while self._live and self._live[0][1] <= now_s:
            self._live.popleft()
        return self._passed[mcu_id], self._live[0][0] if self._live else None

    def sent(self, mcu_id: str, last: int, ids: Collection[str], now_s: float) -> None:
        """A chunk with these items went out, `last` the greatest of their numbers."""
        self._under_way.append(_Chunk(set(ids), now_s + self._receipt_due_s))
        self._passed[mcu_id] = last
        self.sent_again += len(ids)

    def passed_over(self, mcu_id: str, last: int) -> None:
        """The items up to this number cannot be sent: the next pass tries them again."""
        self._passed[mcu_id] = last

    def rest(self, now_s: float) -> None:
        """Nothing can be sent. A recorder's word ends the pause."""
        self.not_before_s = now_s + self._backoff.next_s() * self._pause_factor

    def receipted(self, ids: Collection[str], postponed: Collection[str] = ()) -> bool:
        """A receipt named these; true if that completes a chunk under way.

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
            self.size.arrived()
        if completed and ids:
            self._backoff.reset()
        return completed

    def passed_all(self, now_s: float) -> None:
        """There is nothing beyond what has been sent: what is left waits for the next pass."""
        if self._passed and not self._under_way:
            self._passed.clear()
            self.rest(now_s)

    def hurry(self, at_s: float) -> None:
        """A recorder is there: from the oldest on, at that time."""
        self._begin_again()
        self.not_before_s = at_s
        self._backoff.reset()
        self.size.recorder_is_ready()

    def link_lost(self) -> None:
        """The link dropped; if it did so under a chunk, the next one is smaller."""
        if self._under_way:
            self.size.broke_link()
        self._begin_again()

    def _begin_again(self) -> None:
        self._under_way.clear()
        self._passed.clear()
        self._answered = False

    def _give_up(self, overdue: list[_Chunk], now_s: float) -> None:
        heard = any(chunk.heard for chunk in overdue)
        if not heard:
            self.rest(now_s)  # there is no recorder, or it cannot write
        if not any(chunk.in_part for chunk in overdue):
            self.size.unanswered(others_arrived=heard or self._answered)
        self._under_way = [chunk for chunk in self._under_way if chunk not in overdue]
        self._answered = False
