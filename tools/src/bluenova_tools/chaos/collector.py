"""A collector as it is, but for a clock that can be set wrong and a tap at its outbox.

``CHAOS_CLOCK`` names a file with the seconds that the clock is off by, ``CHAOS_TAP`` the truth's
file. ``BREAK=delete-before-receipt`` breaks the promise on purpose.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bluenova_collector import __main__ as program
from bluenova_collector.delivery.outbox import Memory
from bluenova_collector.delivery.promise import Delivery
from bluenova_shared import service
from bluenova_shared.wire import Item
from bluenova_tools.chaos.hurried import hurry
from bluenova_tools.chaos.tap import Tap, TappedOutbox


class WrongClock:
    """The time, and what the file says that it is off by."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._off_s = 0.0

    def __call__(self) -> float:
        """Seconds since 1970, more or less."""
        with contextlib.suppress(FileNotFoundError):  # nobody has set it wrong yet
            self._off_s = float(self._path.read_text())
        return time.time() + self._off_s


class Forgetful(Delivery):
    """Breaks the promise: deletes what it has published, receipt or not."""

    def deliver(self, items: Sequence[Item], memory: Memory, end_s: int | None = None) -> None:
        """As the delivery does it, and then forgets."""
        super().deliver(items, memory, end_s)
        for item in items:
            self._outbox.delete(item.mcu_id, [str(item.id)])


def main() -> int:
    """Entry point."""
    hurry()
    TappedOutbox.tap = Tap(Path(os.environ["CHAOS_TAP"]))
    clock = WrongClock(Path(os.environ["CHAOS_CLOCK"]))
    vars(program)["Outbox"] = TappedOutbox
    if os.environ.get("BREAK") == "delete-before-receipt":
        vars(program)["Delivery"] = Forgetful
    return service.main("chaos-collector", lambda words: program.serve(words, clock=clock))


if __name__ == "__main__":
    sys.exit(main())
