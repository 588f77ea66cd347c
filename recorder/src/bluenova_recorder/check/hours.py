"""The hours (battery_pack_hours): whether they are kept, and how far behind they are."""

from psycopg2 import extensions as pg

from bluenova_recorder.check.asking import asking
from bluenova_recorder.rollup import triggers
from bluenova_recorder.rollup.fill import is_filled
from bluenova_recorder.rollup.renew import WAITS
from bluenova_shared.check.result import Findings, ago

HOURS = "hours"

# Marks are worked off within a minute or two, but after an outage there may be many.
BEHIND_S = 600.0
_MARKS = f"""
SELECT count(DISTINCT (mcu_id, hour_utc)),
       extract(epoch FROM now() - min(changed_at))::float8
FROM battery_pack_changed_hours
WHERE NOT (hour_utc <= now() AT TIME ZONE 'UTC'
           AND now() AT TIME ZONE 'UTC' < hour_utc + {WAITS.open_s} * INTERVAL '1 s')
"""
_FILLED_FROM = "SELECT min(filled_from) FROM battery_pack_hours_filled"
_TABLES = (
    "SELECT to_regclass('battery_pack_hours') IS NOT NULL "
    "AND to_regclass('battery_pack_changed_hours') IS NOT NULL "
    "AND to_regclass('battery_pack_hours_filled') IS NOT NULL"
)
_START = "The recorder keeps them: docker compose up -d recorder; its log says what it lacks"


def look_at_hours(findings: Findings, db: pg.connection) -> None:
    """Adds `hours`."""
    with asking(db, findings, HOURS) as cursor:
        cursor.execute(_TABLES)
        if cursor.fetchone() != (True,):
            findings.warning(HOURS, "their tables are not there yet", _START)
            return
        if missing := triggers.unmarked(cursor):
            names = ", ".join(one.name for one in missing)
            findings.warning(HOURS, f"changes of {names} are not marked", _START)
            return
        cursor.execute(_MARKS)
        count, late_s = cursor.fetchone() or (0, None)
        if not is_filled(cursor):
            cursor.execute(_FILLED_FROM)
            (since,) = cursor.fetchone() or (None,)
            findings.warning(
                HOURS,
                f"old rows are being filled in, newest first (back to {since} UTC)",
                f"Wait; docker compose logs recorder says how far it is. {_START}",
            )
        elif count and (late_s or 0) > BEHIND_S:
            findings.warning(HOURS, f"{count} hours wait for {ago(late_s)} to be computed", _START)
        else:
            findings.ok(HOURS, f"filled in; {count} wait to be computed anew")
