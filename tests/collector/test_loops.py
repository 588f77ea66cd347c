"""What a collector does with each event, and by the clock: all its parts, and a broker's ear."""

import asyncio
import json
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest
from tests.support.factories import BATTERY, NOON

from bluenova_collector.collector import Collector
from bluenova_collector.console import connection as console
from bluenova_collector.console.rules import read
from bluenova_collector.delivery.adopt import Adoption
from bluenova_collector.delivery.outbox import Outbox
from bluenova_collector.delivery.pacing import Pacing
from bluenova_collector.delivery.promise import JITTER_S, Delivery
from bluenova_collector.homeassistant.announcer import LATEST_S, Announcer
from bluenova_collector.homeassistant.discovery import PARTS, Describer
from bluenova_collector.loops import STATUS_EVERY_S, VERSION, Loops
from bluenova_collector.memory import Memory
from bluenova_shared.clocks import Clocks
from bluenova_shared.message import Message
from bluenova_shared.mqtt import events as mqtt
from bluenova_shared.topics import Topics
from bluenova_shared.wire import Receipt

TOPICS = Topics()
MCU_ID = "1A2B3C4D"


class Running:
    """A collector of one battery, a second at a time. It hears what the broker would."""

    def __init__(self, folder: Path) -> None:
        self.now_s = NOON.timestamp()
        self.heard: list[tuple[float, Message]] = []
        self.outbox = Outbox(folder / "outbox.sqlite", BATTERY, 1000, time.time)
        clocks = Clocks(lambda: self.now_s, lambda: self.now_s - NOON.timestamp())
        describer = Describer(TOPICS, self.outbox.name, VERSION, 10, "kWh")
        self.loops = Loops(
            collector=Collector(
                TOPICS, self.outbox.name, Memory(), interval_s=10, offline_after_s=60,
                spread_alarm_v=0.1, wall_s=self.now_s, steady_s=0.0,
            ),
            outbox=self.outbox,
            adoption=Adoption(self.outbox, []),
            delivery=Delivery(self.outbox, TOPICS, self, clocks.steady, Pacing()),
            announcer=Announcer(describer, self, clocks.steady, enabled=True),
            broker=self,
            topics=TOPICS,
            clocks=clocks,
            interval_s=10,
            log_raw=False,
        )  # fmt: skip

    def publish(self, message: Message) -> mqtt.Published:
        self.heard.append((self.now_s, message))
        return mqtt.Sent()

    def hear(self, topics: Collection[str]) -> None:
        """Receipts are the business of other tests."""

    def say(self, *lines: str) -> None:
        for line in lines:
            self.loops.handle_console(console.Line(line, read(line)))

    def run(self, seconds: int) -> None:
        """The battery says who it is, and the time passes."""
        for _ in range(seconds):
            self.say(f"MCU ID: {MCU_ID}", "CellCount: 16")
            self.now_s += 1
            self.loops.tick()

    def times(self, topic: str) -> list[float]:
        """When there was something on this topic, in seconds after noon."""
        return [at_s - NOON.timestamp() for at_s, m in self.heard if m.topic == topic]

    def discovery(self) -> list[str]:
        """The topics on which Home Assistant was told of the battery's parts."""
        parts = {TOPICS.discovery(MCU_ID, part) for part in PARTS}
        return [message.topic for _, message in self.heard if message.topic in parts]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    one = Running(tmp_path)
    yield one
    one.outbox.close()


def test_the_status_is_told_with_the_first_snapshot_and_then_now_and_then(
    running: Running,
) -> None:
    running.run(75)
    assert running.times(TOPICS.status(MCU_ID)) == [
        10,
        10 + STATUS_EVERY_S,
        10 + 2 * STATUS_EVERY_S,
    ]


def test_what_is_told_for_good_is_retained_and_acknowledged(running: Running) -> None:
    running.run(75)
    topics = (TOPICS.status(MCU_ID), TOPICS.availability(MCU_ID))
    told = {(m.topic, m.qos, m.retain) for _, m in running.heard if m.topic in topics}
    assert told == {(topic, 1, True) for topic in topics}


def test_a_connection_to_the_broker_brings_what_it_has_to_know(running: Running) -> None:
    running.run(30)
    running.heard.clear()
    running.loops.handle_broker(mqtt.Connected())
    assert [message.topic for _, message in running.heard] == [
        TOPICS.collector(running.outbox.name),
        TOPICS.availability(MCU_ID),
        TOPICS.status(MCU_ID),
    ]
    running.run(int(LATEST_S) + 10)
    assert len(running.discovery()) == len(PARTS)


