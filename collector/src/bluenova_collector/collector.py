"""The collector: from the console's lines and the clock to what is to be committed and published.

It neither stores nor sends: what is to be stored and sent, it returns.
"""

import logging
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

from bluenova_collector.availability import Availability
from bluenova_collector.console.assembler import Assembler
from bluenova_collector.console.rules import Partly, Said, Unreadable
from bluenova_collector.gap_events import GapEvents
from bluenova_collector.intervals import LATEST_S, Intervals, is_set
from bluenova_collector.lru import LRU
from bluenova_collector.memory import Memory
from bluenova_collector.spread import SpreadAlarm
from bluenova_shared.logs import Change, Throttle
from bluenova_shared.message import Message
from bluenova_shared.snapshot import CELLS, Snapshot
from bluenova_shared.topics import Topics
from bluenova_shared.wire import Item, new_id

log = logging.getLogger(__name__)

SAME_LINE_EVERY_S = 60.0


@dataclass(frozen=True)
class Closed:
    """What the end of an interval brings, to be committed with the memory.

    What is `live` is published then. The rest is for the recorder alone: events, and snapshots of
    earlier intervals, which had to wait for their battery's name.
    """

    for_recorder: list[Item]
    live: list[Snapshot]
    memory: Memory

    @property
    def snapshots(self) -> list[Snapshot]:
        """All snapshots, oldest first."""
        return [item for item in (*self.for_recorder, *self.live) if isinstance(item, Snapshot)]


