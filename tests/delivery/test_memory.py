"""Memory stays bounded: days without a broker, and a broker that pours."""

import contextlib
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.driven import TOPICS, Driven
from tests.support.factories import MCU_ID, START_S, snapshot_keys
from tests.support.harness import eventually, memory_mb, query, recorder, wait_until_ready
from tests.support.mqtt import MqttClient

from bluenova_collector.console import connection as console
from bluenova_collector.console.assembler import MAX_NAMELESS
from bluenova_collector.loops import VERSION
from bluenova_collector.lru import MAX_BATTERIES
from bluenova_shared.message import Message
from bluenova_shared.mqtt import events as mqtt
from bluenova_tools.local import Database, Mosquitto

MOST_MB = 150


@pytest.fixture
def driven(tmp_path: Path) -> Iterator[Driven]:
    one = Driven(tmp_path)
    yield one
    one.outbox.close()


@pytest.mark.slow
@pytest.mark.parametrize("broker", [False, True], ids=["no broker", "no recorder"])
def test_days_without_a(broker: bool, driven: Driven) -> None:
    """A flat curve; then all goes out, oldest first, each once."""
    driven.broker = broker
    curve_mb = []
    for _ in range(6):
        driven.run(hours=2)
        driven.heard.clear()
        curve_mb.append(memory_mb())
    snapshots = 12 * 360
    assert abs(driven.outbox.waiting[MCU_ID] - snapshots) <= 10
    print("MB after every 2 hours:", [round(mb, 1) for mb in curve_mb])  # noqa: T201  # the figures
    assert curve_mb[-1] - curve_mb[1] < 5
    driven.broker = True
    driven.loops.handle_broker(Message(TOPICS.recorder(), b"ready"))
    driven.silent = True
    for _ in range(20):
        driven.run(hours=0.01)
        driven.receipts()
    assert driven.outbox.waiting[MCU_ID] == 0


def test_the_status_has_the_collectors_figures(driven: Driven) -> None:
    driven.broker = True
    driven.run(hours=0.1)
    fresh = driven.status()
    began = datetime.fromisoformat(fresh["since"])
    assert began == datetime(2026, 12, 1, tzinfo=UTC)
    assert fresh["version"] == VERSION
    assert fresh["interval_s"] == 10
    assert 35 <= fresh["waiting"] <= 38
    assert fresh["sent_again"] > 0, "there was no recorder"
    assert fresh["dropped"] == fresh["reconnects"] == 0
    assert 0 <= (datetime.fromisoformat(fresh["oldest_waiting"]) - began).total_seconds() <= 10
    late_s = driven.now_s - datetime.fromisoformat(fresh["last_snapshot"]).timestamp()
    assert 0 <= late_s <= 20
    assert fresh["unreadable"] == {}

    for _ in range(3):
        driven.loops.handle_console(console.Lost("why"))
        driven.loops.handle_console(console.Connected())
    driven.say("Temp: warm", "Temp: warmer", "SOC: ")
    driven.loops.handle_broker(Message(TOPICS.recorder(), b"ready"))
    driven.silent = True
    for _ in range(20):
        driven.run(hours=0.01)
        driven.receipts()
    later = driven.status()
    assert later["waiting"] == 0
    assert later["oldest_waiting"] is None
    assert later["reconnects"] == 3
    assert later["unreadable"] == {"Temp: ": 2, "SOC: ": 1}


def test_what_the_limit_drops_is_counted_in_the_status(tmp_path: Path) -> None:
    driven = Driven(tmp_path, limit=50)
    driven.run(hours=0.3)
    driven.broker = True
    status = driven.status()
    assert status["waiting"] == 50
    assert 50 <= status["dropped"] <= 62
    driven.outbox.close()


def test_a_battery_that_never_says_its_mcu_id_costs_its_oldest_snapshots_and_the_log_says_so(
    driven: Driven, caplog: pytest.LogCaptureFixture
) -> None:
    driven.lines = ["SOC: 5"]
    driven.run(hours=1.2)
    said = [record.getMessage() for record in caplog.records if "never said" in record.message]
    assert 10 <= len(said) <= 13, "once a minute"
    driven.lines = [f"MCU ID: {MCU_ID}", "SOC: 5"]
    driven.run(hours=0.1)
    assert MAX_NAMELESS <= driven.outbox.waiting[MCU_ID] <= MAX_NAMELESS + 40


def test_garbled_mcu_ids_fill_neither_the_memory_nor_the_status(driven: Driven) -> None:
    driven.broker = True
    for number in range(40):
        driven.lines = [f"MCU ID: {10 * number + n + 1:X}" for n in range(10)]
        driven.lines += [f"MCU ID: {MCU_ID}", "SOC: 5"]
        driven.run(hours=0.01)
        driven.receipts()
    assert len([*driven.outbox.recall().present, *driven.outbox.recall().lost]) <= MAX_BATTERIES
    driven.heard.clear()
    driven.loops.handle_broker(mqtt.Connected())
    told = {message.topic for message in driven.heard if message.topic.endswith("/status")}
    assert TOPICS.status(MCU_ID) in told
    assert len(told) <= 2 * MAX_BATTERIES


@pytest.mark.services
@pytest.mark.slow
def test_a_broker_that_pours_faster_than_the_database_writes(
    mosquitto: Mosquitto, database: Database, tmp_path: Path
) -> None:
    with (
        recorder(tmp_path, database, mqtt_port=mosquitto.port) as service,
        MqttClient(mosquitto.host, mosquitto.port) as publisher,
    ):
        wait_until_ready(service, database)
        filler = "x" * 800
        most_mb = 0.0
        with contextlib.closing(database.connect()) as db, db.cursor() as cursor:
            cursor.execute("LOCK TABLE battery_pack IN ACCESS EXCLUSIVE MODE")
            chunk = json.dumps([snapshot_keys(START_S, id=f"{n:016x}") for n in range(1300)])
            for n in range(30_000):
                item = snapshot_keys(START_S, id=f"{n:016x}", filler=filler)
                publisher.client.publish(f"bluenova/{MCU_ID}/snapshot", json.dumps(item))
                if n % 40 == 0:
                    publisher.client.publish(f"bluenova/{MCU_ID}/backlog", chunk)
                if n % 1000 == 0:
                    time.sleep(0.1)  # the publisher has a queue of its own
                    most_mb = max(most_mb, memory_mb(service.child.pid))
            time.sleep(1)
            most_mb = max(most_mb, memory_mb(service.child.pid))
        eventually(lambda: query(database, "SELECT count(*) FROM battery_pack") == [(1,)])
        time.sleep(1)
        most_mb = max(most_mb, memory_mb(service.child.pid))
        print(f"at most {most_mb:.0f} MB")  # noqa: T201  # the figure
        assert most_mb < MOST_MB
        assert service.running