def test_home_assistant_is_told_of_a_battery_and_again_when_it_starts(running: Running) -> None:
    running.run(60)
    assert len(running.discovery()) == len(PARTS)
    running.loops.handle_broker(Message("homeassistant/status", b"online"))
    running.run(int(LATEST_S) + 10)
    assert len(running.discovery()) == 2 * len(PARTS)


def test_what_was_on_its_way_when_the_broker_went_is_held_back(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    running.run(60)
    running.loops.handle_broker(mqtt.Lost("gone", frozenset(running.discovery())))
    assert "the broker may refuse it" in caplog.text


def test_a_recorder_that_is_ready_gets_what_waits(running: Running) -> None:
    running.run(11)
    assert len(running.times(TOPICS.backlog(MCU_ID))) == 1, "that the collector has started"
    running.loops.handle_broker(Message(TOPICS.recorder(), b"ready"))
    running.now_s += JITTER_S
    running.run(1)
    assert len(running.times(TOPICS.backlog(MCU_ID))) == 2


def test_a_recorder_says_how_long_it_gathers_rows(running: Running) -> None:
    running.run(2)
    running.loops.handle_broker(Message(TOPICS.recorder(), b"ready 60"))
    assert running.loops.delivery.pacing.rows_wait_s == 60
    running.loops.handle_broker(Message(TOPICS.recorder(), b"ready"))
    assert running.loops.delivery.pacing.rows_wait_s == 0


def test_the_recorders_word_does_not_wait_for_the_clock(running: Running) -> None:
    async def story() -> None:
        running.run(11)
        keeping_time = asyncio.create_task(running.loops.keep_time())
        await asyncio.sleep(0)  # it waits for a second now
        running.loops.handle_broker(Message(TOPICS.recorder(), b"ready"))
        await asyncio.sleep(0.01)  # and now until the word is due
        assert len(running.times(TOPICS.backlog(MCU_ID))) == 1, "it is not due yet"
        running.now_s += JITTER_S
        await asyncio.sleep(2 * JITTER_S)
        assert len(running.times(TOPICS.backlog(MCU_ID))) == 2
        keeping_time.cancel()

    asyncio.run(story())


def test_a_word_that_is_due_is_not_waited_for_again_and_again(running: Running) -> None:
    running.run(11)
    delivery = running.loops.delivery
    running.loops.handle_broker(Message(TOPICS.recorder(), b"ready"))
    now_s = running.loops.clocks.steady()
    (due_s,) = delivery.due_times_s(now_s)
    assert now_s < due_s <= now_s + JITTER_S
    assert not list(delivery.due_times_s(due_s))


def test_a_receipt_and_a_lost_battery_reach_the_parts_that_they_are_for(running: Running) -> None:
    running.say("DEBUG: CALC PACK_CHARGE, STORE IN FLASH")
    running.loops.handle_console(console.Lost("gone"))
    running.say("Write EnergyOut: 5")
    running.run(11)
    kept = running.outbox.between(0, None, MCU_ID, 100)
    assert b'"energy_out":null' in kept[-1].payload, "the pair may have lost a line"
    named = Receipt(recorded=[item.id for item in kept])
    running.loops.handle_broker(Message(TOPICS.recorded(MCU_ID), named.to_json()))
    assert not running.outbox.waiting.total()


def test_reconnects_are_the_connections_after_the_first(running: Running) -> None:
    told = []
    for _ in range(3):
        running.loops.handle_console(console.Connected())
        running.run(int(STATUS_EVERY_S))
        status = [m for _, m in running.heard if m.topic == TOPICS.status(MCU_ID)][-1]
        told.append(json.loads(status.payload)["reconnects"])
    assert told == [0, 1, 2]


def test_the_farewell_ends_with_the_collectors_own(running: Running) -> None:
    running.run(15)
    running.heard.clear()
    running.loops.farewell()
    said = [(message.topic, message.payload) for _, message in running.heard]
    assert said[0] == (TOPICS.availability(MCU_ID), "offline")
    assert said[-1] == (TOPICS.collector(running.outbox.name), "offline")
    assert [topic for topic, _ in said[1:-1]] == [TOPICS.status(MCU_ID)]
    kept = running.outbox.between(0, None, MCU_ID, 100)
    assert b"collector_stopped" in kept[-1].payload


def test_an_empty_word_of_a_recorder_is_none(running: Running) -> None:
    running.run(11)
    before = len(running.times(TOPICS.backlog(MCU_ID)))
    running.loops.handle_broker(Message(TOPICS.recorder(), b""))
    running.run(2)
    assert len(running.times(TOPICS.backlog(MCU_ID))) == before, "a check tried its right"
    running.loops.handle_broker(Message(TOPICS.recorder(), b"ready"))
    running.run(2)
    assert len(running.times(TOPICS.backlog(MCU_ID))) > before
