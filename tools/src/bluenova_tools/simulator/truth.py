"""What the one who runs a simulated battery is told, and what is written down of it."""

import asyncio
import json
import time
from typing import TextIO

from bluenova_tools.simulator.console import ConsoleLine


class Truth:
    """A file of everything that was said, for comparing it with what arrived.

    One JSON object a line: `t` (Unix seconds), `mcu_id`, `line`, `values` (by the table's
    columns, in its units) and `listeners`; or `t` and `event`, such as a dropped connection.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def said(self, line: ConsoleLine, listeners: int) -> None:
        """Writes down a line and how many clients were there to hear it."""
        self._write(
            mcu_id=f"{line.mcu_id:08X}",
            line=line.text,
            values=dict(line.values),
            listeners=listeners,
        )

    def event(self, event: str) -> None:
        """Writes down what happened to a connection."""
        self._write(event=event)

    def _write(self, **what: object) -> None:
        self._file.write(json.dumps({"t": round(time.time(), 3), **what}) + "\n")


async def tell(events: asyncio.Queue[str], truth: Truth | None = None) -> None:
    """Prints what happens to the connections, and writes it down."""
    while True:
        event = await events.get()
        print(f"{time.strftime('%H:%M:%S')}  {event}", flush=True)
        if truth:
            truth.event(event)
