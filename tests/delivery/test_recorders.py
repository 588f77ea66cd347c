"""Several recorders share the work: nothing lost, nothing twice, no deadlock."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest
from tests.support.factories import MCU_ID, OTHER_MCU_ID, fill, open_outbox, snapshot
from tests.support.harness import Listener, collector, eventually, query, recorder, wait_until_ready

from bluenova_recorder.account import Account
from bluenova_recorder.store import Store
from bluenova_shared.topics import Topics
from bluenova_tools.local import Database, Mosquitto

pytestmark = pytest.mark.services


@pytest.fixture
def stores(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Store]]:
    for name, value in database.environment().items():
        monkeypatch.setenv(name, value)
    where = Account(database.name, database.user, database.password)
    many = [Store(where, Topics()) for _ in range(4)]
    yield many
    for one in many:
        one.close()


def test_the_same_rows_from_many_at_once_are_there_once_without_deadlock(
    stores: list[Store], database: Database
) -> None:
    items = [snapshot(n, mcu_id) for n in range(400) for mcu_id in (MCU_ID, OTHER_MCU_ID)]
    written: list[int] = []

    def write(number: int) -> None:
        random = Random(number)
        for _ in range(6):
            random.shuffle(shuffled := list(items))
            written.append(len(stores[number].write(shuffled).recorded))

    threads = [threading.Thread(target=write, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert written == [800] * 24
    assert query(database, "SELECT count(*), count(DISTINCT (mcu_id, insert_time_utc)) "
                 "FROM battery_pack") == [(800, 800)]  # fmt: skip


def test_differing_rows_from_many_at_once_leave_one_and_report_the_others(
    stores: list[Store], database: Database
) -> None:
    taken: list[int] = []

    def write(number: int) -> None:
        found = stores[number].write([snapshot(n, soc=number) for n in range(300)])
        taken.append(len(found.rejected))
        assert len(found.recorded) + len(found.rejected) == 300

    for store in stores:
        store.open()
    threads = [threading.Thread(target=write, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(taken) == 900
    assert query(database, "SELECT count(*) FROM battery_pack") == [(300,)]
    assert query(database, "SELECT count(*) FROM battery_pack_rejected") == [(900,)]


@pytest.mark.slow
def test_recorders_that_freeze_and_die_cost_time_but_no_rows(
    mosquitto: Mosquitto, database: Database, tmp_path: Path, free_port: int
) -> None:
    outbox = open_outbox(tmp_path / "collector.sqlite", battery=f"127.0.0.1:{free_port}")
    count = sum(1 for _ in fill(outbox, 3000))
    outbox.close()
    with ExitStack() as stack:
        stack.enter_context(Listener(mosquitto))
        recorders = [
            stack.enter_context(
                recorder(tmp_path, database, mqtt_port=mosquitto.port, name=f"recorder-{number}")
            )
            for number in range(3)
        ]
        for one in recorders:
            wait_until_ready(one, database)
        recorders[0].freeze()  # it stays in the group, and swallows its share
        stack.enter_context(collector(tmp_path, battery_port=free_port, mqtt_port=mosquitto.port))
        time.sleep(1.5)
        recorders[1].kill()
        time.sleep(1.5)
        recorders[0].resume()
        found = "SELECT count(*) FROM battery_pack"
        eventually(lambda: query(database, found) == [(count,)], timeout_s=60)
    assert query(database, "SELECT count(*) FROM battery_pack_rejected") == [(0,)]


@pytest.mark.slow
def test_a_recorder_without_its_database_takes_nothing_from_the_others(
    mosquitto: Mosquitto, database: Database, tmp_path: Path, free_port: int
) -> None:
    outbox = open_outbox(tmp_path / "collector.sqlite", battery=f"127.0.0.1:{free_port}")
    count = sum(1 for _ in fill(outbox, 5000))
    outbox.close()
    refused = {**database.environment(), "PGPASSWORD": "not the right one"}
    with (
        recorder(tmp_path, database, mqtt_port=mosquitto.port) as able,
        recorder(tmp_path, refused, mqtt_port=mosquitto.port, name="unable") as unable,
    ):
        wait_until_ready(able, database)
        wait_until_ready(unable)
        with collector(tmp_path, battery_port=free_port, mqtt_port=mosquitto.port):
            found = "SELECT count(*) FROM battery_pack"
            # By fives of seconds, if half of the chunks were lost.
            eventually(lambda: query(database, found) == [(count,)], timeout_s=30)
