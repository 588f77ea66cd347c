"""What a message is taken for, without a broker or a database."""

import json

import pytest

from bluenova_recorder.batch import MOST_REJECTED_BYTES, QUIET_S, Batch
from bluenova_recorder.intake import LONGEST_BYTES, MOST_ITEMS, Judged, RejectedItem, judge
from bluenova_shared.message import Message
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.topics import Topics
from bluenova_shared.wire import Event

MCU = "1A2B3C4D"
TOPICS = Topics()
BACKLOG = TOPICS.backlog(MCU)
NAME = "0123456789abcdef"
NAMED = f',"id":"{NAME}"'
EVENT = ',"event":"battery_lost","interval_s":10'
COMMON = {"schema_", "time", "mcu_id"}  # what item() gives


def item(minute: int, more: str = "") -> str:
    return f'{{"schema":1,"time":"2026-11-23T12:{minute:02}:00Z","mcu_id":"{MCU}"{more}}}'


@pytest.mark.parametrize(
    "bad",
    ['"v_pack":NaN', '"v_pack":1e999', r'"errors":"\ud800"', '"soc":[[[[]]]]', '"soc":{"a":1}'],
)
def test_a_bad_item_costs_its_chunk_nothing_else(bad: str) -> None:
    chunk = f"[{item(1)},{item(2, ',' + bad)},{item(3)}]"
    judged = judge(Message(TOPICS.backlog(MCU), chunk.encode()), TOPICS)
    assert [kept.time.minute for kept in judged.items] == [1, 3]
    assert len(judged.rejected) == 1


def test_a_chunk_of_the_shortest_items_loses_the_bad_one_alone() -> None:
    shortest = f'{{"time":"2026-11-23T12:00:00Z","mcu_id":"{MCU}","schema":1}}'
    most = LONGEST_BYTES // (len(shortest) + 1) - 1
    chunk = f"[{','.join([shortest] * most)},5]"
    assert most < MOST_ITEMS
    judged = judge(Message(TOPICS.backlog(MCU), chunk.encode()), TOPICS)
    assert (len(judged.items), len(judged.rejected)) == (most, 1)


def chunk(payload: str) -> Judged:
    judged = judge(Message(BACKLOG, payload.encode()), TOPICS)
    assert judged.is_chunk, "its sender waits for a receipt"
    return judged


def test_a_live_snapshot_is_taken_and_nobody_waits_for_it() -> None:
    for payload in (item(1), item(1).encode()):
        judged = judge(Message(TOPICS.snapshot(MCU), payload), TOPICS)
        assert [one.time.minute for one in judged.items] == [1]
        assert judged == Judged(judged.items)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        pytest.param(
            Message("bluenova/collector/c0ffee12", item(1)),
            "not a battery's topic",
            id="no battery's",
        ),
        pytest.param(Message(BACKLOG, f"[{item(1)}]", retain=True), "retained", id="retained"),
        pytest.param(
            Message(BACKLOG, f"[{item(1)}]" + " " * LONGEST_BYTES),
            f"longer than {LONGEST_BYTES} bytes",
            id="too long",
        ),
    ],
)
def test_left_alone_is_a_message_that_is(message: Message, why: str) -> None:
    assert judge(message, TOPICS) == Judged(ignored=[why])


def test_a_chunk_as_long_as_may_be_is_read() -> None:
    text = f"[{item(1)}]"
    assert len(chunk(text + " " * (LONGEST_BYTES - len(text))).items) == 1


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        pytest.param(
            item(1, ',"soc":"x"' + NAMED), "snapshot.soc: Input should be a", id="a value"
        ),
        pytest.param(
            item(1, ',"errors":"a\\u0000b"' + NAMED),
            "snapshot.errors: PostgreSQL's text cannot hold a NUL",
            id="a text with a NUL",
        ),
        pytest.param(
            item(1, ',"event":"battery_eaten","interval_s":10' + NAMED),
            "event.event: Input should be",
            id="an event of no kind that there is",
        ),
        pytest.param(
            item(1, NAMED).replace(MCU, "0000BEEF"),
            "mcu_id 0000BEEF does not belong to the topic",
            id="another battery's",
        ),
        pytest.param(
            f'{{"id":"{NAME}"}}', "snapshot.time: Field required; snapshot.mcu_id", id="two"
        ),
    ],
)
def test_what_can_never_be_stored_is_kept_with_its_name_and_reason(bad: str, reason: str) -> None:
    judged = chunk(f"[{item(1)},{bad},{item(2)}]")
    assert [one.time.minute for one in judged.items] == [1, 2]
    (one,) = judged.rejected
    assert json.loads(one.payload) == json.loads(bad)
    assert (one.topic, one.mcu_id, one.id) == (BACKLOG, MCU, NAME)
    assert one.reason.startswith(reason)
    assert "Value error" not in one.reason


