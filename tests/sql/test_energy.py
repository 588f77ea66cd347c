"""`battery_pack_energy`: per hour, day, week and month in a person's zone."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from tests.support.questions import BATTERY, Row, ask, fill_hours, insert, mark, rows, utc

from bluenova_tools.local import Database

pytestmark = pytest.mark.services

CALL = "battery_pack_energy(%s, %s, %s, %s, %s)"
TEN = timedelta(minutes=10)


def at(*moment: int) -> datetime:
    return datetime(*moment)  # type: ignore[arg-type]  # noqa: DTZ001  # year, month, day …; UTC


def counting(start: datetime, count: int, step: timedelta = TEN) -> list[Row]:
    """Totals that grow by 0.5 in and 0.25 out with each row, at 50 V and 10 A."""
    return rows(
        count, start=start, step=step, energy_in=lambda n: 1000 + n / 2,
        energy_out=lambda n: 900 + n / 4, v_pack=50.0, i_pack=10.0,
    )  # fmt: skip


DAYS = [
    ("23 hours in spring", "Europe/Berlin", at(2026, 3, 27), "day", 3),
    ("25 hours in autumn", "Europe/Berlin", at(2026, 10, 23), "day", 3),
    ("half an hour off", "Asia/Kolkata", at(2026, 5, 1), "day", 3),
    ("three quarters off", "Asia/Kathmandu", at(2026, 5, 1), "day", 3),
    ("no midnight", "Africa/Cairo", at(2026, 4, 22), "day", 4),
    ("a change by half an hour", "Australia/Lord_Howe", at(2026, 4, 3), "day", 4),
    ("hours of a day with 25", "Europe/Berlin", at(2026, 10, 24), "hour", 2),
    ("half hours", "Asia/Kolkata", at(2026, 5, 1), "hour", 1),
    ("weeks", "America/New_York", at(2026, 3, 1), "week", 15),
    ("months", "America/New_York", at(2026, 3, 20), "month", 20),
]


def local_begin(moment: datetime, bucket: str, zone: str) -> datetime:
    """The bucket's begin on the clock; of an hour, in UTC, as a clock may show one twice."""
    there = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    if bucket == "hour":
        return moment - timedelta(minutes=there.minute, seconds=there.second)
    day = there.replace(hour=0, minute=0, second=0, tzinfo=None)
    if bucket == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if bucket == "month" else day


@pytest.mark.parametrize("filled", [True, False], ids=["by the hours", "by the rows"])
@pytest.mark.parametrize("one", [one[1:] for one in DAYS], ids=[one[0] for one in DAYS])
def test_it_is_counted_by_the_clock_of_the_zone(
    one: tuple[str, datetime, str, int], filled: bool, tables: Database
) -> None:
    zone, start, bucket, days = one
    table = counting(start, 144 * days)
    insert(tables, table)
    if filled:
        fill_hours(tables)
    grown: dict[datetime, list[int]] = {}
    for n, row in enumerate(table):
        counts = grown.setdefault(local_begin(row["insert_time_utc"], bucket, zone), [0, 0])
        counts[0] += n > 0  # rows by which the totals have grown
        # Ten minutes at 500 W. Of the first row it is not known yet how far apart rows are, and
        # of the last one when the next comes.
        counts[1] += 0 < n < len(table) - 1
    end = table[-1]["insert_time_utc"] + timedelta(seconds=1)
    answer = ask(tables, CALL, BATTERY, f"{start}+00", f"{end}+00", bucket, zone)
    key = "bucket_begin" if bucket == "hour" else "bucket_local"
    assert {row[key].replace(tzinfo=None): row["energy_in"] for row in answer} == {
        begin: pytest.approx(count / 2) for begin, (count, _) in grown.items()
    }
    for row in answer:
        count, held = grown[row[key].replace(tzinfo=None)]
        assert row["energy_out"] == pytest.approx(count / 4)
        assert row["integral_in"] == pytest.approx(held / 12)
        assert row["integral_out"] == 0
    for earlier, later in pairwise(answer):
        assert earlier["bucket_end"] == later["bucket_begin"]


def day_of(database: Database, *, day: int = 10) -> Row:
    (row,) = ask(database, CALL, BATTERY, utc(2026, 3, day, 5), utc(2026, 3, day, 6), "day", "UTC")
    return row


TEN_S = timedelta(seconds=10)


