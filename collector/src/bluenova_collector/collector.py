"""The collector: a battery's console on one side, the broker on the other, the clock in between."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

from bluenova_collector.assembler import Assembler
from bluenova_collector.availability import Availability
from bluenova_collector.intervals import Intervals
from bluenova_collector.outbox import Memory, Outbox
from bluenova_collector.rules import Unreadable
from bluenova_shared.logs import Throttle
from bluenova_shared.message import Message
from bluenova_shared.topics import Topics

log = logging.getLogger(__name__)

UNREADABLE_EVERY_S = 60.0


class Collector:
    """Hears the console's lines, closes the intervals, and publishes what came of them.

    `publish` sends a message, or answers False while there is no broker. `clock` gives the seconds
    since 1970, and may jump; whatever else is timed is timed by a steady clock.
    """

    def __init__(
        self,
        *,
        outbox: Outbox,
        topics: Topics,
        publish: Callable[[Message], bool],
        clock: Callable[[], float],
        interval_s: int,
        offline_after_s: float,
        log_raw: bool,
    ) -> None:
        memory = outbox.recall()
        self._outbox = outbox
        self._topics = topics
        self._publish = publish
        self._clock = clock
        self._log_raw = log_raw
        self._assembler = Assembler(memory.mcu_id, memory.totals)
        self._intervals = Intervals(interval_s, clock(), memory.last_end_s)
        self._availability = Availability(offline_after_s, time.monotonic(), memory.mcu_id)
        self._throttle = Throttle(UNREADABLE_EVERY_S)
        self._disk_fails = False
        self.unreadable: Counter[str] = Counter()

    def hear(self, line: str) -> bool:
        """Takes a console line in; true where it was one of ours and readable."""
        if self._log_raw:
            log.info("RX: %s", json.dumps(line, ensure_ascii=False))
        said = self._assembler.feed(line)
        if isinstance(said, Unreadable):
            self._note_unreadable(said)
            return False
        mcu_id = self._assembler.mcu_id
        if said is None or mcu_id is None:
            return said is not None
        if self._availability.heard(mcu_id, time.monotonic()):
            log.info("Battery %s is online", mcu_id)
            self._publish_availability(mcu_id)
        return True

    def lost_console(self) -> None:
        """The connection to the battery is gone; what has been read stays."""
        self._assembler.connection_lost()

    def announce(self) -> None:
        """Tells a broker that has just accepted us where things stand."""
        self._publish(self._own_state("online"))
        for mcu_id in self._availability.online:
            self._publish_availability(mcu_id)

    def farewell(self) -> None:
        """Tells the broker that nothing is being read any more."""
        for mcu_id in self._availability.online:
            self._availability.online[mcu_id] = False
            self._publish_availability(mcu_id)
        self._publish(self._own_state("offline"))

    async def run(self) -> None:
        """Closes the intervals, by the clock, until cancelled."""
        while True:
            await asyncio.sleep(self._intervals.pause_s(self._clock()))
            self.close_interval()
            for mcu_id in self._availability.lost(time.monotonic()):
                log.warning("Battery %s is offline", mcu_id)
                self._publish_availability(mcu_id)

    def close_interval(self) -> None:
        """Closes the interval if its end has come: remembers first, then publishes."""
        due = self._intervals.due(self._clock())
        if due is None:
            return
        if due.corrected_s:
            log.warning("The clock was set back by %d s: going on from there", due.corrected_s)
        snapshots = self._assembler.close(datetime.fromtimestamp(due.end_s, UTC))
        self._intervals.closed(due)
        self._remember()
        for snapshot in snapshots:
            log.debug("Snapshot %s %s", snapshot.mcu_id, snapshot.time)
            self._publish(Message(self._topics.snapshot(snapshot.mcu_id), snapshot.to_json()))

    def _remember(self) -> None:
        """A disk that takes nothing costs what is remembered, not the values."""
        assembler = self._assembler
        try:
            self._outbox.remember(
                Memory(assembler.mcu_id, assembler.totals, self._intervals.last_end_s)
            )
        except sqlite3.OperationalError as error:
            if not self._disk_fails:
                log.error("The outbox cannot be written (%s): going on without", error)
            self._disk_fails = True
            return
        if self._disk_fails:
            log.info("The outbox can be written again")
        self._disk_fails = False

    def _publish_availability(self, mcu_id: str) -> None:
        state = "online" if self._availability.online[mcu_id] else "offline"
        self._publish(Message(self._topics.availability(mcu_id), state, qos=1, retain=True))

    def _own_state(self, state: str) -> Message:
        return Message(self._topics.collector(self._outbox.name), state, qos=1, retain=True)

    def _note_unreadable(self, unreadable: Unreadable) -> None:
        self.unreadable[unreadable.prefix] += 1
        held_back = self._throttle.admit(unreadable.prefix, time.monotonic())
        if held_back is None:
            return
        more = f" ({held_back} more of this kind since the last one said)" if held_back else ""
        log.warning("Unreadable: %s: %s%s", ascii(unreadable.line[:100]), unreadable.why, more)
