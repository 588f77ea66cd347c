"""A recorder as it is. ``BREAK=receipt-before-commit`` breaks the promise on purpose."""

from __future__ import annotations

import asyncio
import os
import sys

from bluenova_recorder import __main__ as program
from bluenova_recorder.batch import Entry
from bluenova_recorder.intake import RejectedItem
from bluenova_recorder.recorder import Recorder, receipts
from bluenova_recorder.store import Written
from bluenova_shared import service
from bluenova_shared.message import Message
from bluenova_tools.chaos.hurried import hurry

# Wide enough for a short run to fall into.
BETWEEN_S = 1.0


class Hasty(Recorder):
    """Breaks the promise: sends receipts for what it has not committed yet."""

    async def _record(self, entries: list[Entry]) -> None:
        hoped = Written(
            recorded=[entry for entry in entries if not isinstance(entry, RejectedItem)]
        )
        for mcu_id, receipt in receipts(hoped).items():
            self._publish(Message(self._topics.recorded(mcu_id), receipt.to_json(), qos=1))
        await asyncio.sleep(BETWEEN_S)
        await self._reach(lambda: self._store.write(entries))


def main() -> int:
    """Entry point."""
    hurry()
    if os.environ.get("BREAK") == "receipt-before-commit":
        vars(program)["Recorder"] = Hasty
    return service.main("chaos-recorder", program.serve)


if __name__ == "__main__":
    sys.exit(main())
