"""What the recorder gathers while a batch is committed: one more batch, and then it waits."""

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.factories import MCU_ID, START_S, an_id, snapshot_keys
from tests.support.harness import eventually
from tests.support.recording import Recording, record

from bluenova_tools.local import Postgres

pytestmark = pytest.mark.services

ROWS = 5
BACKLOG, RECORDED = f"bluenova/{MCU_ID}/backlog", f"bluenova/{MCU_ID}/recorded"


@pytest.fixture(scope="module")
def recording(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording]:
    with record(postgres, tmp_path_factory, BATCH_ROWS=ROWS) as one:
        yield one


@contextlib.contextmanager
def nobody_can_write(recording: Recording) -> Iterator[None]:
    with contextlib.closing(recording.database.connect()) as db, db, db.cursor() as cursor:
        cursor.execute("LOCK TABLE battery_pack IN SHARE MODE")
        yield


def send(recording: Recording, item: dict[str, Any]) -> None:
    recording.listener.publish(BACKLOG, json.dumps([item]))


def batches(recording: Recording) -> list[int]:
    """How many rows each batch had."""
    return [len(json.loads(one)["recorded"]) for one in recording.listener.payloads(RECORDED)]


def test_what_comes_during_a_commit_is_the_next_batch_and_no_batch_is_longer(
    recording: Recording,
) -> None:
    with nobody_can_write(recording):
        send(recording, snapshot_keys(START_S, MCU_ID, id=an_id()))
        eventually(lambda: waits_for_a_lock(recording))
        for n in range(1, 4 * ROWS):
            send(recording, snapshot_keys(START_S + 10 * n, MCU_ID, id=an_id()))
        time.sleep(0.5)  # all of it has come by now, and may be gathered
    eventually(lambda: sum(batches(recording)) == 4 * ROWS)
    assert batches(recording)[:4] == [1, ROWS, ROWS, ROWS]


def waits_for_a_lock(recording: Recording) -> bool:
    with contextlib.closing(recording.database.connect()) as db, db.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone() != (0,)
