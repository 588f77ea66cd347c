"""Views and functions of another release become this release's, also with other columns."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from psycopg2 import extensions as pg
from tests.support.harness import query
from tests.support.questions import BATTERY, NOON, ask, fill_hours, insert, rows, utc

from bluenova_recorder.housekeeping import renew
from bluenova_recorder.sql_files import sql_files, with_missing, with_old
from bluenova_tools.local import Database

pytestmark = pytest.mark.services

MARK = "IS 'Made by bluenova-recorder, definition 0123456789abcdef'"
DAY = (utc(2026, 3, 10), utc(2026, 3, 11))
FORMER = {
    "a view had other columns": "DROP VIEW battery_pack_latest; "
    "CREATE VIEW battery_pack_latest AS SELECT 1 AS one; "
    f"COMMENT ON VIEW battery_pack_latest {MARK}",
    "a function returned other columns": "DROP FUNCTION battery_pack_series; "
    "CREATE FUNCTION battery_pack_series(a BIGINT, b TIMESTAMPTZ, c TIMESTAMPTZ, d INTEGER) "
    "RETURNS TABLE (one INTEGER) LANGUAGE sql AS 'SELECT 1'; "
    f"COMMENT ON FUNCTION battery_pack_series {MARK}",
    "a function had other parameters": "DROP FUNCTION battery_pack_series; "
    "CREATE FUNCTION battery_pack_series(a BIGINT) RETURNS INTEGER LANGUAGE sql AS 'SELECT 1'; "
    f"COMMENT ON FUNCTION battery_pack_series {MARK}",
    "a function is missing": "DROP FUNCTION battery_pack_energy",
    "the hours were dropped": "DROP TABLE battery_pack_hours CASCADE",
}


@pytest.fixture
def db(tables: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[pg.connection]:
    for name, value in tables.environment().items():
        monkeypatch.setenv(name, value)
    with closing(tables.connect()) as one:
        yield one


def outdated(db: pg.connection) -> list[str]:
    with db, db.cursor() as cursor:
        found = with_old(cursor, sql_files()) + with_missing(cursor, sql_files())
    return [file.name for file in found]


@pytest.mark.parametrize("former", FORMER.values(), ids=FORMER.keys())
def test_what_another_release_made_is_made_anew(
    former: str, tables: Database, db: pg.connection
) -> None:
    query(tables, former)
    assert outdated(db) != []
    assert renew(db)
    assert outdated(db) == []
    insert(tables, rows(10, v_pack=50.0))
    fill_hours(tables)
    assert query(tables, "SELECT count(*) FROM battery_pack_hour_facts") == [(1,)]
    assert query(tables, "SELECT day_utc FROM battery_pack_days") == [(NOON.replace(hour=0),)]
    (latest,) = ask(tables, "battery_pack_latest")
    assert latest["v_pack"] == 50.0
    buckets = ask(tables, "battery_pack_series(%s, %s, %s, 1)", BATTERY, *DAY)
    assert [bucket["v_pack_max"] for bucket in buckets] == [50.0]
    assert ask(tables, "battery_pack_energy(%s, %s, %s, 'day', 'UTC')", BATTERY, *DAY)


def test_what_somebody_built_on_or_made_is_left_alone(tables: Database, db: pg.connection) -> None:
    query(tables, FORMER["a view had other columns"])
    query(tables, "CREATE VIEW mine AS SELECT one FROM battery_pack_latest")
    query(tables, "DROP FUNCTION battery_pack_spread")
    query(
        tables,
        "CREATE FUNCTION battery_pack_spread(a BIGINT) RETURNS INTEGER LANGUAGE sql AS 'SELECT 7'",
    )
    renew(db)
    assert query(tables, "SELECT one FROM mine") == [(1,)]
    assert query(tables, "SELECT battery_pack_spread(5)") == [(7,)]
