"""Ends a connection that has been silent for too long."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Self


class Silence:
    """Calls `end` once nothing has been heard for `longest_s`, within an `async with` block.

    A deadline for each wait would be another timer for each line; this one is only looked at when
    it is due.
    """

    def __init__(
        self,
        longest_s: float,
        steady: Callable[[], float],
        end: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        self.is_over = False  # whether it was too long
        self._longest_s = longest_s
        self._steady = steady
        self._end = end
        self._heard_s = steady()

    def heard(self) -> None:
        """Something was said just now."""
        self._heard_s = self._steady()

    async def __aenter__(self) -> Self:
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watching.cancel()

    async def _watch(self) -> None:
        while not self.is_over:
            left_s = self._heard_s + self._longest_s - self._steady()
            self.is_over = left_s <= 0
            await asyncio.sleep(max(left_s, 0))
        await self._end()
