"""The rows of a recorder's table, counted from outside."""

from datetime import UTC, datetime

from psycopg2.extensions import connection

from bluenova_shared.snapshot import Snapshot
from bluenova_shared.table import TABLE, row

_EVER = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def count_rows(db: connection, first: datetime = _EVER[0], end: datetime = _EVER[1]) -> int:
    """How many rows there are from `first` on, before `end`."""
    between = [one.astimezone(UTC).replace(tzinfo=None) for one in (first, end)]
    with db, db.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM {TABLE} WHERE insert_time_utc >= %s AND insert_time_utc < %s",
            between,
        )
        (count,) = cursor.fetchone() or (0,)
    return int(count)


def is_there(db: connection, snapshot: Snapshot) -> bool:
    """Whether the table has its row: by the key, which takes next to nothing."""
    time, mcu_id, *_ = row(snapshot)
    with db, db.cursor() as cursor:
        cursor.execute(
            f"SELECT FROM {TABLE} WHERE mcu_id = %s AND insert_time_utc = %s", [mcu_id, time]
        )
        return cursor.rowcount > 0
