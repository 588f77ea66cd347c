"""The collector's side: what is committed, published, sent again and let go of."""

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.delivering import MEMORY, TOPICS, Broker, deliver, deliver_to, left, receipt
from tests.support.factories import MCU_ID, OTHER_MCU_ID, event, fill, open_outbox, snapshot

from bluenova_collector.delivery.outbox import Outbox
from bluenova_collector.delivery.pacing import Pacing, Waits
from bluenova_collector.delivery.promise import JITTER_S, Delivery
from bluenova_shared.message import Message
from bluenova_shared.wire import CHUNK_BYTES, Item, Receipt


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    box = open_outbox(tmp_path / "outbox.sqlite")
    yield box
    box.close()


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def delivery(outbox: Outbox, broker: Broker) -> Delivery:
    return deliver_to(broker, outbox)


def test_a_snapshot_is_in_the_outbox_before_anybody_hears_of_it(
    delivery: Delivery, broker: Broker, outbox: Outbox
) -> None:
    broker.outbox = outbox
    for n in range(5):
        deliver(delivery, snapshot(n), for_recorder=[event("battery_back", n)])
    assert broker.kept_when_heard == [2, 4, 6, 8, 10]
    assert {message.topic for message in broker.heard} == {TOPICS.snapshot(MCU_ID)}
    assert {message.qos for message in broker.heard} == {0}
    assert not any(message.retain for message in broker.heard)


def test_what_is_not_of_the_interval_that_ended_goes_to_the_recorder_alone(
    delivery: Delivery, broker: Broker, outbox: Outbox
) -> None:
    late, new = snapshot(1), snapshot(9)
    deliver(delivery, new, for_recorder=[late])
    assert [json.loads(message.payload)["id"] for message in broker.heard] == [new.id]
    assert left(outbox) == [late.id, new.id]


def test_without_a_broker_it_is_kept_and_goes_out_on_backlog_alone(
    delivery: Delivery, broker: Broker
) -> None:
    broker.there = False
    items = [snapshot(n) for n in range(3)]
    for item in items:
        deliver(delivery, item)
    delivery.send_again()
    broker.there = True
    time.sleep(0.01)
    delivery.send_again()
    (chunk,) = broker.chunks()
    assert [one["id"] for one in chunk] == [item.id for item in items]
    assert not [m for m in broker.heard if m.topic == TOPICS.snapshot(MCU_ID)]


def test_only_a_receipt_lets_go_and_only_of_what_it_names(
    delivery: Delivery, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    items = [snapshot(n) for n in range(4)]
    deliver(delivery, *items)
    assert len(left(outbox)) == 4
    delivery.handle_receipt(receipt(items[1], rejected=(items[3],)))
    assert left(outbox) == [items[0].id, items[2].id]
    assert [r.getMessage() for r in caplog.records] == [
        f"The recorder rejects {items[3].id} of {MCU_ID}: why"
    ]
    delivery.handle_receipt(receipt(items[1], items[3]))  # replayed
    assert left(outbox) == [items[0].id, items[2].id]


def test_a_receipt_of_another_battery_lets_go_of_nothing(
    delivery: Delivery, outbox: Outbox
) -> None:
    ours, theirs = snapshot(1), snapshot(1, OTHER_MCU_ID)
    deliver(delivery, ours, theirs)
    delivery.handle_receipt(receipt(ours, mcu_id=OTHER_MCU_ID))
    delivery.handle_receipt(receipt(theirs))
    delivery.handle_receipt(receipt(ours, theirs, mcu_id="0000AAAA"))
    assert left(outbox) == [ours.id]
    assert left(outbox, OTHER_MCU_ID) == [theirs.id]


HOSTILE = {
    "nothing": b"",
    "no JSON": b"{",
    "bytes": bytes(range(256)),
    "deep": b"[" * 100_000,
    "a word": b'"all"',
    "an array": b'["*"]',
    "another schema": b'{"schema": 2, "recorded": ["ID"]}',
    "a wildcard": b'{"recorded": ["%"]}',
    "SQL": b'{"recorded": ["\' OR 1=1 --"]}',
    "numbers": b'{"recorded": [1, 2, 3]}',
    "an id among what is none": b'{"recorded": ["ID", null]}',
    "a text for a list": b'{"recorded": "ID"}',
    "rejected without a reason": b'{"rejected": [{"id": "ID"}]}',
    "many ids": json.dumps({"recorded": [f"{n:016x}" for n in range(5000)]}).encode(),
}


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_receipt_lets_go_of_nothing_and_does_not_fill_the_log(
    payload: bytes, delivery: Delivery, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    item = snapshot()
    deliver(delivery, item)
    hostile = payload.replace(b"ID", str(item.id).encode())
    delivery.handle_receipt(Message(TOPICS.recorded(MCU_ID), hostile, qos=1))
    assert left(outbox) == [item.id]
    assert "input_value" not in caplog.text


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_receipt_raises(delivery: Delivery, payload: bytes) -> None:
    delivery.handle_receipt(Message(TOPICS.recorded(MCU_ID), payload, qos=1))
    delivery.handle_receipt(Message("bluenova/x/recorded", payload, qos=1))


def test_chunks_keep_to_their_size_and_to_the_brokers(
    delivery: Delivery, broker: Broker, outbox: Outbox
) -> None:
    list(fill(outbox, 1000))
    for broker.longest in (None, 20_000, 5000):
        broker.heard.clear()
        delivery.send_again()
        (message,) = broker.heard
        longest = min(CHUNK_BYTES, broker.longest or CHUNK_BYTES)
        assert longest / 2 < len(message.payload) < longest
        time.sleep(0.01)


def test_each_receipt_brings_the_next_chunk_until_there_is_nothing_left(
    broker: Broker, outbox: Outbox
) -> None:
    delivery = deliver_to(broker, outbox, receipt_due_s=60.0)
    ours = [item.id for item in fill(outbox, 1000)]
    theirs = [item.id for item in fill(outbox, 50, OTHER_MCU_ID)]
    delivery.send_again()
    for number in range(100):
        if len(broker.heard) <= number:
            break
        chunk = broker.chunks()[number]
        named = Receipt(recorded=[one["id"] for one in chunk])
        topic = TOPICS.recorded(chunk[0]["mcu_id"])
        delivery.handle_receipt(Message(topic, named.to_json().encode()))
    sent = [one["id"] for chunk in broker.chunks() for one in chunk]
    assert sent == ours + theirs
    assert not left(outbox)
    assert delivery.sent_again == 1050


def test_a_damaged_item_costs_its_neighbours_nothing(
    delivery: Delivery, broker: Broker, outbox: Outbox, tmp_path: Path
) -> None:
    items = list(fill(outbox, 10))
    outbox.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "outbox.sqlite")) as db, db:
        db.execute("UPDATE outbox SET payload = replace(payload, ':', '}') WHERE n = 4")
        db.execute("UPDATE outbox SET payload = replace(payload, id, id || '0') WHERE n = 7")
        db.execute("UPDATE outbox SET payload = CAST(payload AS BLOB) WHERE n = 9")
        db.execute("UPDATE outbox SET payload = replace(payload, '53.1', '53.2') WHERE n = 10")
        db.execute("PRAGMA writable_schema = ON")
        db.execute(
            "UPDATE sqlite_schema SET sql = replace(sql, 'payload TEXT NOT', 'payload TEXT')"
        )
    with contextlib.closing(sqlite3.connect(tmp_path / "outbox.sqlite")) as db, db:
        db.execute("UPDATE outbox SET payload = NULL WHERE n = 2")  # a byte can say that it is
    again = open_outbox(tmp_path / "outbox.sqlite")
    deliver_to(broker, again).send_again()
    whole = [item.id for n, item in enumerate(items, 1) if n not in (2, 4, 7, 10)]
    assert [one["id"] for one in broker.chunks()[0]] == whole
    assert left(again) == whole
    again.close()


