"""What was rejected is judged anew: stored if it is good now, and never lost if it is not."""

import json
from typing import Any

import pytest
from tests.support.factories import MCU_ID, OTHER_MCU_ID, START_S, an_id, snapshot_keys
from tests.support.harness import query, stored

from bluenova_recorder.redrive import redrive
from bluenova_recorder.rejected import MOST_ROWS
from bluenova_recorder.store import Store
from bluenova_shared.topics import Topics
from bluenova_tools.local import Database

pytestmark = pytest.mark.services

TOPICS = Topics()
BACKLOG, SNAPSHOT = TOPICS.backlog(MCU_ID), TOPICS.snapshot(MCU_ID)


def payload(**keys: Any) -> bytes:
    return json.dumps(snapshot_keys(START_S, MCU_ID, **keys)).encode()


def reject(database: Database, *rejected: tuple[str, bytes]) -> None:
    for topic, one in rejected:
        query(
            database,
            "INSERT INTO battery_pack_rejected (topic, payload, reason) VALUES (%s, %s, 'old')",
            *(topic, one),
        )


def kept(database: Database) -> list[tuple[str, bytes]]:
    found = query(database, "SELECT topic, payload FROM battery_pack_rejected WHERE topic <> 'x'")
    return [(topic, bytes(one)) for topic, one in found]


@pytest.fixture
def table(store: Store, database: Database) -> Database:
    """The recorder's tables; battery_pack refuses a temperature of 13 degrees."""
    store.open()
    query(database, "ALTER TABLE battery_pack ADD CHECK (temp <> 13)")
    return database


@pytest.mark.parametrize(
    ("topic", "bad"),
    [
        pytest.param(BACKLOG, payload(schema=2), id="of a schema of the future"),
        pytest.param(BACKLOG, payload(soc=70_000), id="as bad as ever"),
        pytest.param("bluenova/elsewhere", payload(), id="not a battery's"),
        pytest.param(BACKLOG, b"no JSON", id="no JSON"),
    ],
)
def test_what_is_not_good_stays_what_is(
    topic: str, bad: bytes, store: Store, table: Database, caplog: pytest.LogCaptureFixture
) -> None:
    reject(table, (topic, bad))
    assert redrive(store, TOPICS) == (0, 1)
    assert f"Still rejected: '{topic}': " in caplog.text
    assert kept(table) == [(topic, bad)]
    assert stored(table) == []


def test_of_a_chunk_that_is_half_good_nothing_is_lost(store: Store, table: Database) -> None:
    chunk = b"[" + payload(soc=1) + b"," + payload(soc=70_000) + b"]"
    reject(table, (BACKLOG, chunk))
    assert redrive(store, TOPICS) == (0, 1)
    assert kept(table) == [(BACKLOG, chunk)]


def test_what_the_table_refuses_is_kept_as_a_chunks_item_and_once(
    store: Store, table: Database
) -> None:
    reject(table, (SNAPSHOT, payload(temp=13, id=an_id())))
    assert redrive(store, TOPICS) == (0, 1)
    ((topic, now),) = kept(table)
    assert topic == BACKLOG
    assert json.loads(now)["temp"] == 13
    assert redrive(store, TOPICS) == (0, 1)
    assert kept(table) == [(topic, now)], "it has that form now"


def test_what_the_table_refuses_stays_as_it_is_if_there_is_no_room(
    store: Store, table: Database
) -> None:
    reject(table, (SNAPSHOT, refused := payload(temp=13)))
    query(
        table,
        "INSERT INTO battery_pack_rejected (topic, payload, reason) "
        "SELECT 'x', n::text::bytea, 'full' FROM generate_series(1, %s) n",
        MOST_ROWS - 1,
    )
    assert redrive(store, TOPICS) == (0, MOST_ROWS)
    assert kept(table) == [(SNAPSHOT, refused)]


def test_what_is_good_now_goes_and_the_same_under_another_topic_stays(
    store: Store, table: Database
) -> None:
    elsewhere = TOPICS.snapshot(OTHER_MCU_ID)
    reject(table, (SNAPSHOT, payload(soc=5)), (elsewhere, payload(soc=5)))
    reject(table, (BACKLOG, payload(soc=6)))
    assert redrive(store, TOPICS) == (1, 2)
    assert [row["soc"] for row in stored(table)] == [5]
    # The second battery's is no battery's, and the time of the third is taken.
    assert [(topic, json.loads(one)["soc"]) for topic, one in kept(table)] == [
        (elsewhere, 5),
        (BACKLOG, 6),
    ]
