"""Makes what recording cannot do without: the tables, and columns that are new.

It looks first, and does nothing if nothing is missing. An existing table of the C program stays as
it is. What can wait (the unique key of an old table, a changed view) is housekeeping.
"""

import logging
import time
from collections.abc import Callable

import psycopg2
from psycopg2 import errors
from psycopg2 import extensions as pg

from bluenova_recorder.account import BRIEF, transaction
from bluenova_recorder.locks import TABLES_LOCK
from bluenova_recorder.look import look, names_taken
from bluenova_recorder.others import users_of
from bluenova_recorder.rollup.triggers import make_all
from bluenova_recorder.sql_files import sql_files, with_missing
from bluenova_recorder.table_state import TIME_INDEX, WHOLE_KEY, free_name
from bluenova_shared.table import COLUMNS, KEY, TABLE

log = logging.getLogger(__name__)

_ATTEMPTS = 50
_PAUSE_S = 0.2


def prepare(db: pg.connection) -> None:
    """Makes the tables and columns that are missing, one recorder at a time.

    Raises psycopg2.Error if that cannot be done now.
    """
    for _ in range(_ATTEMPTS):
        with transaction(db, BRIEF) as cursor:
            if not _lacks(cursor):
                return
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [TABLES_LOCK])
            if cursor.fetchone() == (True,):
                _make_missing(cursor)
                return
        time.sleep(_PAUSE_S)
    raise psycopg2.OperationalError("another recorder is making the tables")


def _lacks(cursor: pg.cursor) -> bool:
    """Whether anything is missing. It only looks."""
    needed = [file for file in sql_files() if file.is_needed]
    return bool(with_missing(cursor, needed) or _missing_columns(cursor) or _lacks_marks(cursor))


def _lacks_marks(cursor: pg.cursor) -> bool:
    """Whether somebody dropped the table that the triggers write into: all who write fail then."""
    cursor.execute(
        "SELECT to_regproc('battery_pack_mark_changed') IS NOT NULL "
        "AND to_regclass('battery_pack_changed_hours') IS NULL"
    )
    return cursor.fetchone() == (True,)


def _make_missing(cursor: pg.cursor) -> None:
    had_table = look(cursor) is not None
    for file in with_missing(cursor, sql_files()):
        if file.is_needed:
            file.run(cursor)
        else:
            _try(cursor, file.run)
    if not had_table:
        _index_new_table(cursor)
        # Now, as all rows that come before the triggers must be looked for later.
        _try(cursor, make_all)
    for name, sql_type in _missing_columns(cursor):
        log.info("Adding the column %s to %s", name, TABLE)
        try:
            cursor.execute(f"ALTER TABLE {TABLE} ADD COLUMN {name} {sql_type}")
        except errors.LockNotAvailable:
            cursor.connection.rollback()
            raise psycopg2.OperationalError(
                f"{TABLE} needs the new column {name}, and is in use by {users_of(cursor, TABLE)}"
            ) from None


def _try(cursor: pg.cursor, make: Callable[[pg.cursor], object]) -> None:
    """Makes what is tried again later, by who says then why it cannot be."""
    cursor.execute("SAVEPOINT before")
    try:
        make(cursor)
    except psycopg2.Error:
        cursor.execute("ROLLBACK TO before")


def _index_new_table(cursor: pg.cursor) -> None:
    """Nobody else sees the table yet, so this keeps nobody waiting.

    An archived table may have kept the indexes' names.
    """
    state = look(cursor)
    if state is None or state.kind != "r":
        return
    taken = names_taken(cursor, state.schema)
    if not state.has_time_index:
        cursor.execute(f"CREATE INDEX {free_name(TIME_INDEX, taken)} ON {TABLE} (insert_time_utc)")
    name = free_name(WHOLE_KEY, taken)
    cursor.execute(f"CREATE UNIQUE INDEX {name} ON {TABLE} ({', '.join(KEY)})")
    log.info("%s has a unique key on (%s)", TABLE, ", ".join(KEY))


def _missing_columns(cursor: pg.cursor) -> list[tuple[str, str]]:
    cursor.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND NOT attisdropped",
        [TABLE],
    )
    there = {name for (name,) in cursor.fetchall()}
    if not there:
        return []  # the table itself is missing
    return [(column.name, column.sql_type) for column in COLUMNS if column.name not in there]
