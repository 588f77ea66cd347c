"""The rows: how new they are, how many, how fast they grow; and the two clocks."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from psycopg2 import extensions as pg

from bluenova_recorder.check.asking import asking
from bluenova_recorder.check.known import Known
from bluenova_recorder.rollup.triggers import TREE
from bluenova_recorder.table_state import TableState
from bluenova_shared.check.result import Findings, ago, size
from bluenova_shared.table import TABLE

CLOCK, NEWEST, SIZE = "database clock", "newest rows", "table's size"

DAY_S = 86400.0
# Of this age a battery may be gone for good.
GONE_S = 7 * DAY_S
LATE_S = 60.0
# Rows may be of that many seconds from now on; what is later says nothing of when it came.
AHEAD_S = 2.0
# How far two clocks may be apart, in seconds.
APART_S, FAR_APART_S = 3.0, 60.0
_SET_CLOCK = "Set both clocks: sudo timedatectl set-ntp true, here and at the database"

_SOON = f"now() AT TIME ZONE 'UTC' + {AHEAD_S} * INTERVAL '1 s'"
# Each battery's newest row of all, and that which is not in the future, found one after another in
# the key: see sql/020_latest.sql. With the battery's interval, as its collector told it last.
_NEWEST = f"""
WITH RECURSIVE batteries AS (
    (SELECT mcu_id FROM {TABLE} WHERE mcu_id IS NOT NULL ORDER BY mcu_id LIMIT 1)
    UNION ALL
    SELECT (SELECT pack.mcu_id FROM {TABLE} AS pack
            WHERE pack.mcu_id > batteries.mcu_id ORDER BY pack.mcu_id LIMIT 1)
    FROM batteries WHERE batteries.mcu_id IS NOT NULL
)
SELECT mcu_id,
       extract(epoch FROM now())::float8 - extract(epoch FROM newest.time)::float8,
       extract(epoch FROM now())::float8 - extract(epoch FROM past.time)::float8,
       coalesce((SELECT interval_s FROM {TABLE}_events AS told
                 WHERE told.mcu_id = batteries.mcu_id
                 ORDER BY event_time_utc DESC LIMIT 1), 10)
FROM batteries
CROSS JOIN LATERAL (
    SELECT insert_time_utc AS time, pack.mcu_id AS of FROM {TABLE} AS pack
    WHERE (pack.mcu_id, insert_time_utc) <= (batteries.mcu_id, 'infinity')
    ORDER BY pack.mcu_id DESC, insert_time_utc DESC LIMIT 1
) AS newest
LEFT JOIN LATERAL (
    SELECT insert_time_utc AS time, pack.mcu_id AS of FROM {TABLE} AS pack
    WHERE (pack.mcu_id, insert_time_utc) <= (batteries.mcu_id, {_SOON})
    ORDER BY pack.mcu_id DESC, insert_time_utc DESC LIMIT 1
) AS past ON past.of = batteries.mcu_id AND past.time > '-infinity'
WHERE newest.of = batteries.mcu_id
"""
# Without that key: of the last days alone, by the index on the time.
_RECENT = f"""
SELECT mcu_id,
       extract(epoch FROM now())::float8 - extract(epoch FROM max(insert_time_utc))::float8,
       extract(epoch FROM now())::float8 - extract(epoch FROM
           max(insert_time_utc) FILTER (WHERE insert_time_utc <= {_SOON}))::float8,
       10
FROM {TABLE}
WHERE mcu_id IS NOT NULL AND insert_time_utc >= now() AT TIME ZONE 'UTC' - INTERVAL '7 days'
GROUP BY 1
"""
# A table's own partitions or chunks have the bytes; the hours know how many rows a day brought.
_SIZE = f"""{TREE}
SELECT (SELECT sum(pg_total_relation_size(oid)) FROM tree WHERE oid IS NOT NULL)::float8,
       (SELECT sum(greatest(reltuples, 0)) FROM tree JOIN pg_class AS c ON c.oid = tree.oid
        WHERE c.relkind = 'r')::float8,
       pg_database_size(current_database())::float8
"""
_DAY = """
SELECT coalesce(sum(row_count), 0)::float8 FROM battery_pack_hours
WHERE hour_utc >= now() AT TIME ZONE 'UTC' - INTERVAL '25 hours'
  AND hour_utc < now() AT TIME ZONE 'UTC' - INTERVAL '1 hour'
