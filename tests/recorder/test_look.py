"""A glance at the table tells whether a look at it would find anything new."""

import contextlib
from collections.abc import Iterator

import pytest
from psycopg2 import extensions as pg

from bluenova_recorder.look import GLANCE, look
from bluenova_recorder.schema import prepare
from bluenova_tools.local import Database

pytestmark = pytest.mark.services

INDEX = "CREATE INDEX mine ON battery_pack (soc)"


@pytest.fixture
def cursor(database: Database) -> Iterator[pg.cursor]:
    """In a transaction that is undone at the end."""
    with contextlib.closing(database.connect()) as db:
        prepare(db)
        with db.cursor() as one:
            yield one


def glance(cursor: pg.cursor) -> object:
    cursor.execute(GLANCE)
    return cursor.fetchall()


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ("", "DROP TABLE battery_pack CASCADE"),
        ("", "ALTER TABLE battery_pack RENAME TO archived"),
        ("", "ALTER TABLE battery_pack RENAME TO archived;"
             "CREATE TABLE battery_pack (LIKE archived INCLUDING ALL)"),
        ("CREATE SCHEMA mine; SET search_path = public, mine",
         "ALTER TABLE battery_pack SET SCHEMA mine"),
        ("", "ALTER SCHEMA public RENAME TO mine; SET search_path = mine"),
        ("", INDEX),
        (INDEX, "DROP INDEX mine"),
        (INDEX, "ALTER INDEX mine RENAME TO yours"),
        (INDEX, "UPDATE pg_index SET indisvalid = FALSE WHERE indexrelid = 'mine'::regclass"),
        (INDEX, "DROP INDEX mine; CREATE INDEX mine ON battery_pack (temp)"),
        (INDEX, "DROP INDEX mine; CREATE INDEX mine ON battery_pack (soc) WHERE soc > 5"),
        (INDEX, "DROP INDEX mine; CREATE INDEX mine ON battery_pack ((soc + 1))"),
        ("", "DROP INDEX battery_pack_key"),
        ("", "ALTER TABLE battery_pack RENAME mcu_id TO old;"
             "ALTER TABLE battery_pack ADD mcu_id BIGINT"),
        (INDEX, "ALTER TABLE battery_pack RENAME soc TO old"),
        ("CREATE TABLE heir () INHERITS (battery_pack); DROP TABLE heir", "ANALYZE battery_pack"),
        ("", "ALTER TABLE battery_pack ADD CONSTRAINT mine UNIQUE (soc) DEFERRABLE"),
        ("", "ALTER TABLE battery_pack ADD CONSTRAINT mine EXCLUDE (soc WITH =)"),
        ("DROP TABLE battery_pack CASCADE; CREATE TABLE battery_pack (insert_time_utc TIMESTAMP)",
         "ALTER TABLE battery_pack ALTER insert_time_utc TYPE TIMESTAMPTZ"),
        ("", "CREATE TABLE heir () INHERITS (battery_pack)"),
        ("CREATE TABLE one () INHERITS (battery_pack)",
         "CREATE TABLE two () INHERITS (battery_pack)"),
        ("CREATE TABLE heir () INHERITS (battery_pack)", "DROP TABLE heir"),
        ("", "CREATE RULE mine AS ON INSERT TO battery_pack DO ALSO NOTHING"),
        ("", "ALTER TABLE battery_pack ENABLE ROW LEVEL SECURITY"),
    ],
    ids=lambda text: text.replace("battery_pack", "it") or "new",
)  # fmt: skip
def test_it_sees_each_change_that_a_look_sees(before: str, change: str, cursor: pg.cursor) -> None:
    cursor.execute(before or "SELECT")
    seen, found = glance(cursor), look(cursor)
    assert (glance(cursor), look(cursor)) == (seen, found)
    cursor.execute(change)
    assert glance(cursor) != seen


def test_it_does_not_see_rows_and_what_is_known_of_them(cursor: pg.cursor) -> None:
    seen = glance(cursor)
    cursor.execute("INSERT INTO battery_pack (insert_time_utc, mcu_id) VALUES ('2026-01-01', 7)")
    cursor.execute("ANALYZE battery_pack")
    assert glance(cursor) == seen
