"""`battery_pack_gaps_between` answers as the view does, for any window, by the hours."""

from datetime import datetime, timedelta
from random import Random

import pytest
from tests.support.c_program import COLUMNS
from tests.support.harness import query
from tests.support.questions import (
    BATTERY,
    NOON,
    Row,
    ask,
    fill_hours,
    insert,
    make_tables,
    mark,
    rows,
    utc,
)

from bluenova_tools.local import Database

pytestmark = pytest.mark.services

CALL = "battery_pack_gaps_between(%s, %s, %s)"
EVER = (utc(2016, 1, 1), utc(2027, 1, 1))
HOUR = timedelta(hours=1)


def by_view(database: Database, mcu_id: int) -> list[Row]:
    return ask(database, "battery_pack_gaps WHERE mcu_id = %s ORDER BY gap_from", mcu_id)


def alike(one: list[Row], other: list[Row]) -> bool:
    """A gap that lasts grows from one question to the next."""
    for gap in [*one, *other]:
        if gap["gap_to"] is None:
            gap.pop("gap", None)
    return one == other


@pytest.mark.parametrize("mcu_id", [0x1A2B3C01, 0x1A2B3C02])
def test_any_window_of_a_long_time_has_the_views_gaps(mcu_id: int, year: Database) -> None:
    random = Random(3)
    all_of_them = by_view(year, mcu_id)
    assert len(all_of_them) > 10
    for _ in range(20):
        begin = datetime(2024, 12, 31) + timedelta(minutes=random.randrange(22 * 1440))  # noqa: DTZ001  # UTC, as the table's
        end = begin + timedelta(minutes=random.choice([1, 30, 600, 3000, 20000]))
        window = [f"{one:%Y-%m-%d %H:%M}:00+00" for one in (begin, end)]
        within = [
            gap for gap in all_of_them
            if gap["gap_from"] < end and (gap["gap_to"] is None or gap["gap_to"] > begin)
        ]  # fmt: skip
        assert alike(ask(year, CALL, mcu_id, *window), within), window


@pytest.mark.parametrize("filled", [True, False], ids=["by the hours", "by the rows"])
def test_gaps_within_an_hour_between_hours_and_over_hours_are_found(
    filled: bool, tables: Database
) -> None:
    insert(
        tables,
        rows(30), rows(10, start=NOON + timedelta(minutes=20)),  # within an hour
        rows(5, start=NOON + HOUR + timedelta(seconds=20)),
        rows(5, start=NOON + 7 * HOUR),
        rows(5, start=NOON + 7 * HOUR, mcu_id=5),
    )  # fmt: skip
    if filled:
        fill_hours(tables)
    found = ask(tables, CALL, BATTERY, *EVER)
    assert [(gap["gap_from"] - NOON, gap["gap"]) for gap in found[:-1]] == [
        (timedelta(seconds=290), timedelta(seconds=910)),
        (timedelta(seconds=1290), timedelta(seconds=2330)),
        (timedelta(seconds=3660), 7 * HOUR - timedelta(seconds=3660)),
    ]
    assert (found[-1]["gap_to"], found[-1]["cause"]) == (None, "unexplained")
    assert alike(found, by_view(tables, BATTERY))


def test_a_window_within_a_gap_has_that_gap_and_one_beside_it_has_none(tables: Database) -> None:
    insert(tables, rows(30), rows(30, start=NOON + 7 * HOUR))
    fill_hours(tables)
    (gap,) = ask(tables, CALL, BATTERY, utc(2026, 3, 10, 15), utc(2026, 3, 10, 15, 1))
    assert (gap["gap_from"], gap["gap_to"]) == (NOON + timedelta(seconds=290), NOON + 7 * HOUR)
    assert ask(tables, CALL, BATTERY, utc(2026, 3, 10, 12, 1), utc(2026, 3, 10, 12, 2)) == []
    assert ask(tables, CALL, BATTERY, utc(2026, 3, 9), utc(2026, 3, 10)) == []


def test_an_hour_that_is_marked_is_read_from_its_rows(tables: Database) -> None:
    insert(tables, rows(360))
    fill_hours(tables)
    query(
        tables,
        "DELETE FROM battery_pack WHERE insert_time_utc > %s AND insert_time_utc < %s",
        *(NOON + timedelta(minutes=10), NOON + timedelta(minutes=20)),
    )
    mark(tables, NOON)
    (gap, _) = ask(tables, CALL, BATTERY, *EVER)
    assert gap["gap"] == timedelta(minutes=10)


def test_the_interval_and_the_cause_are_those_of_the_events(tables: Database) -> None:
    insert(tables, rows(9, step=timedelta(minutes=1)), rows(9, start=NOON + HOUR))
    query(
        tables,
        "INSERT INTO battery_pack_events VALUES (%s, %s, 'collector_started', 60), "
        "(%s, %s, 'battery_lost', 60), (%s, %s, 'collector_started', 10)",
        *(NOON - timedelta(seconds=5), BATTERY),
        *(NOON + timedelta(minutes=20), BATTERY, NOON + HOUR - timedelta(seconds=1), BATTERY),
    )
    fill_hours(tables)
    found = ask(tables, CALL, BATTERY, utc(2026, 3, 10), utc(2026, 3, 10, 13))
    assert [(gap["gap"], gap["cause"]) for gap in found] == [
        (timedelta(minutes=52), "battery lost")
    ]


def test_of_nothing_there_are_no_gaps(tables: Database) -> None:
    assert ask(tables, CALL, BATTERY, *EVER) == []
    insert(tables, rows(2))
    assert ask(tables, CALL, 5, *EVER) == []
    assert ask(tables, CALL, BATTERY, EVER[1], EVER[0]) == []
    assert ask(tables, CALL, None, *EVER) == []


@pytest.mark.parametrize("zone", ["UTC", "Africa/Johannesburg"])
def test_a_column_with_a_zone_is_read_as_utc(zone: str, database: Database) -> None:
    table = f"CREATE TABLE battery_pack ({COLUMNS})".replace("TIMESTAMP", "TIMESTAMPTZ", 1)
    make_tables(database, table)
    insert(database, rows(30), rows(30, start=NOON + 7 * HOUR))
    fill_hours(database)
    window = (utc(2026, 3, 10, 15), utc(2026, 3, 10, 15, 1))
    (gap,) = ask(database, CALL, BATTERY, *window, zone=zone)
    assert (gap["gap_from"], gap["gap_to"]) == (NOON + timedelta(seconds=290), NOON + 7 * HOUR)