@pytest.mark.parametrize("name", ["5", "null", '"0123456789ABCDEF"', f'"{NAME}0"', '""', "[]"])
def test_a_name_that_is_none_is_not_made_one(name: str) -> None:
    (one,) = chunk(f'[{{"id":{name}}}]').rejected
    assert one.id is None


def test_what_is_no_json_is_rejected_with_a_reason() -> None:
    (one,) = judge(Message(TOPICS.snapshot(MCU), "online"), TOPICS).rejected
    assert one.reason.startswith("payload: Invalid JSON")
    assert (one.mcu_id, one.id) == (MCU, None)


def test_a_reason_is_never_longer_than_a_line_of_the_log() -> None:
    values = ",".join(f'"{name}":[]' for name in Snapshot.model_fields if name not in COMMON)
    (one,) = chunk(f"[{item(1, ',' + values)}]").rejected
    assert len(one.reason) == 500


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        pytest.param("5", "no array of at most 3000 items", id="a number"),
        pytest.param(f"[{'0,' * MOST_ITEMS}0]", "no array of at most 3000 items", id="too many"),
        pytest.param("online", "payload: Expecting value", id="no JSON"),
        pytest.param("[" * 100_000, "payload: maximum recursion", id="endless brackets"),
    ],
)
def test_what_is_no_chunk_is_rejected_as_a_whole(payload: str, reason: str) -> None:
    (one,) = chunk(payload).rejected
    assert (one.topic, one.payload) == (BACKLOG, payload.encode())
    assert (one.mcu_id, one.id) == (None, None), "no receipt can name it"
    assert one.reason.startswith(reason)


def test_as_many_items_as_may_be_are_each_judged() -> None:
    judged = chunk(f"[{','.join(['0'] * MOST_ITEMS)}]")
    assert len(judged.rejected) == MOST_ITEMS


def test_an_item_outside_of_an_array_is_judged_as_one() -> None:
    """So it was kept, when it was rejected, and so it is driven in again."""
    assert [one.time.minute for one in chunk(item(7)).items] == [7]


def test_an_event_beside_a_bad_item_is_taken() -> None:
    judged = chunk(f"[{item(1, EVENT)},5]")
    assert [type(one) for one in judged.items] == [Event]
    assert [one.payload for one in judged.rejected] == [b"5"]


@pytest.mark.parametrize("key", ["event", r"\u0065vent"])
def test_an_event_in_a_chunk_is_one_however_it_is_spelled(key: str) -> None:
    (one,) = chunk(f'[{item(1, f""","{key}":"battery_lost","interval_s":10""")}]').items
    assert isinstance(one, Event)


def test_a_schema_of_the_future_is_postponed_by_its_name_if_it_has_one() -> None:
    newer = [f'{{"schema":2{more}}}' for more in (NAMED, ',"id":"x"', "", NAMED + ',"event":"new"')]
    judged = chunk(f"[{item(1)},{','.join(newer)}]")
    assert len(judged.items) == 1
    assert judged.rejected == []
    assert judged.postponed == [NAME, NAME]
    assert set(judged.ignored) == {"a schema that this recorder does not know"}


def test_an_event_on_the_snapshots_topic_is_no_empty_snapshot() -> None:
    event = item(1, ',"event":"battery_lost","interval_s":10')
    judged = judge(Message(TOPICS.snapshot(MCU), event.encode()), TOPICS)
    assert not judged.items
    assert [one.reason for one in judged.rejected] == ["an event, where only snapshots belong"]


