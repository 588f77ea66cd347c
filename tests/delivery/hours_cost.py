"""What it costs to keep the hours, in processor time of the recorder and PostgreSQL together.

`make bench-hours` runs it and prints the figures. It is no part of the tests: how fast something is
depends on the machine's mood.
"""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.factories import MCU_ID, fill, open_outbox, snapshot
from tests.support.harness import (
    Battery,
    Listener,
    collector,
    eventually,
    query,
    recorder,
    wait_until_ready,
)

from bluenova_tools.local import Database, Mosquitto, Postgres, Service

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
# After this all hours are computed, and in a recorder that keeps none it passes, too.
UNTIL_COMPUTED_S = 15.0

Send = Callable[[Mosquitto, Database], None]


def cpu_s(pid: int, *, with_children: bool = False) -> float:
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]
    own, ended = sum(map(int, times[:2])), sum(map(int, times[2:]))
    if not with_children:
        return own / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return (own + ended) / os.sysconf("SC_CLK_TCK") + sum(cpu_s(int(one)) for one in children)


def without_hours(folder: Path, database: Database, mqtt_port: int) -> Service:
    settings = {"MQTT_HOST": "127.0.0.1", "MQTT_PORT": str(mqtt_port), "BATCH_AGE_S": "0.05"}
    return Service(
        "tests.support.without_hours",
        environment={**database.environment(), **settings, "PYTHONPATH": str(ROOT)},
        folder=folder,
        name="without",
    )


def spent_s(folder: Path, send: Send, *, with_hours: bool) -> float:
    """The processor time from the first row until nothing is left to do."""
    with Postgres(fast=True) as postgres, Mosquitto() as broker:
        database = postgres.create_database("cost")
        if with_hours:
            service = recorder(folder, database, mqtt_port=broker.port)
        else:
            service = without_hours(folder, database, broker.port)
        with service:
            wait_until_ready(service, database)
            time.sleep(2)  # the tables, views and triggers are made
            if not with_hours:
                query(database, "ALTER TABLE battery_pack DISABLE TRIGGER USER")
            server = postgres.child.pid
            before_s = cpu_s(service.child.pid) + cpu_s(server, with_children=True)
            send(broker, database)
            time.sleep(UNTIL_COMPUTED_S)
            after_s = cpu_s(service.child.pid) + cpu_s(server, with_children=True)
            (made,) = query(database, "SELECT coalesce(sum(row_count), 0) FROM battery_pack_hours")
            rows = query(database, "SELECT count(*) FROM battery_pack")[0][0]
            assert made == ((rows if with_hours else 0),)
    return after_s - before_s


def tell(folder: Path, send: Send) -> None:
    without_s = spent_s(folder, send, with_hours=False)
    with_s = spent_s(folder, send, with_hours=True)
    more = with_s / without_s - 1
    print(f"{without_s:.2f} s without hours, {with_s:.2f} s with: {100 * more:.0f} % more")  # noqa: T201  # the figures are what this is for


def test_hours_of_a_weeks_backlog(tmp_path: Path) -> None:
    week, kept = 7 * 8640, iter(range(10))

    def send(broker: Mosquitto, database: Database) -> None:
        folder = tmp_path / str(next(kept))
        folder.mkdir()
        with Battery() as battery:
            outbox = open_outbox(folder / "collector.sqlite", battery=f"127.0.0.1:{battery.port}")
            assert len(list(fill(outbox, week, first=-week - 10_000))) == week
            outbox.close()
            with collector(folder, battery_port=battery.port, mqtt_port=broker.port):
                count = "SELECT count(*) FROM battery_pack"
                while query(database, count) != [(week,)]:
                    time.sleep(1)

    tell(tmp_path, send)


def test_hours_of_live_rows(tmp_path: Path) -> None:
    chance = random.Random(1)
    cells = [tuple(round(chance.uniform(3.2, 3.3), 3) for _ in range(16)) for _ in range(1440)]
    messages = [snapshot(n - 20_000, cell_v=one).to_json() for n, one in enumerate(cells)]

    def send(broker: Mosquitto, database: Database) -> None:
        with Listener(broker) as battery:
            for message in messages:
                battery.publish(f"bluenova/{MCU_ID}/snapshot", message)
                time.sleep(0.02)
            count = "SELECT count(*) FROM battery_pack"
            eventually(lambda: query(database, count) == [(len(messages),)])

    tell(tmp_path, send)
