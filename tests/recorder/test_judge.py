"""What a message is taken for, without a broker or a database."""

from __future__ import annotations

import pytest

from bluenova_recorder.batch import MOST_REJECTED_BYTES, Batch
from bluenova_recorder.intake import MOST_ITEMS, RejectedItem, judge
from bluenova_shared.message import Message
from bluenova_shared.topics import Topics

MCU = "1A2B3C4D"
TOPICS = Topics()


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
    most = 128 * 1024 // (len(shortest) + 1) - 1
    chunk = f"[{','.join([shortest] * most)},5]"
    assert most < MOST_ITEMS
    judged = judge(Message(TOPICS.backlog(MCU), chunk.encode()), TOPICS)
    assert (len(judged.items), len(judged.rejected)) == (most, 1)


def test_an_event_on_the_snapshots_topic_is_no_empty_snapshot() -> None:
    event = item(1, ',"event":"battery_lost","interval_s":10')
    judged = judge(Message(TOPICS.snapshot(MCU), event.encode()), TOPICS)
    assert not judged.items
    assert len(judged.rejected) == 1


def test_an_empty_message_which_clears_a_retained_one_is_nothing() -> None:
    judged = judge(Message(TOPICS.snapshot(MCU), b""), TOPICS)
    assert (judged.items, judged.rejected, judged.ignored) == ([], [], [])


def test_much_that_is_bad_does_not_wait_for_a_full_batch() -> None:
    batch = Batch(rows=10_000, age_s=60)
    batch.add([RejectedItem("t", b"x" * (MOST_REJECTED_BYTES // 2), "why")], 0.0, at_once=False)
    assert batch.wait_s(0.0) == 60
    batch.add([RejectedItem("t", b"x" * (MOST_REJECTED_BYTES // 2), "why")], 0.0, at_once=False)
    assert batch.wait_s(0.0) == 0
    batch.drain()
    batch.add([RejectedItem("t", b"x", "why")], 0.0, at_once=False)
    assert batch.wait_s(0.0) == 60
