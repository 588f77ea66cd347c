"""The facts of hours are what the rows say, whatever was done to them; so is what is read."""

import contextlib
import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from tests.support.harness import query
from tests.support.hours_at_work import keeper_in
from tests.support.questions import BATTERY, NOON, ask, insert, make_tables, rows, utc

from bluenova_recorder.rollup.keeper import HoursKeeper
from bluenova_tools.local import Database

pytestmark = pytest.mark.services

HOUR = timedelta(hours=1)


@pytest.fixture
def keeper(tables: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[HoursKeeper]:
    for name, value in tables.environment().items():
        monkeypatch.setenv(name, value)
    with contextlib.closing(keeper_in(tables)) as one:
        work(one)
        yield one


def work(keeper: HoursKeeper) -> None:
    assert keeper.work()


def wrong_facts(database: Database) -> list[tuple[object, ...]]:
    """Hours without facts, facts without an hour, and facts that are not those of the rows."""
    return query(
        database,
        "SELECT 'alone', mcu_id, hour_utc FROM battery_pack_hours "
        "FULL JOIN battery_pack_hour_facts AS f USING (mcu_id, hour_utc) "
        "WHERE battery_pack_hours IS NULL OR f IS NULL UNION ALL "
        "SELECT 'wrong', f.mcu_id, f.hour_utc FROM battery_pack_hour_facts AS f, LATERAL "
        "battery_pack_hour_facts_from_rows(mcu_id, hour_utc, hour_utc + INTERVAL '1 hour') AS now "
        "WHERE f IS DISTINCT FROM now UNION ALL "
        "SELECT 'day', mcu_id, day_utc FROM battery_pack_days FULL JOIN "
        "(SELECT DISTINCT mcu_id, date_trunc('day', hour_utc) AS day_utc FROM battery_pack_hours) "
        "AS wanted USING (mcu_id, day_utc) "
        "WHERE battery_pack_days IS NULL OR wanted IS NULL UNION ALL "
        "SELECT 'wrong day', d.mcu_id, d.day_utc FROM battery_pack_days AS d, LATERAL "
        "battery_pack_days_from_hours(mcu_id, day_utc, day_utc + INTERVAL '1 day', FALSE) AS now "
        "WHERE d IS DISTINCT FROM now",
    )


def a_row(chance: random.Random, mcu_id: int, time: datetime) -> dict[str, object]:
    odd = chance.choice([None, 3e38, -3e38, float("nan"), float("inf")])
    return {
        "insert_time_utc": time, "mcu_id": mcu_id,
        "v_pack": odd if chance.random() < 0.02 else 52.0,
        "i_pack": odd if chance.random() < 0.02 else chance.choice([-60.0, -60.5, 0.5, 1.0, 30.0]),
        "v_cell_min": odd if chance.random() < 0.02 else chance.choice([2.9, 3.2]),
        "v_cell_max": odd if chance.random() < 0.02 else chance.choice([3.3, 3.47]),
        "energy_in": odd if chance.random() < 0.02 else chance.choice([100.0, 100.5, 0.0]),
        "energy_out": None, "errors": chance.choice(["", "A", None]), "breaker": "CLOSED",
        **{f"cell_{n:02d}_v": odd if chance.random() < 0.01 else round(chance.uniform(3, 3.5), 3)
           for n in range(1, 5)},
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_after_any_changes_the_facts_are_those_of_the_rows(
    seed: int, tables: Database, keeper: HoursKeeper
) -> None:
    chance = random.Random(seed)
    places = [(mcu_id, n) for mcu_id in (1, BATTERY) for n in range(900)]
    chance.shuffle(places)
    for part in range(6):
        insert(
            tables,
            [a_row(chance, mcu_id, NOON + timedelta(seconds=10 * n + chance.randrange(3)))
             for mcu_id, n in places[part * 250 : part * 250 + 250]],
        )  # fmt: skip
        begin = NOON + chance.randrange(9000) * timedelta(seconds=1)
        span = (begin, begin + timedelta(minutes=chance.choice([1, 20, 90])))
        change = chance.choice([
            "DELETE FROM battery_pack",
            "UPDATE battery_pack SET errors = 'B'",
            "UPDATE battery_pack SET insert_time_utc = insert_time_utc + INTERVAL '5 hours 1 s'",
        ])  # fmt: skip
        query(tables, f"{change} WHERE insert_time_utc BETWEEN %s AND %s AND mcu_id = 1", *span)
        work(keeper)
        assert wrong_facts(tables) == []
    assert query(tables, "SELECT count(*) > 5 FROM battery_pack_hour_facts") == [(True,)]


def test_facts_of_rows_that_were_removed_on_purpose_stay(
    tables: Database, keeper: HoursKeeper
) -> None:
    insert(
        tables, rows(720, errors="A", v_pack=50.0, i_pack=-100.0), rows(5, start=NOON + 9 * HOUR)
    )
    work(keeper)
    questions = [
        "battery_pack_gaps_between(%s, %s, %s)", "battery_pack_changes(%s, %s, %s)",
        "battery_pack_energy(%s, %s, %s, 'day', 'Asia/Kolkata')", "battery_pack_spread(%s, %s, %s)",
    ]  # fmt: skip
    window = (BATTERY, utc(2026, 3, 9), utc(2026, 3, 10, 20))
    before = [ask(tables, call, *window) for call in questions]
    assert all(before)
    with contextlib.closing(keeper_in(tables, keep_days=1)) as remover:
        work(remover)
    assert query(tables, "SELECT count(*) FROM battery_pack") == [(0,)]
    assert [ask(tables, call, *window) for call in questions] == before


def test_hours_that_are_not_filled_in_yet_are_read_from_rows_if_they_are_few(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tables(database)
    insert(database, rows(360, errors="A"), rows(360, start=NOON - timedelta(days=9), errors="B"))
    # As if the rows had been there before the triggers.
    query(database, "TRUNCATE battery_pack_changed_hours")
    query(database, "UPDATE battery_pack_hours_filled SET filled_from = %s", NOON + HOUR)
    call = "battery_pack_changes(%s, %s, %s)"
    (few,) = ask(database, call, BATTERY, utc(2026, 3, 10), utc(2026, 3, 11))
    assert few["value"] == "A"
    assert ask(database, call, BATTERY, utc(2026, 3, 1), utc(2026, 3, 11)) == [few]
    assert ask(database, call, BATTERY, utc(2026, 2, 1), utc(2026, 3, 8)) == []