def test_an_item_that_the_broker_does_not_take_holds_no_other_up(
    delivery: Delivery, broker: Broker, outbox: Outbox
) -> None:
    broker.longest = 400
    long: list[Item] = [snapshot(n) for n in range(3)]
    short: list[Item] = [event("battery_back", n) for n in range(3)]
    outbox.commit([*long, *short], MEMORY)
    for _ in range(3):
        delivery.send_again()
        time.sleep(0.01)
    sent = [one["id"] for chunk in broker.chunks() for one in chunk]
    assert set(sent) == {item.id for item in short}
    assert left(outbox) == [item.id for item in [*long, *short]]


def test_a_broker_that_takes_no_snapshot_is_named_once_for_each_connection(
    delivery: Delivery, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    broker.longest = 300
    for n in range(5):
        deliver(delivery, snapshot(n))
        time.sleep(0.01)
        delivery.send_again()
        broker.longest += 1 - 2 * (n % 2)  # the limit depends on the topic's length
    assert [r.levelname for r in caplog.records].count("ERROR") == 1
    delivery.link_lost()
    deliver(delivery, snapshot(9))
    assert [r.levelname for r in caplog.records].count("ERROR") == 2


def test_without_a_recorder_nothing_is_kept_but_the_memory_and_all_goes_out_live(
    broker: Broker, outbox: Outbox
) -> None:
    delivery = Delivery(outbox, TOPICS, broker, time.monotonic, Pacing(), has_recorder=False)
    deliver(delivery, snapshot(1), for_recorder=[event("battery_back", 1)])
    delivery.send_again()
    assert [json.loads(message.payload)["soc"] for message in broker.heard] == [1]
    assert left(outbox) == []
    assert outbox.recall().mcu_id == MEMORY.mcu_id


def test_a_recorder_that_is_not_there_is_named_once_a_day(
    broker: Broker, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    now_s = 0.0
    delivery = Delivery(outbox, TOPICS, broker, lambda: now_s, Pacing())
    deliver(delivery, item := snapshot())
    said = []
    for later_s in (0.0, 3599.0, 3600.0, 7200.0, 86400.0, 90000.0):
        now_s = later_s
        delivery.send_again()
        said.append(caplog.text.count("RECORDER=none"))
    assert said == [0, 0, 1, 1, 1, 2]
    assert "for 60 minutes, and 1 items wait" in caplog.text
    delivery.handle_receipt(receipt(item))
    now_s += 86400.0
    delivery.send_again()
    assert caplog.text.count("RECORDER=none") == 2, "nothing waits"


def test_a_recorder_that_is_ready_is_there_and_hears_soon_of_all_that_waits(
    broker: Broker, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    now_s = 0.0
    delivery = Delivery(outbox, TOPICS, broker, lambda: now_s, Pacing(Waits(receipt_due_s=3600.0)))
    list(fill(outbox, 10))
    delivery.send_again()
    now_s = 3000.0
    delivery.recorder_is_ready()
    now_s += JITTER_S
    delivery.send_again()
    assert [len(chunk) for chunk in broker.chunks()] == [10, 10]
    now_s = 3600.0
    delivery.send_again()
    assert "RECORDER=none" not in caplog.text
