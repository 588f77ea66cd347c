"""The view `battery_pack_gaps`: when there are no rows, and why."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.factories import MCU_ID, NOON, OTHER_MCU_ID, an_id, event, snapshot
from tests.support.harness import query

from bluenova_recorder.store import Store
from bluenova_shared.wire import Item, Occasion
from bluenova_tools.local import Database

pytestmark = pytest.mark.services


def rows(*numbers: int, mcu_id: str = MCU_ID) -> list[Item]:
    return [snapshot(n, mcu_id) for n in numbers]


def gaps(database: Database, mcu_id: str = MCU_ID) -> list[tuple[int, int | None, str]]:
    """Between which rows, by their numbers, and why; None: until now."""
    found = query(
        database,
        "SELECT gap_from, gap_to, cause FROM battery_pack_gaps WHERE mcu_id = %s ORDER BY gap_from",
        int(mcu_id, 16),
    )
    noon = NOON.replace(tzinfo=None)
    return [
        ((a - noon) // timedelta(seconds=10), b and (b - noon) // timedelta(seconds=10), cause)
        for a, b, cause in found
    ]


def closed(database: Database, mcu_id: str = MCU_ID) -> list[tuple[int, int | None, str]]:
    return [gap for gap in gaps(database, mcu_id) if gap[1] is not None]


START = event("collector_started", -5)
CAUSES: list[tuple[str, Sequence[tuple[Occasion, float]], str]] = [
    ("battery lost and back", [("battery_lost", 40), ("battery_back", 100)], "battery lost"),
    ("stopped and started", [("collector_stopped", 35), ("collector_started", 95)],
     "collector stopped"),
    ("killed", [("collector_started", 95)], "collector killed"),
    ("nothing that anybody knows of", [], "unexplained"),
    ("lost, then stopped", [("battery_lost", 40), ("collector_stopped", 60),
     ("collector_started", 95), ("battery_back", 100)], "battery lost"),
    ("killed, and the battery silent when it came back", [("collector_started", 60),
     ("battery_lost", 70), ("battery_back", 100)], "collector killed"),
    ("killed, and stopped in the very second of the next row", [("collector_started", 95),
     ("collector_stopped", 100)], "collector killed"),
    ("stopped in the very second of the next row", [("collector_stopped", 100)], "unexplained"),
    ("started in the very second of the last row", [("collector_started", 30)], "unexplained"),
    ("started in the very second of the next row", [("collector_started", 100)],
     "collector killed"),
    ("started and stopped within a second", [("collector_started", 60), ("collector_stopped", 60)],
     "collector stopped"),
    ("stopped within an instant of the last row", [("collector_stopped", 30),
     ("collector_started", 95)], "collector stopped"),
]  # fmt: skip


@pytest.mark.parametrize(("events", "cause"), [c[1:] for c in CAUSES], ids=[c[0] for c in CAUSES])
def test_a_gap_has_its_cause(
    events: Sequence[tuple[Occasion, float]], cause: str, store: Store, database: Database
) -> None:
    told = [event(occasion, at_s) for occasion, at_s in events]
    store.write([START, *rows(0, 1, 2, 3, 10, 11), *told])
    assert closed(database) == [(3, 10, cause)]


def test_events_of_another_battery_or_time_explain_nothing(
    store: Store, database: Database
) -> None:
    store.write([
        START, *rows(0, 1, 2, 10), *rows(0, 1, 2, 10, mcu_id=OTHER_MCU_ID),
        event("collector_started", 15, "0000BEEF", interval_s=3600),
        event("battery_lost", 30, OTHER_MCU_ID), event("collector_stopped", 5),
        event("collector_stopped", 101),
    ])  # fmt: skip
    assert closed(database) == [(2, 10, "unexplained")]
    assert closed(database, OTHER_MCU_ID) == [(2, 10, "battery lost")]


def test_each_gap_has_its_own_cause(store: Store, database: Database) -> None:
    store.write([
        START, *rows(0, 1, 10, 11, 20, 21, 30),
        event("battery_lost", 20), event("battery_back", 100),
        event("collector_stopped", 115), event("collector_started", 195),
    ])  # fmt: skip
    assert closed(database) == [
        (1, 10, "battery lost"), (11, 20, "collector stopped"), (21, 30, "unexplained"),
    ]  # fmt: skip


def test_one_row_late_is_no_gap_and_one_that_misses_is(store: Store, database: Database) -> None:
    store.write([START, *rows(0, 1, 3, 4)])
    assert closed(database) == [(1, 3, "unexplained")]


def test_the_interval_is_the_one_that_the_collector_had_then(
    store: Store, database: Database
) -> None:
    stopped, slow = event("collector_stopped", 45), event("collector_started", 120, interval_s=60)
    store.write([START, *rows(0, 3, 4), stopped, slow, *rows(12, 18, 24)])
    assert closed(database) == [(0, 3, "unexplained"), (4, 12, "collector stopped")]


def test_rows_of_the_c_program_have_its_interval_and_no_causes(
    store: Store, database: Database
) -> None:
    store.write(rows(0, 1, 2, 9, 10))
    assert closed(database) == [(2, 9, "unexplained")]


def test_the_very_first_collector_was_not_killed(store: Store, database: Database) -> None:
    store.write([*rows(0, 1, 2, 10, 11), event("collector_started", 95)])
    assert closed(database) == [(2, 10, "unexplained")]


def test_a_battery_that_is_silent_now_has_a_gap_without_an_end(
    store: Store, database: Database
) -> None:
    store.write([event("collector_started", -900_005), *rows(-90_000, -89_999)])
    store.write([event("battery_lost", -899_980)])
    assert gaps(database) == [(-89_999, None, "battery lost")]


@pytest.mark.parametrize("events", [[START], []], ids=["the collector's", "the C program's"])
def test_a_gap_is_longer_than_one_and_a_half_intervals(
    events: list[Item], store: Store, database: Database
) -> None:
    times = [NOON + timedelta(seconds=s) for s in (0, 10, 24, 39, 55, 65)]
    late: list[Item] = [snapshot().model_copy(update={"time": t, "id": an_id()}) for t in times]
    store.write([*events, *late])
    found = query(database, "SELECT gap_from, gap_to, gap FROM battery_pack_gaps ORDER BY gap_from")
    start, end = (time.replace(tzinfo=None) for time in times[3:5])
    assert [gap for gap in found if gap[1] is not None] == [(start, end, timedelta(seconds=16))]


def test_a_silence_that_lasts_is_counted_until_now(store: Store, database: Database) -> None:
    ago = (datetime.now(UTC) - timedelta(minutes=5)).replace(microsecond=0)
    store.write([snapshot().model_copy(update={"time": ago})])
    ((gap,),) = query(database, "SELECT gap FROM battery_pack_gaps")
    assert timedelta(minutes=5) <= gap < timedelta(minutes=6)


def test_a_battery_that_was_heard_just_now_has_no_gap(store: Store, database: Database) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    store.write([snapshot().model_copy(update={"time": now})])
    assert query(database, "SELECT * FROM battery_pack_gaps") == []
