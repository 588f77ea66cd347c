"""The recorder's side: what gets a receipt, what waits, what is kept as rejected."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.factories import MCU_ID, START_S, an_id, snapshot_keys
from tests.support.harness import Listener, eventually, query, recorder, wait_until_ready
from tests.support.recording import Recording, record

from bluenova_recorder import rejected
from bluenova_recorder.intake import LONGEST_BYTES, RejectedItem
from bluenova_tools.local import Database, Mosquitto, Postgres

pytestmark = pytest.mark.services

REJECTED = (Path(__file__).parents[2] / "sql/002_rejected.sql").read_text(encoding="utf-8")
BACKLOG, RECORDED = f"bluenova/{MCU_ID}/backlog", f"bluenova/{MCU_ID}/recorded"


@pytest.fixture(scope="module")
def at_work(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording]:
    with record(postgres, tmp_path_factory) as one:
        yield one


@pytest.fixture
def recording(at_work: Recording) -> Recording:
    """A recorder at work on empty tables."""
    query(at_work.database, "TRUNCATE battery_pack, battery_pack_rejected, battery_pack_events")
    at_work.listener.heard.clear()
    return at_work


def item(n: int, **keys: Any) -> dict[str, Any]:
    return snapshot_keys(START_S + 10 * n, MCU_ID, id=an_id(), **keys)


def event(n: int, name: str = "battery_lost", **keys: Any) -> dict[str, Any]:
    return {**item(n), "event": name, "interval_s": 10, **keys}


def send(recording: Recording, *items: object) -> None:
    recording.listener.publish(BACKLOG, json.dumps(items))


def receipts(recording: Recording) -> tuple[set[str], dict[str, str]]:
    """The ids of what is recorded, and those of what is rejected with their reasons."""
    recorded: set[str] = set()
    refused: dict[str, str] = {}
    for payload in recording.listener.payloads(RECORDED):
        receipt = json.loads(payload)
        recorded |= set(receipt["recorded"])
        refused |= {one["id"]: one["reason"] for one in receipt["rejected"]}
    return recorded, refused


def wait_for_receipts(recording: Recording, count: int) -> None:
    eventually(lambda: len(recording.listener.payloads(RECORDED)) == count)


def kept(database: Database) -> list[tuple[str, bytes, str]]:
    found = query(
        database, "SELECT topic, payload, reason FROM battery_pack_rejected ORDER BY rejected_at"
    )
    return [(topic, bytes(payload), reason) for topic, payload, reason in found]


def test_a_chunk_of_snapshots_and_events_is_stored_and_receipted(recording: Recording) -> None:
    chunk = [item(0, soc=1), event(1), item(2, soc=3), event(3, "battery_back")]
    send(recording, *chunk)
    eventually(lambda: len(receipts(recording)[0]) == 4)
    assert receipts(recording) == ({one["id"] for one in chunk}, {})
    assert [row["soc"] for row in recording.rows()] == [1, 3]
    events = query(recording.database, "SELECT event FROM battery_pack_events ORDER BY 1")
    assert events == [("battery_back",), ("battery_lost",)]


def test_a_chunk_that_comes_again_changes_nothing_and_gets_its_receipt_again(
    recording: Recording,
) -> None:
    chunk = [item(0, soc=1), event(1)]
    for times in (1, 2, 3):
        send(recording, *chunk)
        wait_for_receipts(recording, times)
    assert len(recording.rows()) == 1
    assert query(recording.database, "SELECT count(*) FROM battery_pack_events") == [(1,)]
    assert kept(recording.database) == []


def test_bad_items_cost_nothing_but_themselves(recording: Recording) -> None:
    good = [item(n, soc=n) for n in range(5)]
    bad = {
        "soc": item(10, soc=40_000),
        "time": item(0) | {"time": "1970-01-01T00:00:00Z", "id": an_id()},
        "event": event(11, "battery_eaten"),
        "topic": item(12) | {"mcu_id": "0000BEEF"},
        "i_pack": item(13, i_pack="much"),
        "interval_s": event(14, interval_s=0),
    }
    strangers = [None, 5, "text", [], {}, [[1]], {"id": "no id"}, {"schema": 1}]
    send(recording, *good[:2], *bad.values(), *strangers, *good[2:])
    eventually(lambda: len(receipts(recording)[0]) == 5 and len(receipts(recording)[1]) == len(bad))
    recorded, refused = receipts(recording)
    assert recorded == {one["id"] for one in good}
    for word, one in bad.items():
        assert word in refused[one["id"]]
    assert [row["soc"] for row in recording.rows()] == [0, 1, 2, 3, 4]
    assert len(kept(recording.database)) == len(bad) + len({json.dumps(s) for s in strangers})


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"\0", b"[", b"[" * 100_000, b'{"a":' * 20_000, b"[[[[[]]]]]" * 100, b"null", b"1e999",
        b'["' + b"x" * (LONGEST_BYTES - 10) + b'"]', b"[" + b"0," * 60_000 + b"0]",
        b"[NaN]", b'[{"soc": 1e400}]', bytes(range(256)), b'["\xed\xa0\x80"]',
    ],
    ids=lambda payload: repr(payload[:8]) + str(len(payload)),
)  # fmt: skip
def test_a_hostile_chunk_ends_nothing(payload: bytes, recording: Recording) -> None:
    recording.listener.publish(BACKLOG, payload)
    send(recording, one := item(0))
    eventually(lambda: one["id"] in receipts(recording)[0])
    assert recording.service.running
    assert sum(len(payload) for _, payload, _ in kept(recording.database)) < 1_000_000


def test_a_huge_or_retained_chunk_is_left_alone(recording: Recording) -> None:
    recording.listener.publish(BACKLOG, b"x" * (LONGEST_BYTES + 1))
    recording.listener.publish(BACKLOG, json.dumps([item(5)]), retain=True)
    send(recording, one := item(0))
    eventually(lambda: one["id"] in receipts(recording)[0])
    assert kept(recording.database) == []


def test_an_unknown_schema_waits_and_holds_nothing_up(recording: Recording) -> None:
    newer = item(0) | {"schema": 2, "soc": {"a": "new shape"}}
    newer_event = event(1) | {"schema": 2}
    send(recording, newer, one := item(2), newer_event, other := item(3))
    eventually(lambda: len(receipts(recording)[0]) == 2)
    recording.catch_up()
    assert receipts(recording) == ({one["id"], other["id"]}, {})
    assert kept(recording.database) == []


def test_a_time_that_is_taken_is_rejected_and_kept_once(recording: Recording) -> None:
    send(recording, first := item(0, soc=1))
    eventually(lambda: first["id"] in receipts(recording)[0])
    second = item(0, soc=2)
    for receipts_so_far in (1, 2, 3):
        wait_for_receipts(recording, receipts_so_far)
        send(recording, second)
    wait_for_receipts(recording, 4)
    assert receipts(recording)[1][second["id"]].startswith("time taken")
    ((topic, payload, reason),) = kept(recording.database)
    assert json.loads(payload)["id"] == second["id"]
    assert topic == BACKLOG
    assert reason.startswith("time taken")
    assert [row["soc"] for row in recording.rows()] == [1]


def test_when_the_rejected_table_is_full_nothing_is_evicted_nor_receipted(
    recording: Recording,
) -> None:
    query(
        recording.database,
        "INSERT INTO battery_pack_rejected (topic, payload, reason) "
        "SELECT 'x', n::text::bytea, 'full' FROM generate_series(1, %s) n",
        rejected.MOST_ROWS - 1,
    )
    fits, does_not = item(0, soc=40_000), item(1, soc=40_000)
    send(recording, fits)
    eventually(lambda: fits["id"] in receipts(recording)[1])
    send(recording, does_not, good := item(2), fits)
    eventually(lambda: good["id"] in receipts(recording)[0])
    assert does_not["id"] not in receipts(recording)[1]
    assert query(recording.database, "SELECT count(*) FROM battery_pack_rejected") == [
        (rejected.MOST_ROWS,)
    ]
    assert any("No room to keep" in line for line in recording.service.lines())
    query(recording.database, "DELETE FROM battery_pack_rejected WHERE reason = 'full'")
    send(recording, does_not)
    eventually(lambda: does_not["id"] in receipts(recording)[1])


def test_no_more_is_kept_than_there_is_room_for(database: Database) -> None:
    query(database, REJECTED)
    with contextlib.closing(database.connect()) as db, db.cursor() as cursor:
        first = RejectedItem("t", b"x", "r")
        too_big = RejectedItem("t", b"y" * rejected.MOST_BYTES, "r")
        fits = RejectedItem("t", b"z" * (rejected.MOST_BYTES - 1), "r")
        assert rejected.keep(cursor, [first, too_big, fits]) == [first, fits]
        db.rollback()
        one_too_many = [RejectedItem("t", b"%d" % n, "r") for n in range(rejected.MOST_ROWS + 1)]
        assert rejected.keep(cursor, one_too_many) == one_too_many[:-1]


def test_what_is_kept_already_takes_no_room_again(database: Database) -> None:
    query(database, REJECTED)
    with contextlib.closing(database.connect()) as db, db.cursor() as cursor:
        old, new, another = (RejectedItem("t", payload, "r") for payload in (b"x", b"y", b"w"))
        # One byte is left, and then one row.
        for filling in (
            [RejectedItem("t", b"z" * (rejected.MOST_BYTES - 2), "r")],
            [RejectedItem("t", b"%d" % n, "r") for n in range(rejected.MOST_ROWS - 2)],
        ):
            rejected.keep(cursor, [old, *filling])
            assert rejected.keep(cursor, [old, new]) == [old, new]
            # Now there is no room at all.
            assert rejected.keep(cursor, [old, another, new]) == [old, new]
            db.rollback()


def test_redrive_stores_what_has_become_good(
    recording: Recording, tmp_path_factory: pytest.TempPathFactory
) -> None:
    query(
        recording.database,
        "INSERT INTO battery_pack_rejected (topic, payload, reason) VALUES (%s, %s, 'old'),"
        "(%s, %s, 'old'), (%s, %s, 'old'), (%s, %s, 'old')",
        *(BACKLOG, json.dumps(item(0, soc=7)).encode()),
        *(BACKLOG, json.dumps([item(1, soc=8), event(2)]).encode()),
        *(f"bluenova/{MCU_ID}/snapshot", json.dumps(item(3, soc=9)).encode()),
        *(BACKLOG, json.dumps(item(4, soc=70_000)).encode()),
    )
    service = recorder(
        tmp_path_factory.mktemp("redrive"),
        recording.database,
        mqtt_port=recording.broker.port,
        arguments=["redrive"],
    )
    with service:
        assert service.wait(timeout_s=20) == 0
        assert any("Stored 3 that were rejected; 1 stay" in line for line in service.lines())
    assert [row["soc"] for row in recording.rows()] == [7, 8, 9]
    assert len(kept(recording.database)) == 1


def test_a_receipt_names_what_is_committed_and_nothing_else(
    recording: Recording, database: Database
) -> None:
    """With the table locked there is no receipt; with the lock gone there is."""
    with contextlib.closing(recording.database.connect()) as db, db.cursor() as cursor:
        cursor.execute("LOCK TABLE battery_pack IN ACCESS EXCLUSIVE MODE")
        send(recording, one := item(0))
        with Listener(recording.broker) as listener, pytest.raises(AssertionError):
            eventually(lambda: listener.payloads(RECORDED), timeout_s=1.5)
        db.rollback()
    eventually(lambda: one["id"] in receipts(recording)[0])


def test_what_only_a_newer_recorder_knows_is_postponed(recording: Recording) -> None:
    newer = {**item(0), "schema": 2}
    send(recording, newer, good := item(1))
    wait_for_receipts(recording, 2)
    told = [json.loads(payload) for payload in recording.listener.payloads(RECORDED)]
    assert [name for receipt in told for name in receipt["postponed"]] == [newer["id"]]
    assert [name for receipt in told for name in receipt["recorded"]] == [good["id"]]
    assert kept(recording.database) == []


@pytest.mark.slow
def test_whoever_pours_what_is_unknown_does_not_keep_it_from_stopping(
    database: Database, tmp_path: Path
) -> None:
    with (
        Mosquitto(config=["max_queued_messages 0"]) as broker,
        recorder(tmp_path, database, mqtt_port=broker.port) as service,
        Listener(broker, "nothing") as stranger,
    ):
        wait_until_ready(service, database)
        for _ in range(300):
            stranger.publish(BACKLOG, json.dumps([{"schema": 2}] * 3000), qos=0)
        assert service.terminate(timeout_s=5) == 0