class Collector:
    """Takes in what the lines say, closes the intervals, and knows which batteries are online.

    `name` is its own among all collectors. `wall_s` is the time in seconds since 1970, of a clock
    that may jump; `steady_s` that of a clock that never does.
    """

    def __init__(
        self,
        topics: Topics,
        name: str,
        memory: Memory,
        *,
        interval_s: int,
        offline_after_s: float,
        spread_alarm_v: float,
        wall_s: float,
        steady_s: float,
    ) -> None:
        self.started_s = wall_s
        self.clock_is_set = is_set(wall_s)
        self.unreadable: Counter[str] = Counter()
        self.last_snapshot = LRU[str, datetime]()
        self._topics = topics
        self._name = name
        self._assembler = Assembler(memory.mcu_id, memory.totals, memory.cells)
        self._intervals = Intervals(interval_s, wall_s, memory.last_end_s)
        self._gap_events = GapEvents(interval_s, wall_s, memory.present, memory.lost)
        self._availability = Availability(offline_after_s, steady_s, memory.mcu_id)
        self._spread_alarm = SpreadAlarm(spread_alarm_v)
        self._throttle = Throttle(SAME_LINE_EVERY_S)
        self._cells = LRU[str, int]()  # what was said of batteries with more than can be stored
        self._clock = Change(True)

    def handle(self, said: Said | None, steady_s: float) -> list[Message]:
        """Takes in what a line says."""
        said = self._assembler.handle(said)
        if isinstance(said, Unreadable):
            self._note_unreadable(said, steady_s)
            return []
        if isinstance(said, Partly):
            for unreadable in said.unreadable:
                self._note_unreadable(unreadable, steady_s)
        mcu_id = self._assembler.mcu_id
        if said is None or mcu_id is None or not self._availability.heard(mcu_id, steady_s):
            return []
        log.info("Battery %s is online", mcu_id)
        return [self._availability_of(mcu_id)]

    def console_lost(self) -> None:
        """The connection to the battery has ended; what has been read stays."""
        self._assembler.connection_lost()

    def pause_s(self, wall_s: float) -> float:
        """How long nothing will be due, if the clock does not jump; at most a second."""
        return self._intervals.pause_s(wall_s)

    def close(self, wall_s: float, steady_s: float) -> Closed | None:
        """Closes the interval that has ended; None while it goes on."""
        self._note_clock(wall_s)
        due = self._intervals.due(wall_s)
        if due is None:
            return None
        if due.corrected_s:
            log.warning(
                "The clock was set back by %d s: going on from there. Times that are taken in the "
                "table are kept as rejected",
                due.corrected_s,
            )
        dropped = self._assembler.dropped_nameless
        end = datetime.fromtimestamp(due.end_s, UTC)
        snapshots = [self._complete(snapshot) for snapshot in self._assembler.close(end)]
        for snapshot in snapshots:
            self._note_cells(snapshot)
        if self._assembler.dropped_nameless > dropped:
            self._note_nameless(steady_s)
        self._intervals.closed(due)
        self.last_snapshot.update({snapshot.mcu_id: snapshot.time for snapshot in snapshots})
        events = self._gap_events.interval(due.end_s, {s.mcu_id for s in snapshots})
        late = [snapshot for snapshot in snapshots if snapshot.time != end]
        live = [snapshot for snapshot in snapshots if snapshot.time == end]
        return Closed([*events, *late], live, self._memory())

    def gone_offline(self, steady_s: float) -> list[Message]:
        """What there is to say of batteries that have been silent for too long."""
        gone = self._availability.lost(steady_s)
        for mcu_id in gone:
            log.warning("Battery %s is offline", mcu_id)
        return [self._availability_of(mcu_id) for mcu_id in gone]

    def greeting(self) -> list[Message]:
        """What a broker that has just accepted us is told."""
        online = [self._availability_of(mcu_id) for mcu_id in self._availability.online]
        return [self.own_state("online"), *online]

    def stop(self, wall_s: float) -> tuple[Closed, list[Message]]:
        """The end: nothing is read any more."""
        for mcu_id in self._availability.online:
            self._availability.online[mcu_id] = False
        offline = [self._availability_of(mcu_id) for mcu_id in self._availability.online]
        return Closed([*self._gap_events.stopped(wall_s)], [], self._memory()), offline

    def own_state(self, state: str) -> Message:
        """Whether this collector runs, for all to know."""
        return Message(self._topics.collector(self._name), state, qos=1, retain=True)

    @property
    def batteries(self) -> set[str]:
        """The batteries of which there is something to tell."""
        return {*self._availability.online, *self.last_snapshot}

    def _complete(self, snapshot: Snapshot) -> Snapshot:
        """With its id, and with what takes more than one interval to know."""
        alarm = self._spread_alarm.judge(snapshot)
        return snapshot.model_copy(update={"id": new_id(snapshot.time), "cell_spread_alarm": alarm})

    def _memory(self) -> Memory:
        return Memory(
            self._assembler.mcu_id,
            self._assembler.totals,
            self._intervals.last_end_s,
            self._gap_events.present,
            self._gap_events.lost,
            self._assembler.cells,
        )

    def _availability_of(self, mcu_id: str) -> Message:
        state = "online" if self._availability.online[mcu_id] else "offline"
        return Message(self._topics.availability(mcu_id), state, qos=1, retain=True)

    def _note_clock(self, wall_s: float) -> None:
        self.clock_is_set = is_set(wall_s)
        if self._clock.to(self.clock_is_set):
            if self.clock_is_set:
                log.info("The clock is set: going on")
            else:
                log.error(
                    "The clock says %s, which cannot be: nothing is measured until it is set",
                    datetime.fromtimestamp(min(wall_s, LATEST_S), UTC).date(),
                )

    def _note_cells(self, snapshot: Snapshot) -> None:
        cells = snapshot.cell_count
        if cells is not None and cells > CELLS and self._cells.get(snapshot.mcu_id) != cells:
            log.warning(
                "Battery %s says that it has %d cells: %d are stored, and the lowest and the "
                "highest are those of them",
                *(snapshot.mcu_id, cells, CELLS),
            )
            self._cells[snapshot.mcu_id] = cells

    def _note_nameless(self, steady_s: float) -> None:
        if self._throttle.admit("nameless", steady_s) is not None:
            log.error(
                "The battery has never said its MCU ID: the oldest of the snapshots that wait for "
                "it are dropped, %d so far",
                self._assembler.dropped_nameless,
            )

    def _note_unreadable(self, unreadable: Unreadable, steady_s: float) -> None:
        self.unreadable[unreadable.prefix] += 1
        more = self._throttle.admit(unreadable.prefix, steady_s)
        if more is not None:
            line = ascii(unreadable.line[:100])
            log.warning("Unreadable: %s: %s%s", line, unreadable.why, more)
