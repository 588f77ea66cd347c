"""Whether the hours are what the rows say, once nothing changes any more."""

import time
from contextlib import closing

from bluenova_tools.local import Database

_WAITING = "SELECT count(*) FROM battery_pack_changed_hours"
_TO_FILL = "SELECT count(*) FROM battery_pack_hours_filled WHERE filled_from > '-infinity'"
_WRONG = """
WITH wanted AS (
    SELECT made.*
    FROM (SELECT DISTINCT mcu_id, date_trunc('hour', insert_time_utc) AS hour_utc
          FROM battery_pack) AS there,
         battery_pack_hours_from_rows(mcu_id, hour_utc, hour_utc + INTERVAL '1 hour') AS made
)
SELECT mcu_id, hour_utc, stored.row_count, wanted.row_count
FROM battery_pack_hours AS stored
FULL JOIN wanted USING (mcu_id, hour_utc)
WHERE stored IS DISTINCT FROM wanted
"""


def wait_for_hours(database: Database, timeout_s: float) -> None:
    """Waits until no hour waits to be computed; who looks then finds what is left."""
    end_s = time.monotonic() + timeout_s
    while time.monotonic() < end_s and _count(database, _WAITING) + _count(database, _TO_FILL):
        time.sleep(0.25)


def wrong_hours(database: Database) -> list[str]:
    """The hours that are not what the rows say, and those that still wait."""
    with closing(database.connect()) as db, db, db.cursor() as cursor:
        cursor.execute(_WRONG)
        wrong = [
            f"{mcu_id:08X} at {hour}: {stored} rows, and there are {wanted}"
            for mcu_id, hour, stored, wanted in cursor.fetchall()
        ]
        cursor.execute("SELECT mcu_id, hour_utc FROM battery_pack_changed_hours")
        return wrong + [f"{mcu_id:08X} at {hour} waits" for mcu_id, hour in cursor.fetchall()]


def _count(database: Database, question: str) -> int:
    with closing(database.connect()) as db, db, db.cursor() as cursor:
        cursor.execute(question)
        (found,) = cursor.fetchone() or (0,)
        return int(found)
