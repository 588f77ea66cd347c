"""What keeps a collector going: a loop over the console, one over the broker, one by the clock."""

import asyncio
import contextlib
import json
import logging
import math
from collections.abc import Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version

from bluenova_collector.collector import Closed, Collector
from bluenova_collector.console import connection as console
from bluenova_collector.delivery.adopt import Adoption
from bluenova_collector.delivery.outbox import Outbox
from bluenova_collector.delivery.promise import Delivery
from bluenova_collector.homeassistant.announcer import Announcer
from bluenova_collector.status import Status
from bluenova_shared.clocks import Clocks
from bluenova_shared.logs import Change
from bluenova_shared.message import Message
from bluenova_shared.mqtt import events as mqtt
from bluenova_shared.mqtt.link import MqttLink
from bluenova_shared.topics import Topics
from bluenova_shared.wire import rows_wait_s

log = logging.getLogger(__name__)

VERSION = version("bluenova-collector")
STATUS_EVERY_S = 30.0
# More are garbled ids: then the receipts of all are heard.
MOST_BATTERIES = 64


@dataclass
class Loops:
    """Hands each event to the part that it is for, and does what the collector returns."""

    collector: Collector
    outbox: Outbox
    adoption: Adoption
    delivery: Delivery
    announcer: Announcer
    broker: mqtt.Peer
    topics: Topics
    clocks: Clocks
    interval_s: int
    log_raw: bool
    _connections: int = 0
    _sooner: asyncio.Event = field(default_factory=asyncio.Event)  # something new has its time
    _too_long: Change = field(default_factory=Change)
    _own: set[str] = field(default_factory=set)  # the batteries whose receipts we hear
    _status_s: float = 0.0
    _status_of: Set[str] = frozenset()  # the batteries whose status has been told

    async def read_console(self, battery: console.Console) -> None:
        """Takes in what the battery says, until cancelled."""
        async with contextlib.aclosing(battery.events()) as events:
            async for event in events:
                self.handle_console(event)

    async def read_broker(self, link: MqttLink) -> None:
        """Takes in what the broker says, until cancelled."""
        while True:
            for event in await link.drain():
                self.handle_broker(event)

    async def keep_time(self) -> None:
        """Does what is due by the clock, until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s()):
                    await self._sooner.wait()
            self._sooner.clear()
            self.tick()

    def handle_console(self, event: console.Event) -> None:
        """A line of the battery's, or what became of its connection."""
        match event:
            case console.Connected():
                self._connections += 1
            case console.Line(text, said):
                if self.log_raw:
                    log.info("RX: %s", json.dumps(text, ensure_ascii=False))
                self._publish(self.collector.handle(said, self.clocks.steady()))
            case console.Lost():
                self.collector.console_lost()

    def handle_broker(self, event: mqtt.Event) -> None:
        """A message, or what became of the connection to the broker."""
        match event:
            case mqtt.Connected():
                self._publish(self.collector.greeting())
                self._publish_status()
                self.announcer.tell_all()
            case Message(topic=topic) if topic == self.topics.recorder():
                if event.payload:  # an empty one is a recorder's `check`, or forgets a retained one
                    self.delivery.recorder_is_ready(rows_wait_s(event.payload))
                    self._sooner.set()
            case Message(topic=topic) if topic in self.topics.home_assistant_states():
                self.announcer.handle(event)
            case Message():
                self.delivery.handle_receipt(event)
            case mqtt.Lost():
                self.delivery.link_lost()
                self.announcer.link_lost(event)

    def tick(self) -> None:
        """Closes the interval, if it has ended, and sees what else is due."""
        wall_s, steady_s = self.clocks.wall(), self.clocks.steady()
        if closed := self.collector.close(wall_s, steady_s):
            self._hear_receipts({item.mcu_id for item in (*closed.for_recorder, *closed.live)})
            self._deliver(closed)
            self.announcer.see(closed.snapshots)
        self.delivery.publish_due(steady_s)
        self.adoption.step()
        self._hear_receipts(set(self.outbox.waiting))
        self.delivery.send_again()
        self.announcer.publish_due()
        self._publish(self.collector.gone_offline(steady_s))
        is_new = not self.collector.last_snapshot.keys() <= self._status_of
        if is_new or steady_s - self._status_s >= STATUS_EVERY_S:
            self._publish_status()

    def farewell(self) -> None:
        """Tells the broker, and the outbox, that nothing is being read any more."""
        closed, offline = self.collector.stop(self.clocks.wall())
        self._publish(offline)
        self._deliver(closed)
        self.delivery.publish_due(math.inf)
        if lost := self.delivery.unwritten:
            log.error("%d items that no disk took are lost with this stop", lost)
        self._publish_status()
        self._publish([self.collector.own_state("offline")])

    def _pause_s(self) -> float:
        steady_s = self.clocks.steady()
        pauses_s = [due_s - steady_s for due_s in self.delivery.due_times_s(steady_s)]
        return max(0.0, min([self.collector.pause_s(self.clocks.wall()), *pauses_s]))

    def _hear_receipts(self, mcu_ids: Set[str]) -> None:
        """Hears the receipts of these batteries, before anything goes out that they may name.

        To hear all of them costs the broker dearly: with 1,000 collectors, 89 % of a core.
        """
        if len(self._own) <= MOST_BATTERIES and not mcu_ids <= self._own:
            self._own |= mcu_ids
            heard = self._own if len(self._own) <= MOST_BATTERIES else {"+"}
            self.broker.hear({self.topics.recorded(mcu_id) for mcu_id in heard})

    def _deliver(self, closed: Closed) -> None:
        if closed.for_recorder or closed.live:
            self.delivery.deliver(closed.for_recorder, closed.live, closed.memory)

    def _publish(self, messages: list[Message]) -> None:
        for message in messages:
            match self.broker.publish(message):
                case mqtt.TooLong(longest) if self._too_long.to(message.topic):
                    log.error(mqtt.TOO_LONG, longest, message.topic, len(message.payload))

    def _publish_status(self) -> None:
        self._status_s = self.clocks.steady()
        self._status_of = set(self.collector.last_snapshot)
        for mcu_id in self.collector.batteries:
            status = Status(
                version=VERSION,
                since=datetime.fromtimestamp(int(self.collector.started_s), UTC),
                interval_s=self.interval_s,
                clock_is_set=self.collector.clock_is_set,
                last_snapshot=self.collector.last_snapshot.get(mcu_id),
                waiting=self.delivery.waiting(mcu_id),
                oldest_waiting=self.outbox.oldest(mcu_id),
                sent_again=self.delivery.sent_again,
                dropped=self.outbox.dropped,
                reconnects=max(0, self._connections - 1),
                unreadable=dict(self.collector.unreadable),
            )
            topic = self.topics.status(mcu_id)
            self._publish([Message(topic, status.model_dump_json(), qos=1, retain=True)])
