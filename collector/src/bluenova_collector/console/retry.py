"""How long to wait before the next attempt to reach the battery. Pure."""

from __future__ import annotations

# The C program's table; the last one repeats.
DELAYS_S = (1, 1, 2, 2, 3, 3, 5, 5, 10, 10, 30, 60)


class Retry:
    """Gives the delays in turn; only a connection that brings a readable line restarts them."""

    def __init__(self, delays_s: tuple[float, ...] = DELAYS_S) -> None:
        self._delays_s = delays_s
        self._next = 0

    def readable(self) -> None:
        """Restarts the delays: the battery has sent a readable line."""
        self._next = 0

    def delay_s(self) -> float:
        """Returns the delay before the next attempt, in seconds."""
        delay_s = self._delays_s[self._next]
        self._next = min(self._next + 1, len(self._delays_s) - 1)
        return delay_s
