"""`battery_pack_series` and `battery_pack_cell_series` against a plain recomputation."""

import math
from datetime import datetime, timedelta
from statistics import fmean, median
from typing import Any

import pytest
from tests.support.c_program import COLUMNS
from tests.support.harness import query
from tests.support.questions import (
    BATTERY,
    NOON,
    Row,
    ask,
    cells,
    fill_hours,
    insert,
    make_tables,
    mark,
    rows,
    utc,
)

from bluenova_tools.local import Database

pytestmark = pytest.mark.services

SERIES = "battery_pack_series(%s, %s, %s, %s)"
CELLS = "battery_pack_cell_series(%s, %s, %s, %s)"
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # UTC, as the table's times
QUANTITIES = "v_pack i_pack power soc temp v_cell_min v_cell_max spread".split()
HOUR = timedelta(hours=1)
STEP = timedelta(seconds=1)


def varied(count: int, **more: Any) -> list[Row]:
    """Rows in which everything moves, and now and then something is missing."""
    made = rows(
        count,
        v_pack=lambda n: None if n % 50 == 7 else round(52 + n % 37 / 100, 3),
        i_pack=lambda n: None if n % 60 == 11 else round(n % 41 - 20.5, 2),
        soc=lambda n: n % 101, temp=lambda n: n % 23 - 5,
        **more,
    )  # fmt: skip
    for n, row in enumerate(made):
        volts = [round(3.3 + (n * k) % 17 / 1000, 3) for k in range(1, 9)]
        row.update(cells(*volts, degrees=n % 30))
    return made


def derived(row: Row) -> Row:
    known = row["v_pack"] is not None and row["i_pack"] is not None
    return row | {
        "power": row["v_pack"] * row["i_pack"] if known else None,
        "spread": round(row["v_cell_max"] - row["v_cell_min"], 3),
    }


def buckets(table: list[Row], width: timedelta) -> dict[datetime, list[Row]]:
    found: dict[datetime, list[Row]] = {}
    for row in map(derived, table):
        at = row["insert_time_utc"]
        found.setdefault(at - (at - EPOCH) % width, []).append(row)
    return found


def figures(values: list[float | None]) -> tuple[float, float, float] | None:
    known = [value for value in values if value is not None]
    return (min(known), fmean(known), max(known)) if known else None


def close(found: tuple[Any, ...], expected: tuple[float, ...] | None, within: float) -> bool:
    if expected is None:
        return found == (None, None, None)
    return found == pytest.approx(expected, rel=1e-5, abs=within)


def test_a_window_of_hours_is_made_of_its_rows(tables: Database) -> None:
    table = [row for n, row in enumerate(varied(2000)) if not 900 <= n < 1400]
    insert(tables, table)
    answer = ask(tables, SERIES, BATTERY, utc(2026, 3, 10, 12), utc(2026, 3, 10, 18), 100)
    assert len(answer) == 72
    wanted = buckets(table, timedelta(minutes=5))
    for n, bucket in enumerate(answer):
        assert bucket["bucket_utc"] == NOON + n * timedelta(minutes=5)
        rows_of_it = wanted.get(bucket["bucket_utc"], [])
        assert bucket["row_count"] == (len(rows_of_it) or None)
        for name in QUANTITIES:
            found = tuple(bucket[f"{name}_{kind}"] for kind in ("min", "mean", "max"))
            assert close(found, figures([row[name] for row in rows_of_it]), 1e-5), name


