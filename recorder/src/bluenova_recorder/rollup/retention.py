"""Removes rows that are older than KEEP_RAW_DAYS, once their hours are as they are to stay."""

from datetime import datetime, timedelta

from psycopg2 import extensions as pg

from bluenova_recorder.rollup.fill import is_filled
from bluenova_recorder.rollup.renew import HOUR
from bluenova_shared.table import TABLE

# What is removed in a step: so many hours of all batteries.
BLOCK_HOURS = 6

_OLDEST = f"""
SELECT date_trunc('hour', min(insert_time_utc)::TIMESTAMP),
       date_trunc('hour', now() AT TIME ZONE 'UTC' - %(days)s * INTERVAL '1 day')
FROM {TABLE}
WHERE insert_time_utc >= coalesce(%(after)s, '0001-01-01'::TIMESTAMP)
"""
_HOURS = f"""
SELECT mcu_id, hour_utc
FROM (SELECT DISTINCT mcu_id, date_trunc('hour', insert_time_utc::TIMESTAMP) AS hour_utc
      FROM {TABLE}
      WHERE insert_time_utc >= %(begin)s AND insert_time_utc < %(end)s) AS there
JOIN battery_pack_hours USING (mcu_id, hour_utc)
WHERE NOT EXISTS (SELECT FROM battery_pack_changed_hours AS changed
                  WHERE (changed.mcu_id, changed.hour_utc) = (there.mcu_id, there.hour_utc))
ORDER BY mcu_id, hour_utc
"""


class Retention:
    """Goes from the oldest rows to the newest ones that are to go, again and again."""

    def __init__(self, keep_days: int) -> None:
        self._keep_days = keep_days
        self._after: datetime | None = None
        self.removed = 0

    def remove(self, cursor: pg.cursor) -> bool:
        """Removes the rows of the next hours; returns whether there may be more to remove.

        Rows stay if their hour is marked, or is not there; their turn comes with the next round.
        A row that comes meanwhile is not seen, and stays: it is late.
        """
        if not is_filled(cursor):
            return False
        cursor.execute(_OLDEST, {"after": self._after, "days": self._keep_days})
        begin, end = cursor.fetchone() or (None, None)
        if begin is None or begin >= end:
            self._after = None
            return False
        until = min(begin + BLOCK_HOURS * HOUR, end)
        cursor.execute(_HOURS, {"begin": begin, "end": until})
        # Only for this transaction, and for the triggers that would mark the hours.
        hours = cursor.fetchall()
        cursor.execute("SELECT set_config('bluenova.removes_rows', 'on', true)")
        for mcu_id, hour in hours:
            self.removed += _remove(cursor, mcu_id, hour)
        self._after = until
        return True


def _remove(cursor: pg.cursor, mcu_id: int, hour: datetime) -> int:
    cursor.execute(
        "UPDATE battery_pack_hours SET rows_removed = true "
        "WHERE mcu_id = %s AND hour_utc = %s AND NOT rows_removed",
        [mcu_id, hour],
    )
    cursor.execute(
        f"DELETE FROM {TABLE} WHERE mcu_id = %s AND insert_time_utc >= %s AND insert_time_utc < %s",
        [mcu_id, hour, hour + timedelta(hours=1)],
    )
    return cursor.rowcount
