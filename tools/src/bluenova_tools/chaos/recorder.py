"""A recorder as it is. `BREAK=receipt-before-commit` breaks the promise on purpose.

What takes minutes in real life takes seconds here, except with `PAUSES=real`.
"""

import asyncio
import dataclasses
import os
import sys

from bluenova_recorder.__main__ import Parts, serve
from bluenova_recorder.account import Session
from bluenova_recorder.batch import Entry
from bluenova_recorder.intake import RejectedItem
from bluenova_recorder.recorder import Recorder
from bluenova_recorder.rollup.keeper import Every
from bluenova_recorder.rollup.renew import Waits
from bluenova_shared import service
from bluenova_shared.wire import Receipt
from bluenova_tools.chaos.collector import BROKER_PAUSES, KEEPALIVE_S

# Wide enough for a short run to fall into.
BETWEEN_S = 1.0


class Hasty(Recorder):
    """Breaks the promise: sends receipts for what it has not committed yet."""

    async def _record(self, entries: list[Entry], *, at_once: bool) -> None:
        for entry in entries:
            if not isinstance(entry, RejectedItem) and entry.id is not None:
                self._send_receipt(entry.mcu_id, Receipt(recorded=[entry.id]))
        await asyncio.sleep(BETWEEN_S)
        await super()._record(entries, at_once=at_once)


def parts() -> Parts:
    """The recorder's parts, as the environment wants them."""
    broken = os.environ.get("BREAK") == "receipt-before-commit"
    chosen = Parts(
        recorder=Hasty if broken else Recorder,
        # No hour is over within a short run: the open ones are computed, too.
        hours_waits=Waits(quiet_s=0.5, late_s=2.0, open_s=0.0),
        hours_every=Every(marks_s=0.5, triggers_s=2.0),
    )
    if os.environ.get("PAUSES") == "real":
        return chosen
    return dataclasses.replace(
        chosen,
        session=Session(lock_timeout_s=2, idle_in_transaction_s=4),
        database_pauses_s=(0.3, 2.0),
        broker_pauses=BROKER_PAUSES,
        keepalive_s=KEEPALIVE_S,
    )


def main() -> int:
    """Entry point."""
    return service.main("chaos-recorder", lambda words: serve(words, parts()))


if __name__ == "__main__":
    sys.exit(main())
