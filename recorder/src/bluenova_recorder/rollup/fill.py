"""Fills in the hours of rows that were there before the triggers, the newest first."""

from dataclasses import dataclass
from datetime import datetime

from psycopg2 import extensions as pg
from psycopg2 import sql

from bluenova_recorder.rollup.renew import HOUR, Waits, renew, runs
from bluenova_recorder.rollup.triggers import TREE
from bluenova_shared.table import TABLE

# What is done in a step: so many hours of all batteries.
BLOCK_HOURS = 6

# An archived table is nobody's any more.
_NEXT = f"""{TREE}
SELECT table_oid, nspname, relname
FROM battery_pack_hours_filled
JOIN tree ON tree.oid = table_oid
JOIN pg_class AS c ON c.oid = table_oid
JOIN pg_namespace AS n ON n.oid = relnamespace
WHERE filled_from > '-infinity'
ORDER BY table_oid
LIMIT 1
"""
# The newest and the oldest hour that are still to be filled in.
_TO_FILL = """
SELECT date_trunc('hour', max(insert_time_utc)::TIMESTAMP),
       date_trunc('hour', min(insert_time_utc)::TIMESTAMP)
FROM {table}
WHERE insert_time_utc >= '0001-01-01'
  AND insert_time_utc < (SELECT least(filled_from, '9999-01-01')
                         FROM battery_pack_hours_filled WHERE table_oid = %(oid)s)
"""
_TO_CLEAR = """
SELECT max(hour_utc), min(hour_utc) FROM battery_pack_hours
WHERE NOT rows_removed
  AND hour_utc < (SELECT filled_from FROM battery_pack_hours_filled WHERE table_oid = %(oid)s)
"""
_BATTERIES = (
    "SELECT DISTINCT mcu_id FROM {table} WHERE mcu_id IS NOT NULL "
    "AND insert_time_utc >= %(begin)s AND insert_time_utc < %(end)s"
)
_BATTERIES_WITH_HOURS = (
    "SELECT mcu_id FROM battery_pack_hours WHERE hour_utc >= %(begin)s AND hour_utc < %(end)s"
)
_OPEN = "SELECT date_trunc('hour', now() AT TIME ZONE 'UTC' - %s * INTERVAL '1 s')"


@dataclass(frozen=True)
class Filled:
    """How far back it has come, and how far it has to go; `begin` None: it is done."""

    table: str
    begin: datetime | None
    newest: datetime | None = None
    oldest: datetime | None = None


def is_filled(cursor: pg.cursor) -> bool:
    """Whether no old row is without its hour."""
    cursor.execute(_NEXT)
    return cursor.fetchone() is None


def start_anew(cursor: pg.cursor) -> None:
    """Lets all hours be computed once more."""
    cursor.execute(
        "INSERT INTO battery_pack_hours_filled VALUES (to_regclass(%s)::oid::bigint, 'infinity') "
        "ON CONFLICT (table_oid) DO UPDATE SET filled_from = 'infinity'",
        [TABLE],
    )


def fill(cursor: pg.cursor, waits: Waits, *, clear: bool = False) -> Filled | None:
    """Fills in the next hours; returns None if there is nothing to fill in.

    With `clear`, hours without any rows go. Else they stay: their rows may have been moved
    elsewhere, with the whole table or a partition.
    """
    cursor.execute(_NEXT)
    found = cursor.fetchone()
    if found is None:
        return None
    oid, schema, name = found
    table = sql.Identifier(schema, name)
    newest, oldest = _span(cursor, oid, table, clear=clear)
    if newest is None:
        _note(cursor, oid, None)
        return Filled(name, None)
    begin, end = newest - (BLOCK_HOURS - 1) * HOUR, newest + HOUR
    values = {"begin": begin, "end": end}
    batteries = sql.SQL(_BATTERIES).format(table=table)
    if clear:
        batteries += sql.SQL(" UNION " + _BATTERIES_WITH_HOURS)
    cursor.execute(sql.SQL("{} ORDER BY 1").format(batteries), values)
    hours = [begin + n * HOUR for n in range(BLOCK_HOURS)]
    _fill(cursor, [mcu_id for (mcu_id,) in cursor.fetchall()], hours, waits)
    _note(cursor, oid, begin)
    return Filled(name, begin, newest, oldest)


def _span(
    cursor: pg.cursor, oid: int, table: sql.Identifier, *, clear: bool
) -> tuple[datetime | None, datetime | None]:
    cursor.execute(sql.SQL(_TO_FILL).format(table=table), {"oid": oid})
    found = cursor.fetchall()
    if clear:
        cursor.execute(_TO_CLEAR, {"oid": oid})
        found += cursor.fetchall()
    newest = max((one for one, _ in found if one is not None), default=None)
    return newest, min((one for _, one in found if one is not None), default=None)


def _fill(cursor: pg.cursor, batteries: list[int], hours: list[datetime], waits: Waits) -> None:
    """Computes the hours; what is still open is only marked, as if its rows had just come."""
    cursor.execute(_OPEN, [max(0.0, waits.open_s - HOUR.total_seconds())])
    (open_hour,) = cursor.fetchone() or (None,)
    still_open = {open_hour, open_hour + HOUR} if waits.open_s > 0 and open_hour else set()
    for mcu_id in batteries:
        for run in runs([(mcu_id, hour) for hour in hours if hour not in still_open]):
            renew(cursor, run)
        for hour in still_open & set(hours):
            cursor.execute(
                "INSERT INTO battery_pack_changed_hours (mcu_id, hour_utc) VALUES (%s, %s)",
                [mcu_id, hour],
            )


def _note(cursor: pg.cursor, oid: int, filled_from: datetime | None) -> None:
    cursor.execute(
        "UPDATE battery_pack_hours_filled SET filled_from = coalesce(%s, '-infinity'::TIMESTAMP) "
        "WHERE table_oid = %s",
        [filled_from, oid],
    )
