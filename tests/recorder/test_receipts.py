"""When a receipt goes out: at once, or after the rows that are waiting to be written."""

import pytest
from tests.support.factories import snapshot

from bluenova_recorder.intake import RejectedItem
from bluenova_recorder.receipts import AT_ONCE, GIVES_WAY_S, ID_BYTES, MOST_BYTES, Receipts
from bluenova_recorder.store import Written
from bluenova_shared.mqtt.paho_client import MAX_PACKET_BYTES


def batteries(receipts: Receipts, now_s: float, *, is_busy: bool) -> list[str]:
    return [mcu_id for mcu_id, _ in receipts.due(now_s, is_busy=is_busy)]


def test_a_live_snapshots_receipt_gives_way_to_rows_for_a_while() -> None:
    owed = Receipts()
    owed.owe(Written(recorded=[snapshot(0, "0000000A")]), 10.0, at_once=False)
    assert batteries(owed, 10.0, is_busy=True) == []
    assert batteries(owed, 10.0 + GIVES_WAY_S, is_busy=True) == ["0000000A"]
    assert batteries(owed, 10.0 + GIVES_WAY_S, is_busy=True) == [], "each is sent once"


def test_it_goes_at_once_if_no_row_waits() -> None:
    owed = Receipts()
    owed.owe(Written(recorded=[snapshot(0, "0000000A")]), 10.0, at_once=False)
    assert batteries(owed, 10.0, is_busy=False) == ["0000000A"]


def test_a_chunks_receipt_waits_for_nothing() -> None:
    owed = Receipts()
    owed.owe(Written(recorded=[snapshot(0, "0000000B")]), 10.0, at_once=False)
    owed.owe(Written(recorded=[snapshot(0, "0000000A")]), 10.0, at_once=True)
    assert batteries(owed, 10.0, is_busy=True) == ["0000000A"]


def test_many_are_sent_some_at_a_time_in_their_order() -> None:
    owed = Receipts()
    names = [f"{n:08X}" for n in range(1, AT_ONCE + 2)]
    for name in names:
        owed.owe(Written(recorded=[snapshot(0, name)]), 10.0, at_once=False)
    assert batteries(owed, 10.0, is_busy=False) == names[:AT_ONCE]
    assert batteries(owed, 10.0, is_busy=False) == names[AT_ONCE:]


def test_what_comes_of_a_battery_meanwhile_goes_into_the_same_receipt() -> None:
    owed = Receipts()
    items = [snapshot(n, "0000000A") for n in range(3)]
    for n, item in enumerate(items):
        owed.owe(Written(recorded=[item]), 10.0 + n * GIVES_WAY_S / 4, at_once=False)
    ((mcu_id, receipt),) = owed.due(10.0 + GIVES_WAY_S, is_busy=True)
    assert (mcu_id, receipt.recorded) == ("0000000A", [item.id for item in items])
    assert batteries(owed, 20.0, is_busy=False) == []


def test_a_receipt_does_not_grow_for_ever() -> None:
    owed, together = Receipts(), MOST_BYTES // ID_BYTES
    items = [snapshot(n, "0000000A") for n in range(together + 1)]
    for item in items:
        owed.owe(Written(recorded=[item]), 10.0, at_once=False)
    ((_, full),) = owed.due(10.0, is_busy=True)
    assert full.recorded == [item.id for item in items[:together]]
    ((_, rest),) = owed.due(10.0, is_busy=False)
    assert rest.recorded == [items[-1].id]


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("reason", ["x" * 500, "\x01" * 500, "\u20ac" * 500])
def test_a_collector_takes_each_receipt_however_much_is_rejected(
    at_once: bool, reason: str
) -> None:
    owed, ids = Receipts(), [f"{n:016x}" for n in range(500)]
    rejected = [RejectedItem("in", b"", reason, "0000000A", one) for one in ids]
    owed.owe(Written(rejected=rejected), 10.0, at_once=at_once)
    sent = [receipt for _, receipt in owed.due(10.0, is_busy=False)]
    assert [one.id for receipt in sent for one in receipt.rejected] == ids
    assert max(len(receipt.to_json().encode()) for receipt in sent) < MAX_PACKET_BYTES / 2
