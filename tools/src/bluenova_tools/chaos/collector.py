"""A collector as it is, but for a clock that can be set wrong and a tap at its outbox.

`CHAOS_CLOCK` names a file with the seconds that the clock is off by, `CHAOS_TAP` the truth's
file. `BREAK=delete-before-receipt` breaks the promise on purpose. What takes minutes in real life
takes seconds here, except with `PAUSES=real`.
"""

import contextlib
import dataclasses
import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bluenova_collector.__main__ import Parts, serve
from bluenova_collector.delivery.pacing import Waits
from bluenova_collector.delivery.promise import Delivery
from bluenova_collector.memory import Memory
from bluenova_shared import service
from bluenova_shared.clocks import Clocks
from bluenova_shared.mqtt.link import Pauses
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.wire import Item
from bluenova_tools.chaos.tap import Tap, TappedOutbox

BROKER_PAUSES = Pauses(first_s=0.3, longest_s=2.0)
KEEPALIVE_S = 4


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

    def deliver(
        self, for_recorder: Sequence[Item], live: Sequence[Snapshot], memory: Memory
    ) -> None:
        """As the delivery does it, and then forgets."""
        super().deliver(for_recorder, live, memory)
        for item in (*for_recorder, *live):
            self.outbox.delete(item.mcu_id, [str(item.id)])


def parts() -> Parts:
    """The collector's parts, as the environment wants them."""
    tap = Tap(Path(os.environ["CHAOS_TAP"]))
    chosen = Parts(
        clocks=Clocks(WrongClock(Path(os.environ["CHAOS_CLOCK"])), time.monotonic),
        outbox=partial(TappedOutbox, tap),
        delivery=Forgetful if os.environ.get("BREAK") == "delete-before-receipt" else Delivery,
    )
    if os.environ.get("PAUSES") == "real":
        return chosen
    return dataclasses.replace(
        chosen,
        waits=Waits(receipt_due_s=1.5, first_pause_s=0.5, longest_pause_s=3.0),
        battery_pauses_s=(0.3, 0.5, 1.0),
        broker_pauses=BROKER_PAUSES,
        keepalive_s=KEEPALIVE_S,
        refused_again_s=10.0,
    )


def main() -> int:
    """Entry point."""
    return service.main("chaos-collector", lambda words: serve(words, parts()))


if __name__ == "__main__":
    sys.exit(main())
