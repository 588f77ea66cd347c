"""How long to wait before the next attempt. Pure."""

from collections.abc import Sequence
from typing import Self


class Backoff:
    """The pauses before the next attempts, in seconds; the last one repeats."""

    def __init__(self, pauses_s: Sequence[float]) -> None:
        self._pauses_s = pauses_s
        self._next = 0

    @classmethod
    def doubling(cls, first_s: float, longest_s: float) -> Self:
        """Pauses that double from the first to the longest."""
        pauses_s = [first_s]
        while pauses_s[-1] < longest_s:
            pauses_s.append(min(2 * pauses_s[-1], longest_s))
        return cls(pauses_s)

    def next_s(self) -> float:
        """The pause before the next attempt."""
        pause_s = self._pauses_s[self._next]
        self._next = min(self._next + 1, len(self._pauses_s) - 1)
        return pause_s

    def reset(self) -> None:
        """All is well: the next pause is the first one again."""
        self._next = 0
