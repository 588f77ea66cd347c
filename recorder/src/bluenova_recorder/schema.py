"""Brings the database into shape: our tables, new columns, and the unique key.

An existing table of the C program stays as it is. Where its rows hold duplicates, a partial key
keeps the rows from now on unique, and the log says how to get the whole key.
"""

import logging
import time
from datetime import UTC, datetime
from importlib import resources

import psycopg2
from psycopg2 import errors
from psycopg2 import extensions as pg

from bluenova_shared.table import COLUMNS, KEY, TABLE

log = logging.getLogger(__name__)

# Numbers that no other program locks. Two locks: the concurrent build waits for all inserts, so an
# insert must not wait for the lock that the build holds.
ADVISORY_LOCK = 0x626E_6F76
OLD_ROWS_LOCK = ADVISORY_LOCK + 1

WHOLE_KEY = f"{TABLE}_key"
PARTIAL_KEY = f"{TABLE}_key_from_"  # and the time, in seconds since 1970

_KEY = ", ".join(KEY)


def prepare(db: pg.connection) -> int | None:
    """Applies sql/ and makes the unique key, one recorder at a time.

    Returns since when the key holds, in seconds since 1970; None for always.
    """
    db.autocommit = True
    with db.cursor() as cursor:
        _lock(cursor)
        # Years of rows take a small board minutes to build a key on.
        patience = _set_patience(cursor, "0")
        try:
            _apply_sql(cursor)
            _add_new_columns(cursor)
            return _unique_key(cursor)
        finally:
            _set_patience(cursor, patience)
            cursor.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])
            db.autocommit = False


def _lock(cursor: pg.cursor) -> None:
    """Takes the lock. Raises OperationalError if another recorder has it for long.

    It asks again and again: a concurrent build waits for every statement that waits for a lock, and
    that would be a deadlock.
    """
    for _ in range(50):
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY_LOCK])
        if cursor.fetchone() == (True,):
            return
        time.sleep(0.2)
    raise psycopg2.OperationalError("another recorder is bringing the table into shape")


def _set_patience(cursor: pg.cursor, timeout: str) -> str:
    """How long a statement may take from now on; returns how long it could before."""
    cursor.execute("SHOW statement_timeout")
    (before,) = cursor.fetchone() or ("0",)
    cursor.execute("SELECT set_config('statement_timeout', %s, false)", [timeout])
    return str(before)


def _apply_sql(cursor: pg.cursor) -> None:
    files = resources.files("bluenova_recorder") / "sql"
    for file in sorted(files.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".sql"):
            cursor.execute(file.read_text(encoding="utf-8"))


def _add_new_columns(cursor: pg.cursor) -> None:
    cursor.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND NOT attisdropped",
        [TABLE],
    )
    there = {name for (name,) in cursor.fetchall()}
    for column in COLUMNS:
        if column.name not in there:
            log.info("Adding the column %s to %s", column.name, TABLE)
            cursor.execute(f"ALTER TABLE {TABLE} ADD COLUMN {column.name} {column.sql_type}")


def _unique_key(cursor: pg.cursor) -> int | None:
    ours = _our_keys(cursor)
    if WHOLE_KEY in ours or _other_key(cursor):
        return None
    partial = next((name for name in ours if name.startswith(PARTIAL_KEY)), None)
    try:
        _build(cursor, WHOLE_KEY)
    except errors.UniqueViolation:
        return _keep_new_rows_unique(cursor, partial)
    if partial is not None:
        cursor.execute(f"DROP INDEX {partial}")
    log.info("%s has a unique key on (%s)", TABLE, _KEY)
    return None


def _keep_new_rows_unique(cursor: pg.cursor, partial: str | None) -> int:
    """Says which duplicates there are, and sees to it that there will be no more."""
    cursor.execute(
        f"SELECT count(*), max(insert_time_utc), extract(epoch FROM greatest("
        f"date_trunc('second', now() AT TIME ZONE 'UTC'), max(insert_time_utc)))::bigint + 1 "
        f"FROM (SELECT {_KEY} FROM {TABLE} WHERE mcu_id IS NOT NULL AND insert_time_utc IS NOT NULL"
        f" GROUP BY {_KEY} HAVING count(*) > 1) AS duplicated"
    )
    duplicated, newest, from_s = cursor.fetchone() or (0, None, 0)
    if partial is None:
        partial = f"{PARTIAL_KEY}{from_s}"
        start = datetime.fromtimestamp(from_s, UTC).replace(tzinfo=None)
        _build(cursor, partial, f"WHERE insert_time_utc >= TIMESTAMP '{start}'")
    from_s = int(partial.removeprefix(PARTIAL_KEY))
    log.warning(
        "%s holds more than one row for %d pairs of (%s), the newest at %s. Nothing was deleted, "
        "and recording goes on: rows from %s on are kept unique. docs/migrating.md tells how to "
        "find and remove the duplicates; after that the next start makes the whole key.",
        *(TABLE, duplicated, _KEY, newest, datetime.fromtimestamp(from_s, UTC)),
    )
    return from_s


def _our_keys(cursor: pg.cursor) -> list[str]:
    """The names of our keys that are valid; a build that failed leaves an invalid one: dropped."""
    cursor.execute(
        "SELECT relname, indisvalid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid "
        "WHERE indrelid = %s::regclass AND (relname = %s OR starts_with(relname, %s))",
        [TABLE, WHOLE_KEY, PARTIAL_KEY],
    )
    found = cursor.fetchall()
    for name, valid in found:
        if not valid:
            cursor.execute(f"DROP INDEX {name}")
    return [name for name, valid in found if valid]


def _other_key(cursor: pg.cursor) -> bool:
    """Whether the user has a unique key on the same columns already."""
    cursor.execute(
        "SELECT array_agg(attname::text) FROM pg_index "
        "JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey) "
        "WHERE indrelid = %s::regclass AND indisunique AND indisvalid AND indimmediate "
        "AND indpred IS NULL AND indexprs IS NULL GROUP BY indexrelid",
        [TABLE],
    )
    return any(set(columns) == set(KEY) for (columns,) in cursor.fetchall())


def _build(cursor: pg.cursor, name: str, where: str = "") -> None:
    """Makes a unique key without stopping those who write. Raises UniqueViolation."""
    made = f"{name} ON {TABLE} ({_KEY}) {where}"
    try:
        cursor.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {made}")
    except errors.FeatureNotSupported:  # a hypertable or a partitioned table
        cursor.execute(f"CREATE UNIQUE INDEX {made}")
    except psycopg2.Error:
        cursor.execute(f"DROP INDEX IF EXISTS {name}")
        raise
