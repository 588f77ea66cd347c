"""What keeps a collector going: a loop over the console, one over the broker, one by the clock."""

import asyncio
import json
import logging
from datetime import UTC, datetime
from importlib.metadata import version

from bluenova_collector.collector import Closed, Collector
from bluenova_collector.console import connection as console
from bluenova_collector.delivery.outbox import Outbox
from bluenova_collector.delivery.promise import Delivery
from bluenova_collector.homeassistant.announcer import Announcer
from bluenova_collector.status import Status
from bluenova_shared.clocks import Clocks
from bluenova_shared.message import Message
from bluenova_shared.mqtt import events as mqtt
from bluenova_shared.mqtt.link import MqttLink
from bluenova_shared.topics import Topics

log = logging.getLogger(__name__)

VERSION = version("bluenova-collector")
STATUS_EVERY_S = 30.0


class Loops:
    """Hands each event to the part that it is for, and does what the collector returns."""

    def __init__(
        self,
        *,
        collector: Collector,
        outbox: Outbox,
        delivery: Delivery,
        announcer: Announcer,
        broker: mqtt.Publisher,
        topics: Topics,
        clocks: Clocks,
        interval_s: int,
        log_raw: bool,
    ) -> None:
        self._collector = collector
        self._outbox = outbox
        self._delivery = delivery
        self._announcer = announcer
        self._broker = broker
        self._topics = topics
        self._clocks = clocks
        self._interval_s = interval_s
        self._log_raw = log_raw
        self._connections = 0
        self._status_s = 0.0
        self._status_of: set[str] = set()  # the batteries whose status has been told

    async def read_console(self, battery: console.Console) -> None:
        """Takes in what the battery says, until cancelled."""
        async for event in battery.events():
            self.handle_console(event)

    async def read_broker(self, link: MqttLink) -> None:
        """Takes in what the broker says, until cancelled."""
        while True:
            for event in await link.drain():
                self.handle_broker(event)

    async def keep_time(self) -> None:
        """Does what is due by the clock, until cancelled."""
        while True:
            await asyncio.sleep(self._collector.pause_s(self._clocks.wall()))
            self.tick()

    def handle_console(self, event: console.Event) -> None:
        """A line of the battery's, or what became of its connection."""
        match event:
            case console.Connected():
                self._connections += 1
            case console.Line(text, said):
                if self._log_raw:
                    log.info("RX: %s", json.dumps(text, ensure_ascii=False))
                self._publish(self._collector.handle(said, self._clocks.steady()))
            case console.Lost():
                self._collector.console_lost()

    def handle_broker(self, event: mqtt.Event) -> None:
        """A message, or what became of the connection to the broker."""
        match event:
            case mqtt.Connected():
                self._publish(self._collector.greeting())
                self._publish_status()
                self._announcer.tell_all()
            case Message(topic=topic) if topic == self._topics.recorder():
                self._delivery.recorder_is_ready()
            case Message(topic=topic) if topic in self._topics.home_assistant_states():
                self._announcer.handle(event)
            case Message():
                self._delivery.handle_receipt(event)
            case mqtt.Lost():
                self._delivery.link_lost()
                self._announcer.link_lost(event)

    def tick(self) -> None:
        """Closes the interval, if it has ended, and sees what else is due."""
        wall_s, steady_s = self._clocks.wall(), self._clocks.steady()
        if closed := self._collector.close(wall_s, steady_s):
            self._deliver(closed)
            self._announcer.see(closed.live)
        self._delivery.send_again()
        self._announcer.publish_due()
        self._publish(self._collector.gone_offline(steady_s))
        is_new = not self._status_of.issuperset(self._collector.last_snapshot)
        if is_new or steady_s - self._status_s >= STATUS_EVERY_S:
            self._publish_status()

    def farewell(self) -> None:
        """Tells the broker, and the outbox, that nothing is being read any more."""
        closed, offline = self._collector.stop(self._clocks.wall())
        self._publish(offline)
        self._deliver(closed)
        if lost := self._delivery.unwritten:
            log.error("%d items that no disk took are lost with this stop", lost)
        self._publish_status()
        self._publish([self._collector.own_state("offline")])

    def _deliver(self, closed: Closed) -> None:
        if closed.for_recorder or closed.live:
            self._delivery.deliver(closed.for_recorder, closed.live, closed.memory)

    def _publish(self, messages: list[Message]) -> None:
        for message in messages:
            self._broker.publish(message)

    def _publish_status(self) -> None:
        self._status_s = self._clocks.steady()
        self._status_of = set(self._collector.last_snapshot)
        for mcu_id in self._collector.batteries:
            status = Status(
                version=VERSION,
                since=datetime.fromtimestamp(int(self._collector.started_s), UTC),
                interval_s=self._interval_s,
                last_snapshot=self._collector.last_snapshot.get(mcu_id),
                waiting=self._delivery.waiting(mcu_id),
                oldest_waiting=self._outbox.oldest(mcu_id),
                sent_again=self._delivery.sent_again,
                dropped=self._outbox.dropped,
                reconnects=max(0, self._connections - 1),
                unreadable=dict(self._collector.unreadable),
            )
            topic = self._topics.status(mcu_id)
            self._publish([Message(topic, status.model_dump_json(), qos=1, retain=True)])
