"""A broker that takes no long messages, silently or not; what waits arrives all the same."""

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
from tests.support.factories import fill, open_outbox
from tests.support.harness import (
    MCU_ID,
    Battery,
    Listener,
    collector,
    eventually,
    query,
    recorder,
    wait_until_ready,
)
from tests.support.repeating import repeating

from bluenova_collector.homeassistant.discovery import PARTS
from bluenova_shared.message import Message
from bluenova_shared.mqtt.broker import Broker, Client
from bluenova_shared.mqtt.events import Connected, Lost
from bluenova_shared.mqtt.link import MqttLink
from bluenova_tools.local import Database, Mosquitto, Service

pytestmark = [pytest.mark.services, pytest.mark.slow]


def hasty_collector(folder: Path, battery: Battery, broker: Mosquitto, **settings: str) -> Service:
    """The collector with short pauses: by itself it would take its time to find out."""
    environment = {
        "BATTERY_HOST": "127.0.0.1",
        "BATTERY_PORT": str(battery.port),
        "MQTT_PORT": str(broker.port),
        "OUTBOX_PATH": str(folder / "outbox.sqlite"),
        "CHAOS_TAP": str(folder / "tap"),
        "CHAOS_CLOCK": str(folder / "clock"),
        **settings,
    }
    return Service("bluenova_tools.chaos.collector", environment=environment, folder=folder)


@pytest.mark.parametrize(
    "limit",
    [
        "max_packet_size 6000",
        "message_size_limit 20000",
        "max_queued_messages 10",
        "retain_available false",
        "max_qos 0",
    ],
    ids=["announced", "silent", "a short queue", "nothing retained", "QoS 0 alone"],
)
def test_what_waits_arrives_through_a_broker_with(
    limit: str, database: Database, tmp_path: Path
) -> None:
    with (
        Mosquitto(config=[limit]) as broker,
        Battery() as battery,
        recorder(tmp_path, database, mqtt_port=broker.port) as writer,
    ):
        outbox = open_outbox(tmp_path / "outbox.sqlite", battery=f"127.0.0.1:{battery.port}")
        count = sum(1 for _ in fill(outbox, 700))
        outbox.close()
        wait_until_ready(writer, database)
        with hasty_collector(tmp_path, battery, broker):
            found = "SELECT count(*) FROM battery_pack"
            eventually(lambda: query(database, found) == [(count,)], timeout_s=60)
    assert query(database, "SELECT count(*) FROM battery_pack_rejected") == [(0,)]


def test_a_broker_that_takes_no_snapshot_at_all_is_named(tmp_path: Path) -> None:
    with (
        Mosquitto(config=["max_packet_size 700"]) as broker,
        Battery() as battery,
        collector(tmp_path, battery_port=battery.port, mqtt_port=broker.port) as reader,
    ):
        wait_until_ready(reader)
        battery.say(f"MCU ID: {MCU_ID}", *(f"C{n:02d}) T: 31, V: 3312" for n in range(1, 17)))
        reader.wait_for_line("The broker takes no more than 658 bytes", timeout_s=10)
        for _ in range(15):
            battery.say("SOC: 50")
            time.sleep(0.2)
        said = [line for line in reader.lines() if "takes no more than 658 bytes" in line]
        assert len(said) <= 2, "one for what is live, and one for what waits"
        assert reader.running
    outbox = open_outbox(tmp_path / "collector.sqlite", battery=f"127.0.0.1:{battery.port}")
    with contextlib.closing(outbox):
        assert outbox.waiting[MCU_ID] >= 3


def test_what_was_not_acknowledged_is_known_when_a_connection_ends() -> None:
    async def story() -> Lost:
        link = MqttLink(Broker(broker.host, broker.port), Client("one"), time.monotonic)
        running = asyncio.create_task(link.run())
        try:
            async with asyncio.timeout(20):
                while Connected() not in await link.drain():
                    pass
                for topic, length, qos in (("before", 9, 1), ("live", 9, 0), ("long", 20_000, 1)):
                    link.publish(Message(topic, "x" * length, qos))
                while True:
                    for event in await link.drain():
                        if isinstance(event, Lost):
                            return event
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    with Mosquitto(config=["message_size_limit 10000"]) as broker:
        assert asyncio.run(story()).unacknowledged == {"long"}


INTERVAL_S = 2
DISCOVERY = "homeassistant/device/bluenova_1A2B3C4D_{}/config"


@contextlib.contextmanager
def living(folder: Path, broker: Mosquitto) -> Iterator[Service]:
    """A battery that speaks all the time, and its collector."""

    def speak() -> None:
        battery.say(f"MCU ID: {MCU_ID}", "CellCount: 16", "SOC: 50")

    with (
        Battery() as battery,
        hasty_collector(folder, battery, broker, INTERVAL=str(INTERVAL_S)) as reader,
        repeating(speak, every_s=0.3),
    ):
        yield reader


def missing(listener: Listener) -> int:
    """How many live values did not come, between the first and the last that did."""
    said = [json.loads(payload) for payload in listener.payloads(f"bluenova/{MCU_ID}/snapshot")]
    times = [datetime.fromisoformat(snapshot["time"]) for snapshot in said]
    return sum((b - a).seconds // INTERVAL_S - 1 for a, b in pairwise(times))


def test_a_limit_of_10000_bytes_costs_nothing(tmp_path: Path) -> None:
    with (
        Mosquitto(config=["message_size_limit 10000"]) as broker,
        Listener(broker) as listener,
        living(tmp_path, broker) as reader,
    ):
        kept = {DISCOVERY.format(part) for part in PARTS}
        eventually(lambda: kept <= {m.topic for m in listener.heard}, timeout_s=30)
        time.sleep(2 * INTERVAL_S)
        assert missing(listener) == 0
        assert not [line for line in reader.lines() if "Lost the MQTT broker" in line]


def test_a_discovery_that_broke_the_link_twice_is_left_out_until_the_broker_is_another(
    tmp_path: Path,
) -> None:
    refused = DISCOVERY.format("battery")
    with (
        Mosquitto(config=["message_size_limit 5000"]) as broker,
        living(tmp_path, broker) as reader,
    ):
        with Listener(broker) as listener:
            reader.wait_for_line("discovery of [0-9]{4} bytes on its way", timeout_s=30)
            time.sleep(3 * INTERVAL_S)
            at_first = missing(listener)
            assert at_first <= 1
            # It is tried again, right after a snapshot.
            eventually(lambda: lost(reader) == 2, timeout_s=30)
            time.sleep(3 * INTERVAL_S)
            assert missing(listener) == at_first
            assert refused not in {m.topic for m in listener.heard}
            others = {DISCOVERY.format(part) for part in PARTS} - {refused}
            assert others <= {m.topic for m in listener.heard}
        said = [line for line in reader.lines() if "on its way" in line]
        assert ["tried once more" in said[0], "left out" in said[1], len(said)] == [True, True, 2]
        broker.config.remove("message_size_limit 5000")
        broker.restart()
        with Listener(broker) as listener:
            eventually(lambda: listener.payloads(refused), timeout_s=40)


def lost(reader: Service) -> int:
    return sum("Lost the MQTT broker" in line for line in reader.lines())