@pytest.mark.parametrize("filled", [True, False], ids=["by the hours", "by the rows"])
@pytest.mark.parametrize(
    ("wrong", "lost"),
    [
        pytest.param({}, 0, id="none"),
        pytest.param({500: 0}, 0, id="a zero"),
        pytest.param({500: 0, 501: 0}, 0, id="two zeros"),
        pytest.param({500: 99_999}, 0, id="far too high"),
        pytest.param({360: 0}, 0, id="at the hour's begin"),
        pytest.param({359: 0}, 0, id="at the hour's end"),
        pytest.param({500: None, 501: None}, 0, id="not told"),
        pytest.param({0: 0}, 1, id="the very first"),
    ],
)
def test_a_glitch_of_a_total_adds_nothing_and_takes_nothing(
    wrong: dict[int, float | None], lost: int, filled: bool, tables: Database
) -> None:
    table = rows(1000, start=at(2026, 3, 10), energy_in=lambda n: 150 + n / 100, energy_out=3)
    for n, value in wrong.items():
        table[n]["energy_in"] = value
    insert(tables, table)
    if filled:
        fill_hours(tables)
    row = day_of(tables)
    assert row["energy_in"] == pytest.approx(9.99 - lost / 100, abs=0.001)
    assert row["energy_out"] == 0


@pytest.mark.parametrize("reset_at", [500, 360], ids=["within an hour", "between two hours"])
def test_a_total_that_begins_again_goes_on_counting(reset_at: int, tables: Database) -> None:
    table = counting(at(2026, 3, 10), 1000, TEN_S)
    for n, row in enumerate(table):
        if n >= reset_at:
            row["energy_in"] = (n - reset_at) / 2
    insert(tables, table)
    fill_hours(tables)
    assert day_of(tables)["energy_in"] == pytest.approx(998 / 2)


@pytest.mark.parametrize("filled", [True, False], ids=["by the hours", "by the rows"])
def test_what_came_in_a_gap_counts_when_the_battery_is_heard_again(
    filled: bool, tables: Database
) -> None:
    insert(tables, counting(at(2026, 3, 9, 22), 300, TEN_S))
    later = counting(at(2026, 3, 11, 1), 300, TEN_S)
    for row in later:
        row["energy_in"] += 300  # 150 within the 26 hours
    insert(tables, later)
    if filled:
        fill_hours(tables)
    assert day_of(tables, day=9)["energy_in"] == pytest.approx(149.5)
    assert day_of(tables)["energy_in"] is None
    assert day_of(tables)["integral_in"] is None
    assert day_of(tables, day=11)["energy_in"] == pytest.approx(150.5 + 149.5)


def test_the_hour_that_is_open_is_read_from_its_rows(tables: Database) -> None:
    insert(tables, counting(at(2026, 3, 10), 720, TEN_S))
    fill_hours(tables)
    more = counting(at(2026, 3, 10), 900, TEN_S)[720:]
    insert(tables, more)
    mark(tables, at(2026, 3, 10, 2))
    assert day_of(tables)["energy_in"] == pytest.approx(899 / 2)


def test_without_totals_there_is_the_integral_alone_and_without_power_the_totals(
    tables: Database,
) -> None:
    insert(tables, rows(361, start=at(2026, 3, 10), v_pack=50.0, i_pack=-20.0))
    insert(tables, rows(361, start=at(2026, 3, 10), mcu_id=5, energy_in=lambda n: n))
    fill_hours(tables)
    row = day_of(tables)
    assert (row["energy_in"], row["energy_out"]) == (None, None)
    assert (row["integral_in"], row["integral_out"]) == (0, pytest.approx(1.0))
    (other,) = ask(tables, CALL, 5, utc(2026, 3, 10), utc(2026, 3, 10, 1), "day", "UTC")
    assert (other["energy_in"], other["integral_in"]) == (360, None)


def test_nothing_known_is_null_and_a_bucket_that_is_none_is_refused(tables: Database) -> None:
    day = (utc(2026, 3, 10), utc(2026, 3, 11))
    (row,) = ask(tables, CALL, BATTERY, *day, "day", "UTC")
    assert (row["bucket_local"], row["energy_in"]) == (at(2026, 3, 10), None)
    assert ask(tables, CALL, BATTERY, day[1], day[0], "day", "UTC") == []
    for none in ("year", "fortnight"):
        with pytest.raises(Exception, match="hour, day, week or month"):
            ask(tables, CALL, BATTERY, *day, none, "UTC")
    with pytest.raises(Exception, match="time zone"):
        ask(tables, CALL, BATTERY, *day, "day", "Berlin")