"""


@dataclass(frozen=True, order=True)
class _Battery:
    """The age of its newest row, and of the newest that is not in the future, if there is one.

    It is late if that is more than `late_s`; all in seconds.
    """

    name: str
    newest_s: float
    past_s: float | None
    late_s: float


def look_at_clock(findings: Findings, db: pg.connection, wall: Callable[[], float]) -> None:
    """Adds `database clock`: how far the database's is ahead of ours, by `wall`."""
    with asking(db, findings, CLOCK) as cursor:
        before_s = wall()
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        (theirs_s,) = cursor.fetchone() or (0.0,)
        apart_s = theirs_s - (before_s + wall()) / 2
        found = f"{abs(apart_s):.1f} s {'ahead of' if apart_s > 0 else 'behind'} ours"
        if abs(apart_s) >= FAR_APART_S:
            findings.wrong(CLOCK, f"it is {found}: one of the two is wrong", _SET_CLOCK)
        elif abs(apart_s) >= APART_S:
            findings.warning(CLOCK, f"it is {found}", _SET_CLOCK)
        else:
            findings.ok(CLOCK, found)


def look_at_newest(findings: Findings, db: pg.connection, state: TableState, known: Known) -> None:
    """Adds `newest rows`, and takes note of whether they are fresh."""
    with asking(db, findings, NEWEST) as cursor:
        cursor.execute(_NEWEST if state.has_whole_key else _RECENT)
        rows = cursor.fetchall()
        if not rows:
            since = "yet" if state.has_whole_key else "of the last 7 days"
            findings.warning(NEWEST, f"there is none {since}", "See: snapshots")
            return
        batteries = [
            _Battery(f"{mcu_id & 0xFFFFFFFF:08X}", newest_s, past_s, 2 * step_s + LATE_S)
            for mcu_id, newest_s, past_s, step_s in rows
        ]
        aged = sorted((max(one.past_s, 0), one) for one in batteries if one.past_s is not None)
        if aged:
            age_s, newest = aged[0]
            known.newest = f"the newest row is {ago(age_s)} old"
            known.is_fresh = age_s <= newest.late_s
        else:
            known.newest = "no row has a time that is past"
        early = min(batteries, key=lambda one: one.newest_s)
        late = [(age_s, one) for age_s, one in aged if one.late_s < age_s < GONE_S]
        if early.newest_s < -AHEAD_S:
            _add_early(findings, early)
        elif not aged:
            findings.warning(NEWEST, known.newest, "See: snapshots")
        elif late:
            told = ", ".join(f"{one.name} {ago(age_s)}" for age_s, one in late[:5])
            findings.warning(
                NEWEST,
                f"of {len(batteries)} batteries, {len(late)} gave none of late: {told} ago",
                "See its collector: docker compose exec collector bluenova-collector check",
            )
        else:
            of_many = f" of {len(batteries)} batteries" if len(batteries) > 1 else ""
            findings.ok(NEWEST, f"{newest.name}{of_many}, {ago(age_s)} ago")


def _add_early(findings: Findings, battery: _Battery) -> None:
    """Its newest row is in the future: a little may be two clocks, much gets rows rejected."""
    if battery.newest_s == -math.inf:
        findings.wrong(
            NEWEST,
            f"that of {battery.name} has the time infinity, which no collector gives",
            f"If nobody needs it: DELETE FROM {TABLE} WHERE insert_time_utc = 'infinity'",
        )
        return
    add = findings.wrong if battery.newest_s < -LATE_S else findings.warning
    add(
        NEWEST,
        f"that of {battery.name} is {ago(-battery.newest_s)} in the future",
        "Set the clock of that battery's collector (or the database's, if it is behind): "
        "sudo timedatectl set-ntp true. What comes until then may be rejected",
    )


def look_at_size(findings: Findings, db: pg.connection) -> None:
    """Adds `table's size`, and how much a day adds."""
    with asking(db, findings, SIZE) as cursor:
        cursor.execute(_SIZE)
        total, rows, database = cursor.fetchone() or (0.0, 0.0, 0.0)
        found = f"{size(total or 0)} of the database's {size(database or 0)}"
        cursor.execute("SELECT to_regclass('battery_pack_hours') IS NOT NULL")
        if rows and cursor.fetchone() == (True,):
            cursor.execute(_DAY)
            (a_day,) = cursor.fetchone() or (0.0,)
            found += f"; it grows by {size(a_day * total / rows)} a day ({a_day:,.0f} rows)"
        findings.ok(SIZE, found)
