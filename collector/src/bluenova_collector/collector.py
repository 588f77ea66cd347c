"""The collector: a battery's console on one side, the broker on the other, the clock in between."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version

from bluenova_collector.availability import Availability
from bluenova_collector.console.assembler import Assembler
from bluenova_collector.console.rules import Unreadable
from bluenova_collector.delivery.outbox import Memory, Outbox
from bluenova_collector.delivery.promise import Delivery
from bluenova_collector.gap_events import Presence
from bluenova_collector.intervals import BUILT_S, Due, Intervals
from bluenova_collector.lru import LRU
from bluenova_collector.spread import SpreadAlarm
from bluenova_collector.status import Status
from bluenova_shared.logs import Throttle
from bluenova_shared.message import Message
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.topics import Topics
from bluenova_shared.wire import Event, Item, Occasion, new_id

log = logging.getLogger(__name__)

VERSION = version("bluenova-collector")
UNREADABLE_EVERY_S = 60.0
STATUS_EVERY_S = 30.0


class Collector:
    """Hears the console's lines, closes the intervals, and hands on what came of them.

    `publish` sends a message, or answers False while there is no broker. `clock` gives the seconds
    since 1970, and may jump; whatever else is timed is timed by a steady clock. `on_snapshots`
    is told those of each interval; `connections` is asked how many there were to the battery.
    """

    def __init__(
        self,
        *,
        outbox: Outbox,
        delivery: Delivery,
        topics: Topics,
        publish: Callable[[Message], bool],
        clock: Callable[[], float],
        interval_s: int,
        offline_after_s: float,
        log_raw: bool,
        spread_alarm: SpreadAlarm,
    ) -> None:
        memory = outbox.recall()
        self._outbox = outbox
        self._delivery = delivery
        self._topics = topics
        self._publish = publish
        self._clock = clock
        self._log_raw = log_raw
        self._spread_alarm = spread_alarm
        self.on_snapshots: Callable[[list[Snapshot]], None] = lambda _: None
        self.connections: Callable[[], int] = lambda: 0
        self._assembler = Assembler(memory.mcu_id, memory.totals)
        self._intervals = Intervals(interval_s, clock(), memory.last_end_s)
        self._presence = Presence(memory.present, memory.lost)
        self._availability = Availability(offline_after_s, time.monotonic(), memory.mcu_id)
        self._started_s = clock()
        self._start_told: set[str] = set()
        self._last_snapshot = LRU[str, datetime]()
        self._status_s = 0.0
        self._throttle = Throttle(UNREADABLE_EVERY_S)
        self._unreadable: Counter[str] = Counter()

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

    def take(self, message: Message) -> None:
        """A message from the broker: a receipt, or a recorder's word that it is there."""
        if message.topic == self._topics.recorder():
            self._delivery.recorder_is_ready()
        else:
            self._delivery.take_receipt(message)

    def announce(self) -> None:
        """Tells a broker that has just accepted us where things stand."""
        self._publish(self._own_state("online"))
        for mcu_id in self._availability.online:
            self._publish_availability(mcu_id)
        self._publish_status()

    def lost_broker(self) -> None:
        """The connection to the broker is gone."""
        self._delivery.link_lost()

    def farewell(self) -> None:
        """Tells the broker, and the outbox, that nothing is being read any more."""
        for mcu_id in self._availability.online:
            self._availability.online[mcu_id] = False
            self._publish_availability(mcu_id)
        if self._clock() >= BUILT_S:
            batteries = self._presence.present + self._presence.lost
            self._deliver([self._event(m, "collector_stopped", self._clock()) for m in batteries])
        if lost := self._delivery.unwritten():
            log.error("%d items that no disk took are lost with this stop", lost)
        self._publish_status()
        self._publish(self._own_state("offline"))

    async def run(self) -> None:
        """Closes the intervals, by the clock, and sends again, until cancelled."""
        while True:
            await asyncio.sleep(self._intervals.pause_s(self._clock()))
            if due := self._intervals.due(self._clock()):
                self._close_interval(due)
            self._delivery.send_again()
            for mcu_id in self._availability.lost(time.monotonic()):
                log.warning("Battery %s is offline", mcu_id)
                self._publish_availability(mcu_id)
            if time.monotonic() - self._status_s >= STATUS_EVERY_S:
                self._publish_status()

    def _close_interval(self, due: Due) -> None:
        if due.corrected_s:
            log.warning("The clock was set back by %d s: going on from there", due.corrected_s)
        dropped = self._assembler.dropped_nameless
        snapshots = self._assembler.close(datetime.fromtimestamp(due.end_s, UTC))
        if self._assembler.dropped_nameless > dropped:
            self._note_nameless()
        self._intervals.closed(due)
        snapshots = [self._complete(snapshot) for snapshot in snapshots]
        if not {snapshot.mcu_id for snapshot in snapshots} <= set(self._last_snapshot):
            self._status_s = -STATUS_EVERY_S  # a new battery's figures are due at once
        self._last_snapshot.update({s.mcu_id: s.time for s in snapshots})
        self._deliver([*self._events(due.end_s, snapshots), *snapshots], due.end_s)
        self.on_snapshots(snapshots)

    def _complete(self, snapshot: Snapshot) -> Snapshot:
        """With its id, and with what takes more than one interval to know."""
        alarm = self._spread_alarm.judge(snapshot)
        return snapshot.model_copy(update={"id": new_id(), "cell_spread_alarm": alarm})

    def _events(self, end_s: int, snapshots: list[Snapshot]) -> list[Event]:
        """What happened that explains rows that miss, or will."""
        changes = self._presence.interval({snapshot.mcu_id for snapshot in snapshots})
        batteries = {*self._presence.present, *self._presence.lost} - self._start_told
        self._start_told = {*self._presence.present, *self._presence.lost}
        # Where the clock stood in 1970 then, nobody knows when it was.
        started_s = self._started_s if self._started_s >= BUILT_S else end_s
        starts = [self._event(mcu_id, "collector_started", started_s) for mcu_id in batteries]
        return starts + [self._event(mcu_id, occasion, end_s) for mcu_id, occasion in changes]

    def _event(self, mcu_id: str, occasion: Occasion, time_s: float) -> Event:
        return Event(
            event=occasion,
            time=datetime.fromtimestamp(int(time_s), UTC),
            mcu_id=mcu_id,
            id=new_id(),
            interval_s=self._intervals.interval_s,
        )

    def _deliver(self, items: list[Item], end_s: int | None = None) -> None:
        if items:
            memory = Memory(
                self._assembler.mcu_id,
                self._assembler.totals,
                self._intervals.last_end_s,
                self._presence.present,
                self._presence.lost,
            )
            self._delivery.deliver(items, memory, end_s)

    def _publish_availability(self, mcu_id: str) -> None:
        state = "online" if self._availability.online[mcu_id] else "offline"
        self._publish(Message(self._topics.availability(mcu_id), state, qos=1, retain=True))

    def _publish_status(self) -> None:
        self._status_s = time.monotonic()
        for mcu_id in {*self._availability.online, *self._last_snapshot}:
            status = Status(
                version=VERSION,
                since=datetime.fromtimestamp(int(self._started_s), UTC),
                interval_s=self._intervals.interval_s,
                last_snapshot=self._last_snapshot.get(mcu_id),
                waiting=self._outbox.waiting[mcu_id] + self._delivery.unwritten(mcu_id),
                oldest_waiting=self._outbox.oldest(mcu_id),
                sent_again=self._delivery.sent_again,
                dropped=self._outbox.dropped,
                reconnects=max(0, self.connections() - 1),
                unreadable=dict(self._unreadable),
            )
            topic = self._topics.status(mcu_id)
            self._publish(Message(topic, status.model_dump_json(), qos=1, retain=True))

    def _own_state(self, state: str) -> Message:
        return Message(self._topics.collector(self._outbox.name), state, qos=1, retain=True)

    def _note_nameless(self) -> None:
        if self._throttle.admit("nameless", time.monotonic()) is not None:
            log.error(
                "The battery has never said its MCU ID: the oldest of the snapshots that wait for "
                "it are dropped, %d so far",
                self._assembler.dropped_nameless,
            )

    def _note_unreadable(self, unreadable: Unreadable) -> None:
        self._unreadable[unreadable.prefix] += 1
        held_back = self._throttle.admit(unreadable.prefix, time.monotonic())
        if held_back is None:
            return
        more = f" ({held_back} more of this kind since the last one said)" if held_back else ""
        log.warning("Unreadable: %s: %s%s", ascii(unreadable.line[:100]), unreadable.why, more)
