"""A week without a recorder: all of it gets into the table, live values stay on time meanwhile."""

import json
import os
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import count
from pathlib import Path
from statistics import median

import pytest
from tests.support.factories import MCU_ID, fill, open_outbox
from tests.support.harness import (
    Battery,
    Listener,
    collector,
    eventually,
    memory_mb,
    query,
    recorder,
    wait_until_ready,
)
from tests.support.repeating import repeating

from bluenova_tools.local import Database, Mosquitto, Service

pytestmark = [pytest.mark.services, pytest.mark.slow]

WEEK = 7 * 24 * 360  # snapshots, 10 s apart
# Long past, so that they are in nobody's way.
FIRST = -WEEK - 10_000
# CPU time of the collector and the recorder: what others take of the machine does not count.
MOST_WORK_S = 30.0
MOST_LATE_S = 1.0
MOST_MB = 150


class Punctual(Listener):
    """Notes how much later than its interval's end each live snapshot comes."""

    def __init__(self, broker: Mosquitto) -> None:
        self.late_s: list[float] = []
        super().__init__(broker, f"bluenova/{MCU_ID}/snapshot")

    def _hear(self, client: object, userdata: object, message: object) -> None:
        payload = json.loads(message.payload)  # type: ignore[attr-defined]  # paho's message
        self.late_s.append(time.time() - datetime.fromisoformat(payload["time"]).timestamp())


def rows(database: Database) -> int:
    found = query(
        database, "SELECT count(*) FROM battery_pack WHERE insert_time_utc < '2026-11-23'"
    )
    return int(found[0][0])


def cpu_s(service: Service) -> float:
    times = Path(f"/proc/{service.child.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


@pytest.fixture
def battery() -> Iterator[Battery]:
    with Battery() as one:
        yield one


def test_a_week_gets_into_the_table_with_bounded_work_and_memory_and_live_values_stay_on_time(
    mosquitto: Mosquitto, database: Database, battery: Battery, tmp_path: Path
) -> None:
    outbox = open_outbox(tmp_path / "collector.sqlite", battery=f"127.0.0.1:{battery.port}")
    sent = {item.id for item in fill(outbox, WEEK, first=FIRST)}
    outbox.close()
    assert len(sent) == WEEK
    reading = collector(tmp_path, battery_port=battery.port, mqtt_port=mosquitto.port)
    writing = recorder(tmp_path, database, mqtt_port=mosquitto.port)
    numbers = count(1)

    def talk() -> None:
        battery.say(f"MCU ID: {MCU_ID}", f"SOC: {next(numbers) % 100}")

    with Punctual(mosquitto) as live, reading, repeating(talk, every_s=0.2):
        wait_until_ready(reading)
        eventually(lambda: len(live.late_s) >= 5)
        before_s, live.late_s = live.late_s, []
        with writing:
            wait_until_ready(writing, database)
            began_s = time.monotonic()
            while rows(database) < WEEK and time.monotonic() < began_s + 80:
                time.sleep(0.5)  # to ask takes its time, too
            took_s = time.monotonic() - began_s
            during_s = live.late_s
            spent_s = cpu_s(reading) + cpu_s(writing)
            latest_s = max(during_s, default=0)
            print(  # noqa: T201  # the figures are what this test is for
                f"{WEEK} snapshots in {took_s:.1f} s ({spent_s:.1f} s of our own work); live ones "
                f"{1000 * median(before_s):.0f} ms late before, meanwhile "
                f"{1000 * median(during_s or [0]):.0f} ms and {1000 * latest_s:.0f} ms at most; "
                f"recorder {memory_mb(writing.child.pid):.0f} MB, "
                f"collector {memory_mb(reading.child.pid):.0f} MB"
            )
            assert rows(database) == WEEK
            assert spent_s < MOST_WORK_S
            assert latest_s < MOST_LATE_S
            assert memory_mb(writing.child.pid) < MOST_MB
            assert memory_mb(reading.child.pid) < MOST_MB
            assert writing.running
            assert reading.running
    assert query(database, "SELECT count(*) FROM battery_pack_rejected") == [(0,)]
