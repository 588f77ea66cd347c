"""Computes hours anew from their rows, and does what was marked."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg2 import extensions as pg

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
# As much as this is done in a step: about 0.1 s of work.
HOURS_IN_STEP = 24

# What has just been marked is likely to be marked again; the open hour is, until it is over.
_MARKED = """
SELECT mcu_id, hour_utc
FROM battery_pack_changed_hours
GROUP BY mcu_id, hour_utc
HAVING (max(changed_at) < now() - %(quiet_s)s * INTERVAL '1 s'
        OR min(changed_at) < now() - %(late_s)s * INTERVAL '1 s')
   AND NOT (hour_utc <= now() AT TIME ZONE 'UTC'
            AND now() AT TIME ZONE 'UTC' < hour_utc + %(open_s)s * INTERVAL '1 s')
ORDER BY mcu_id, hour_utc
LIMIT %(hours)s
"""
_OLD = (
    "DELETE FROM battery_pack_hours WHERE mcu_id = %(mcu_id)s "
    "AND hour_utc >= %(begin)s AND hour_utc < %(end)s AND NOT rows_removed"
)
_NEW = (
    "INSERT INTO battery_pack_hours "
    "SELECT * FROM battery_pack_hours_from_rows(%(mcu_id)s, %(begin)s, %(end)s) "
    "RETURNING first_time, last_time"
)
# The nearest hours on both sides. What lies between them and has no hour yet has a mark.
_BEFORE = (
    "SELECT hour_utc, last_time, time_after, rows_removed FROM battery_pack_hours "
    "WHERE mcu_id = %s AND hour_utc < %s AND hour_utc >= %s ORDER BY hour_utc DESC LIMIT 1"
)
_AFTER = (
    "SELECT hour_utc, first_time, time_before, rows_removed FROM battery_pack_hours "
    "WHERE mcu_id = %s AND hour_utc >= %s AND hour_utc <= %s ORDER BY hour_utc LIMIT 1"
)


@dataclass(frozen=True)
class Waits:
    """When a marked hour is computed, in seconds.

    It is when nothing has marked it for `quiet_s`, or when it has waited for `late_s`. An hour is
    open for `open_s` after it began: then the next hour's first row is likely to be there, too.
    """

    quiet_s: float = 5.0
    late_s: float = 60.0
    open_s: float = 3660.0


WAITS = Waits()


@dataclass(frozen=True)
class Run:
    """Hours of one battery in a row, from `begin` until `end`."""

    mcu_id: int
    begin: datetime
    end: datetime


def runs(hours: Iterable[tuple[int, datetime]]) -> list[Run]:
    """The hours, in their order, put together to as few runs as there can be."""
    found: list[Run] = []
    for mcu_id, hour in hours:
        if found and (found[-1].mcu_id, found[-1].end) == (mcu_id, hour):
            found[-1] = Run(mcu_id, found[-1].begin, hour + HOUR)
        else:
            found.append(Run(mcu_id, hour, hour + HOUR))
    return found


def renew_marked(cursor: pg.cursor, waits: Waits) -> int:
    """Does the next hours that are marked, and takes their marks; returns how many there were.

    A mark that is made meanwhile is not seen, and stays.
    """
    cursor.execute(
        _MARKED,
        {
            "quiet_s": waits.quiet_s,
            "late_s": waits.late_s,
            "open_s": waits.open_s,
            "hours": HOURS_IN_STEP,
        },
    )
    hours = cursor.fetchall()
    for run in runs(hours):
        cursor.execute(
            "DELETE FROM battery_pack_changed_hours "
            "WHERE mcu_id = %s AND hour_utc >= %s AND hour_utc < %s",
            [run.mcu_id, run.begin, run.end],
        )
        renew(cursor, run)
    return len(hours)


def renew(cursor: pg.cursor, run: Run) -> None:
    """Computes the hours anew, and those beside them that have another neighbour now."""
    edges = _replace(cursor, run)
    first, last = (edges[0][0], edges[-1][1]) if edges else (None, None)
    cursor.execute(_BEFORE, [run.mcu_id, run.begin, run.begin - DAY - HOUR])
    _see_to_neighbour(cursor, run.mcu_id, first)
    cursor.execute(_AFTER, [run.mcu_id, run.end, run.end + DAY])
    _see_to_neighbour(cursor, run.mcu_id, last)


def _replace(cursor: pg.cursor, run: Run) -> list[tuple[datetime, datetime]]:
    """Returns the first and last time of each hour that has rows."""
    values = {"mcu_id": run.mcu_id, "begin": run.begin, "end": run.end}
    cursor.execute(_OLD, values)
    cursor.execute(_NEW, values)
    return sorted(cursor.fetchall())


def _see_to_neighbour(cursor: pg.cursor, mcu_id: int, nearest: datetime | None) -> None:
    """Computes the hour that was just found if its nearest row across the border is another one.

    Without any row in between there is no telling.
    """
    found = cursor.fetchone()
    if found is None:
        return
    hour, edge, known, rows_removed = found
    is_far = nearest is not None and abs(nearest - edge) > DAY
    if not rows_removed and (nearest is None or known != (None if is_far else nearest)):
        _replace(cursor, Run(mcu_id, hour, hour + HOUR))