@pytest.mark.parametrize(("points", "width"), [(25, 12 * HOUR), (7, 48 * HOUR)])
@pytest.mark.parametrize("state", ["up to date", "marked", "nobody keeps them"])
def test_a_window_of_weeks_is_made_of_hours_or_days(
    state: str, points: int, width: timedelta, tables: Database
) -> None:
    table = varied(3000, step=timedelta(seconds=60))
    insert(tables, table)
    if state != "nobody keeps them":
        fill_hours(tables)
    if state == "marked":
        query(tables, "UPDATE battery_pack_hours SET v_pack_max = 99 WHERE hour_utc = %s", NOON)
        query(tables, "UPDATE battery_pack_days SET v_pack_max = 98 WHERE day_utc < %s", NOON)
        mark(tables, NOON)
    answer = ask(tables, SERIES, BATTERY, utc(2026, 3, 8), utc(2026, 3, 20), points)
    first = NOON - (NOON - EPOCH) % (48 * HOUR) - 48 * HOUR
    assert first in [bucket["bucket_utc"] for bucket in answer]
    assert [bucket["bucket_utc"] for bucket in answer] == [
        answer[0]["bucket_utc"] + n * width for n in range(len(answer))
    ]
    by_hour = buckets(table, HOUR)
    for bucket in answer:
        hours = [
            by_hour[hour]
            for n in range(width // HOUR)
            if (hour := bucket["bucket_utc"] + n * HOUR) in by_hour
        ]
        for name in QUANTITIES:
            known = [(len(hour), of) for hour in hours if (of := figures([r[name] for r in hour]))]
            if not known:
                assert bucket[f"{name}_mean"] is None
                continue
            mean = sum(n * of[1] for n, of in known) / sum(n for n, _ in known)
            found = tuple(bucket[f"{name}_{kind}"] for kind in ("min", "mean", "max"))
            lowest, highest = min(of[0] for _, of in known), max(of[2] for _, of in known)
            assert close(found, (lowest, mean, highest), 1e-5), name


@pytest.mark.parametrize("hours", [3, 72, 2400], ids=["by rows", "by hours", "by days"])
def test_each_cell_has_its_own_series(hours: int, tables: Database) -> None:
    table = varied(1000)
    insert(tables, table)
    fill_hours(tables)
    end = NOON + hours * HOUR
    answer = ask(
        tables, CELLS, BATTERY, utc(2026, 3, 10, 12), f"{end}+00", 1000 if hours < 2400 else 101
    )
    assert {row["cell"] for row in answer} == set(range(1, 9))
    step = {3: timedelta(seconds=20), 72: HOUR, 2400: 24 * HOUR}[hours]
    assert len(answer) == 8 * math.ceil((hours * HOUR + (hours > 72) * 12 * HOUR) / step)
    wanted = buckets(table, step)
    for row in answer:
        of_bucket, number = wanted.get(row["bucket_utc"], []), row["cell"]
        volts = figures([one[f"cell_{number:02d}_v"] for one in of_bucket])
        degrees = figures([one[f"cell_{number:02d}_t"] for one in of_bucket])
        away = figures([
            1000 * (one[f"cell_{number:02d}_v"]
                    - median(one[f"cell_{k:02d}_v"] for k in range(1, 9)))
            for one in of_bucket
        ])  # fmt: skip
        for name, expected in (("v", volts), ("t", degrees), ("dev", away)):
            found = tuple(row[f"{name}_{kind}"] for kind in ("min", "mean", "max"))
            # A deviation is stored in half millivolts.
            assert close(found, expected, 0.26 if name == "dev" else 1e-4), name


@pytest.mark.parametrize("points", [1, 7, 100, 1000])
@pytest.mark.parametrize("minutes", [1, 61, 1441, 7201, 60_000, 600_000, 5_256_000])
def test_there_are_at_most_so_many_aligned_buckets(
    points: int, minutes: int, tables: Database
) -> None:
    begin = NOON - timedelta(minutes=minutes, seconds=3)
    insert(tables, rows(1, v_pack=1.0, **cells(3.3)))
    for call in (SERIES, CELLS):
        answer = ask(tables, call, BATTERY, f"{begin}+00", f"{NOON + STEP}+00", points)
        times = [bucket["bucket_utc"] for bucket in answer]
        assert 1 <= len(times) <= points
        assert times == sorted(times)
        assert times[0] <= begin or len(times) > 1
        width = times[1] - times[0] if len(times) > 1 else None
        if width is not None:
            assert all((time - EPOCH) % width == timedelta() for time in times)
            assert times[-1] + width >= NOON + STEP


def test_of_nothing_there_is_no_value(tables: Database) -> None:
    day = (utc(2026, 3, 10), utc(2026, 3, 11))
    assert ask(tables, SERIES, BATTERY, day[1], day[0], 10) == []
    assert ask(tables, CELLS, BATTERY, *day, 10) == []
    answer = ask(tables, SERIES, 5, *day, 24)
    assert len(answer) == 24
    assert {value for row in answer for name, value in row.items() if name != "bucket_utc"} == {
        None
    }


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_a_column_with_a_zone_is_read_as_utc(zone: str, database: Database) -> None:
    table = f"CREATE TABLE battery_pack ({COLUMNS})".replace("TIMESTAMP", "TIMESTAMPTZ", 1)
    make_tables(database, table)
    insert(database, rows(60, v_pack=lambda n: 50.0 + n))
    fill_hours(database)
    window = (BATTERY, utc(2026, 3, 10, 12), utc(2026, 3, 10, 12, 10), 10)
    answer = ask(database, SERIES, *window, zone=zone)
    assert [(row["bucket_utc"], row["v_pack_max"]) for row in answer] == [
        (NOON + n * timedelta(minutes=1), 55.0 + 6 * n) for n in range(10)
    ]
    (day,) = ask(database, SERIES, BATTERY, utc(2026, 3, 8), utc(2026, 3, 18), 1, zone=zone)
    assert (day["row_count"], day["v_pack_max"]) == (60, 109.0)