def test_an_empty_message_which_clears_a_retained_one_is_nothing() -> None:
    judged = judge(Message(TOPICS.snapshot(MCU), b""), TOPICS)
    assert (judged.items, judged.rejected, judged.ignored) == ([], [], [])


def test_a_batch_waits_for_its_age_or_its_size() -> None:
    batch = Batch(rows=4, age_s=0.25)
    assert batch.wait_s(0.0) is None
    batch.add([], 0.0, at_once=True)
    assert batch.wait_s(0.0) is None, "nothing came"
    one, two, three = (RejectedItem("t", payload, "why") for payload in (b"1", b"2", b"3"))
    batch.add([one], 10.0, at_once=False)
    batch.add([two], 10.0625, at_once=False)
    batch.add([], 10.0625, at_once=True)
    batch.add([three], 10.1875, at_once=False)
    assert [batch.wait_s(s) for s in (10.1875, 10.25, 10.5)] == [0.0625, 0, 0]
    batch.add([one], 10.1875, at_once=False)
    assert batch.wait_s(10.1875) == 0
    assert batch.drain() == [one, two, three, one]
    assert batch.wait_s(20.0) is None
    batch.add([one], 100.0, at_once=False)
    assert batch.wait_s(100.0) == pytest.approx(QUIET_S)


def test_a_batch_goes_when_nothing_more_comes() -> None:
    batch = Batch(rows=3, age_s=60)
    one = RejectedItem("t", b"1", "why")
    batch.add([one], 10.0, at_once=False)
    batch.add([one], 10.0 + QUIET_S / 2, at_once=False)
    assert batch.wait_s(10.0 + QUIET_S) == pytest.approx(QUIET_S / 2)
    assert batch.wait_s(10.0 + 2 * QUIET_S) == 0


def test_a_batch_that_is_to_spare_the_disk_waits_for_its_age() -> None:
    batch = Batch(rows=100, age_s=60, quiet_s=60)
    one = RejectedItem("t", b"1", "why")
    for s in (0.0, 10.0, 20.0):
        batch.add([one], s, at_once=False)
    assert [batch.wait_s(s) for s in (20.0, 59.0, 60.0)] == [40.0, 1.0, 0.0]


def test_whoever_waits_for_a_receipt_sends_the_batch_on_its_way() -> None:
    batch = Batch(rows=3, age_s=60)
    one = RejectedItem("t", b"1", "why")
    batch.add([one], 0.0, at_once=False)
    batch.add([one], 10.0, at_once=True)
    assert batch.wait_s(10.0) == 0
    batch.drain()
    batch.add([one], 20.0, at_once=True)
    batch.add([one], 20.0, at_once=False)
    assert batch.wait_s(20.0) == 0


def test_whoever_waits_for_a_receipt_waits_for_this_batch_alone() -> None:
    batch = Batch(rows=3, age_s=60)
    awaited = []
    for at_once in (False, True, False):
        batch.add([RejectedItem("t", b"1", "why")], 0.0, at_once=at_once)
        awaited.append(batch.is_awaited)
    batch.drain()
    batch.add([RejectedItem("t", b"1", "why")], 0.0, at_once=False)
    assert [*awaited, batch.is_awaited] == [False, True, True, False]


def test_much_that_is_bad_does_not_wait_for_a_full_batch() -> None:
    batch = Batch(rows=10_000, age_s=60)
    batch.add([RejectedItem("t", b"x" * (MOST_REJECTED_BYTES // 2), "why")], 0.0, at_once=False)
    assert batch.wait_s(0.0) == QUIET_S
    batch.add([RejectedItem("t", b"x" * (MOST_REJECTED_BYTES // 2), "why")], 0.0, at_once=False)
    assert batch.wait_s(0.0) == 0
    batch.drain()
    batch.add([RejectedItem("t", b"x", "why")], 0.0, at_once=False)
    assert batch.wait_s(0.0) == QUIET_S
