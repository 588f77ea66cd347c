"""battery_pack_hours is what the rows say, whatever was done to them, and in whatever order."""

import contextlib
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg2 import extensions as pg
from tests.support.harness import query
from tests.support.hours import CELLS_T, CELLS_V, differences, hours_of
from tests.support.hours_at_work import (
    ALWAYS,
    AT_ONCE,
    assert_recomputed,
    keeper_in,
    rows_of,
    stored_hours,
)

from bluenova_recorder.account import Account, transaction
from bluenova_recorder.rollup.keeper import HoursKeeper
from bluenova_recorder.rollup.renew import Waits, renew_marked
from bluenova_recorder.rollup.transactions import connect, step
from bluenova_recorder.schema import prepare
from bluenova_tools.local import Database

pytestmark = pytest.mark.services

FIRST = datetime(2026, 11, 20, 6, 0, 0)  # noqa: DTZ001  # the column has no zone
BATTERIES = (1, 439041101)


@pytest.fixture
def keeper(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[HoursKeeper]:
    """One that is at work on a new database."""
    for name, value in database.environment().items():
        monkeypatch.setenv(name, value)
    account = Account(database.name, database.user, database.password)
    with contextlib.closing(account.connect()) as db:
        prepare(db)
    with contextlib.closing(keeper_in(database)) as one:
        assert one.work()
        yield one


def a_row(chance: random.Random, mcu_id: int, time: datetime) -> dict[str, Any]:
    """One with cells and values that may be missing, and totals that may jump."""

    def maybe(value: float) -> float | None:
        return None if chance.random() < 0.1 else value

    cells = chance.choice((0, 4, 15, 16))
    row = {
        "insert_time_utc": time,
        "mcu_id": mcu_id,
        "v_pack": maybe(round(chance.uniform(44, 58), 3)),
        "i_pack": maybe(chance.choice((0.0, round(chance.uniform(-200, 200), 2)))),
        "soc": maybe(chance.choice((0, 10, 11, 50, 89, 90, 100))),
        "temp": maybe(chance.randrange(-20, 60)),
        "v_cell_min": maybe(round(chance.uniform(2.5, 3.3), 3)),
        "v_cell_max": maybe(round(chance.uniform(3.3, 3.65), 3)),
        "energy_in": maybe(chance.choice((0.0, 1000.0, 1000.125, 1200.5, 65535.0))),
        "energy_out": maybe(round(chance.uniform(900, 901), 3)),
    }
    for number in range(cells):
        row[CELLS_V[number]] = maybe(round(chance.uniform(2.5, 3.65), 3))
        row[CELLS_T[number]] = maybe(chance.randrange(-20, 60))
    return row


def some_times(chance: random.Random) -> list[datetime]:
    """Rows of one battery as they come, with intervals short and long, and gaps."""
    every_s = chance.choice((1, 10, 10, 10, 60, 61, 300, 300, 1800, 3600))
    begin = FIRST + timedelta(seconds=every_s * (chance.randrange(200_000) // every_s))
    return [
        begin + timedelta(seconds=every_s * n)
        for n in range(chance.randrange(1, 30))
        if chance.random() < 0.95
    ]


def insert(cursor: pg.cursor, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        cursor.execute(
            f"INSERT INTO battery_pack ({', '.join(row)}) "
            f"VALUES ({', '.join(['%s'] * len(row))}) ON CONFLICT DO NOTHING",
            list(row.values()),
        )


def do_something(cursor: pg.cursor, chance: random.Random) -> None:
    """One of the things that people and programs do to the table."""
    mcu_id = chance.choice(BATTERIES)
    begin = FIRST + timedelta(seconds=chance.randrange(200_000))
    end = begin + timedelta(seconds=chance.choice((1, 1000, 10_000, 100_000)))
    some = "WHERE mcu_id = %s AND insert_time_utc BETWEEN %s AND %s"
    what = chance.choices(("insert", "update", "move", "delete", "truncate"), (12, 2, 1, 2, 0.3))[0]
    if what == "insert":
        insert(cursor, [a_row(chance, mcu_id, time) for time in some_times(chance)])
    elif what == "update":
        cursor.execute(f"UPDATE battery_pack SET i_pack = 7, soc = 95 {some}", [mcu_id, begin, end])
    elif what == "move":
        # By half a second, so that it is in nobody's way; an hour's first row gets into another.
        cursor.execute(
            "UPDATE battery_pack SET insert_time_utc = insert_time_utc - INTERVAL '500 ms' "
            f"{some} AND insert_time_utc = date_trunc('second', insert_time_utc)",
            [mcu_id, begin, end],
        )
    elif what == "delete":
        cursor.execute(f"DELETE FROM battery_pack {some}", [mcu_id, begin, end])
    else:
        cursor.execute("TRUNCATE battery_pack")


@pytest.mark.parametrize("seed", range(6))
def test_hours_are_what_the_rows_say_after_anything_and_kills_in_between(
    seed: int, database: Database, keeper: HoursKeeper
) -> None:
    chance = random.Random(seed)
    account = Account(database.name, database.user, database.password)
    with (
        contextlib.closing(database.connect()) as writer,
        contextlib.closing(database.connect()) as other,
        contextlib.closing(connect(account)) as killed,
    ):
        for _ in range(12):
            for db in (writer, other):
                for _ in range(chance.randrange(4)):
                    with db.cursor() as cursor:
                        do_something(cursor, chance)
                    if chance.random() < 0.8 or db is other:
                        db.commit()  # else it stays open while hours are computed
                if chance.random() < 0.1:
                    db.rollback()
                elif db is writer:
                    # Of two that are open at once one could wait for the other's rows for ever.
                    (db.commit if chance.random() < 0.5 else keeper.work)()
                    db.commit()
            if chance.random() < 0.3:
                with contextlib.suppress(KeyboardInterrupt), step(killed) as cursor:
                    renew_marked(cursor, AT_ONCE)
                    raise KeyboardInterrupt  # a kill: nothing of the step is committed
            if chance.random() < 0.3:
                assert keeper.work()
        writer.commit()
    assert keeper.work()
    assert query(database, "SELECT count(*) FROM battery_pack_changed_hours") == [(0,)]
    rows = rows_of(database)
    assert differences(stored_hours(database), hours_of(rows)) == []
    assert_recomputed(database)


def test_a_row_of_the_next_hour_changes_the_hour_before(
    database: Database, keeper: HoursKeeper
) -> None:
    query(
        database,
        "INSERT INTO battery_pack (mcu_id, insert_time_utc, i_pack) "
        "VALUES (1, '2026-11-20 06:59:50', 36)",
    )
    assert keeper.work()
    assert stored_hours(database)[1, FIRST]["charge_in_ah"] is None
    query(
        database,
        "INSERT INTO battery_pack (mcu_id, insert_time_utc, i_pack) "
        "VALUES (1, '2026-11-20 07:00:00', 36)",
    )
    assert keeper.work()
    assert stored_hours(database)[1, FIRST]["charge_in_ah"] == pytest.approx(0.1)
    query(database, "DELETE FROM battery_pack WHERE insert_time_utc = '2026-11-20 07:00:00'")
    assert keeper.work()
    assert stored_hours(database)[1, FIRST]["charge_in_ah"] is None


def test_a_writer_that_commits_while_a_step_runs_is_seen_by_the_next_one(
    database: Database, keeper: HoursKeeper
) -> None:
    account = Account(database.name, database.user, database.password)
    with (
        contextlib.closing(database.connect()) as writer,
        contextlib.closing(connect(account)) as db,
    ):
        with writer.cursor() as cursor:
            insert(cursor, [a_row(random.Random(1), 1, FIRST)])
        writer.commit()
        with step(db) as at_work:
            at_work.execute("SELECT count(*) FROM battery_pack")  # it sees what is now
            with writer.cursor() as cursor:
                insert(cursor, [a_row(random.Random(2), 1, FIRST + timedelta(seconds=10))])
            writer.commit()
            assert renew_marked(at_work, AT_ONCE) == 1
    assert stored_hours(database)[1, FIRST]["row_count"] == 1
    assert query(database, "SELECT count(*) FROM battery_pack_changed_hours") == [(1,)]
    assert keeper.work()
    assert stored_hours(database)[1, FIRST]["row_count"] == 2


def test_two_that_compute_at_once_do_not_disturb_each_other(
    database: Database, keeper: HoursKeeper
) -> None:
    account = Account(database.name, database.user, database.password)
    with contextlib.closing(account.connect()) as db, transaction(db) as cursor:
        insert(cursor, [a_row(random.Random(1), 1, FIRST)])
    with contextlib.closing(connect(account)) as db, step(db) as at_work:
        assert renew_marked(at_work, AT_ONCE) == 1
        assert keeper.work()  # leaves it to the other
    assert query(database, "SELECT row_count FROM battery_pack_hours") == [(1,)]


def test_a_new_tables_rows_are_marked_from_the_first_on_and_not_looked_for(
    database: Database,
) -> None:
    with contextlib.closing(database.connect()) as db:
        prepare(db)
    assert query(database, "SELECT filled_from::TEXT FROM battery_pack_hours_filled") == [
        ("-infinity",)
    ]
    query(database, "INSERT INTO battery_pack (insert_time_utc, mcu_id) VALUES ('2026-01-01', 7)")
    marks = "SELECT mcu_id, hour_utc::TEXT FROM battery_pack_changed_hours"
    assert query(database, marks) == [(7, "2026-01-01 00:00:00")]


def test_a_new_table_that_cannot_have_its_triggers_yet_is_made_all_the_same(
    database: Database,
) -> None:
    query(database, "CREATE TABLE battery_pack_hours_filled (somebodys INT)")
    with contextlib.closing(database.connect()) as db:
        prepare(db)
    query(database, "INSERT INTO battery_pack (insert_time_utc, mcu_id) VALUES ('2026-01-01', 7)")


def test_the_open_hour_is_only_marked(database: Database, keeper: HoursKeeper) -> None:
    patient = HoursKeeper(
        Account(database.name, database.user, database.password),
        lambda: True,
        waits=Waits(quiet_s=0.0),
        every=ALWAYS,
    )
    query(
        database,
        "INSERT INTO battery_pack (mcu_id, insert_time_utc) "
        "SELECT 1, now() AT TIME ZONE 'UTC' - n * INTERVAL '3 hours' FROM generate_series(0, 1) n",
    )
    with contextlib.closing(patient):
        assert patient.work()
    assert query(database, "SELECT count(*) FROM battery_pack_hours") == [(1,)]
    assert query(database, "SELECT count(*) FROM battery_pack_changed_hours") == [(1,)]
    assert keeper.work()
    assert query(database, "SELECT count(*) FROM battery_pack_hours") == [(2,)]
