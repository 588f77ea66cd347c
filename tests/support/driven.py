"""A collector whose time passes as fast as it can work, with a broker of the test's own."""

import json
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support.factories import BATTERY, MCU_ID

from bluenova_collector.collector import Collector
from bluenova_collector.console import connection as console
from bluenova_collector.console.rules import read
from bluenova_collector.delivery.adopt import Adoption
from bluenova_collector.delivery.outbox import Outbox
from bluenova_collector.delivery.pacing import Pacing
from bluenova_collector.delivery.promise import Delivery
from bluenova_collector.homeassistant.announcer import Announcer
from bluenova_collector.homeassistant.discovery import Describer
from bluenova_collector.loops import VERSION, Loops
from bluenova_shared.clocks import Clocks
from bluenova_shared.message import Message
from bluenova_shared.mqtt import events as mqtt
from bluenova_shared.topics import Topics
from bluenova_shared.wire import Receipt
from bluenova_tools.simulator.battery import Pack, PackSettings
from bluenova_tools.simulator.console import round_of_lines

TOPICS = Topics()


@dataclass
class Driven:
    """A collector whose time passes as fast as it can work; each pause is heard by the battery."""

    folder: Path
    limit: int = 1_000_000
    now_s: float = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
    broker: bool = False
    heard: list[Message] = field(default_factory=list)
    topics_heard: set[str] = field(default_factory=set)
    # What went out before its receipts were heard.
    unheard: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.folder / "outbox.sqlite", BATTERY, self.limit, time.time)
        clocks = Clocks(lambda: self.now_s, lambda: self.now_s)
        self.collector = Collector(
            TOPICS,
            self.outbox.name,
            self.outbox.recall(),
            interval_s=10,
            offline_after_s=60,
            spread_alarm_v=0.1,
            wall_s=self.now_s,
            steady_s=self.now_s,
        )
        describer = Describer(TOPICS, self.outbox.name, VERSION, 10, "kWh")
        self.loops = Loops(
            collector=self.collector,
            outbox=self.outbox,
            adoption=Adoption(self.outbox, []),
            delivery=Delivery(self.outbox, TOPICS, self, clocks.steady, Pacing()),
            announcer=Announcer(describer, self, clocks.steady, enabled=False),
            broker=self,
            topics=TOPICS,
            clocks=clocks,
            interval_s=10,
            log_raw=False,
        )
        self.loops.handle_console(console.Connected())
        pack = Pack(PackSettings())
        pack.advance(1)
        self.lines = [line.text for line in round_of_lines(pack, 1)][:12]
        self.silent = False

    def publish(self, message: Message) -> mqtt.Published:
        if not self.broker:
            return mqtt.NoBroker()
        mcu_id = TOPICS.mcu_of(message.topic)
        receipts = {TOPICS.recorded(mcu_id or ""), TOPICS.recorded("+")}
        if message.topic.endswith(("/snapshot", "/backlog")) and not receipts & self.topics_heard:
            self.unheard.append(message.topic)
        self.heard.append(message)
        return mqtt.Sent()

    def hear(self, topics: Collection[str]) -> None:
        self.topics_heard |= set(topics)

    def say(self, *lines: str) -> None:
        for line in lines:
            self.loops.handle_console(console.Line(line, read(line)))

    def run(self, hours: float) -> None:
        until_s = self.now_s + 3600 * hours
        while True:
            self.now_s += max(self.collector.pause_s(self.now_s), 0.001)
            if self.now_s >= until_s:
                break
            if not self.silent and self.now_s % 10 < 1:
                self.say(*self.lines)
            self.loops.tick()

    def receipts(self) -> None:
        """For all that has been heard of: as a recorder sends them."""
        while self.heard:
            message = self.heard.pop(0)
            if message.topic.endswith(("/snapshot", "/backlog")):
                items = json.loads(message.payload)
                items = items if isinstance(items, list) else [items]
                named = Receipt(recorded=[one["id"] for one in items]).to_json()
                self.loops.handle_broker(Message(TOPICS.recorded(MCU_ID), named.encode()))

    def status(self) -> dict[str, Any]:
        self.heard.clear()
        self.loops.handle_broker(mqtt.Connected())
        (told,) = [m for m in self.heard if m.topic == TOPICS.status(MCU_ID)]
        assert told.retain
        found: dict[str, Any] = json.loads(told.payload)
        return found
