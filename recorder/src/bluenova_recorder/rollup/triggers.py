"""The triggers that mark changed hours: on the table, and on each one that it consists of."""

import logging
from contextlib import closing
from dataclasses import dataclass

from psycopg2 import errors, sql
from psycopg2 import extensions as pg

from bluenova_recorder.account import BRIEF, Account, transaction
from bluenova_recorder.locks import BUILD_LOCK
from bluenova_shared.table import TABLE

log = logging.getLogger(__name__)

# The table, and all that it consists of.
TREE = f"""
WITH RECURSIVE tree AS (
    SELECT to_regclass('{TABLE}')::oid AS oid
    UNION
    SELECT inhrelid FROM pg_inherits JOIN tree ON inhparent = tree.oid
)
"""
# Timescale's chunks inherit, too, and hand all up to their table.
_TABLES = f"""{TREE}
SELECT c.oid::bigint, n.nspname, c.relname, c.oid = to_regclass('{TABLE}'), there.names
FROM tree
JOIN pg_class AS c ON c.oid = tree.oid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    SELECT array_agg(tgname::text) AS names FROM pg_trigger
    WHERE tgrelid = c.oid AND tgname = ANY (%s) AND NOT tgisinternal
) AS there
WHERE n.nspname NOT LIKE '\\_timescaledb%%' AND c.relkind IN ('r', 'p')
  AND coalesce(cardinality(there.names), 0) < 4
ORDER BY c.oid = to_regclass('{TABLE}'), c.oid
"""
# What each fires on, and which rows it is handed.
_ALL_AT_ONCE = {
    "insert": "REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT",
    "update": "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT",
    "delete": "REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT",
}
_EVENTS = [*_ALL_AT_ONCE, "truncate"]


@dataclass(frozen=True)
class Unmarked:
    """A table that has not all of the triggers, but only these."""

    oid: int
    schema: str
    name: str
    is_top: bool
    there: list[str] | None


def unmarked(cursor: pg.cursor) -> list[Unmarked]:
    """The tables that lack a trigger, battery_pack itself last. It only looks."""
    cursor.execute(_TABLES, [[_name(event) for event in _EVENTS]])
    return [Unmarked(*found) for found in cursor.fetchall()]


def make_all(cursor: pg.cursor) -> None:
    """Makes all of them on a table that nobody else sees yet."""
    for one in unmarked(cursor):
        _make(cursor, one, all_at_once=True)


def see_to(account: Account, missing: list[Unmarked]) -> None:
    """Makes what is missing.

    A table whose changes may have been missed gets its hours filled in anew. Raises psycopg2.Error:
    somebody is at the table, say, behind whom those who write must not wait.
    """
    # Each statement must see what was committed before it got its lock: not all one instant.
    with closing(account.connect()) as db:
        for one in missing:
            _mark(db, one)


def _mark(db: pg.connection, one: Unmarked) -> None:
    try:
        with transaction(db, BRIEF) as cursor:
            _refuse_during_a_build(cursor)
            _make(cursor, one, all_at_once=True)
    except errors.FeatureNotSupported:
        with transaction(db, BRIEF) as cursor:
            _refuse_during_a_build(cursor)
            _make(cursor, one, all_at_once=False)
    log.debug("Changes of %s mark the hours that they belong to", one.name)


def _refuse_during_a_build(cursor: pg.cursor) -> None:
    """Raises LockNotAvailable while a recorder builds an index: that would have to make way."""
    cursor.execute(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = %s "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
        [BUILD_LOCK],
    )
    if cursor.fetchone() == (True,):
        raise errors.LockNotAvailable("an index is being built")


def _make(cursor: pg.cursor, one: Unmarked, *, all_at_once: bool) -> None:
    """Makes the triggers; from their commit on nobody writes without them."""
    table = sql.Identifier(one.schema, one.name).as_string(cursor)
    for event in _EVENTS:
        if _name(event) in (one.there or ()):
            continue  # to make it anew would need the table alone
        each, function = "FOR EACH ROW", "mark_changed_row"
        if event == "truncate":
            each, function = "FOR EACH STATEMENT", "mark_truncated"
        elif all_at_once:
            each, function = _ALL_AT_ONCE[event], "mark_changed"
        cursor.execute(
            f"CREATE TRIGGER {_name(event)} AFTER {event.upper()} ON {table} {each} "
            f"EXECUTE FUNCTION {TABLE}_{function}()"
        )
    cursor.execute(f"SELECT EXISTS (SELECT FROM {table})")
    has_rows = cursor.fetchone() == (True,)
    if one.is_top or has_rows:
        # What comes into an empty table is marked; filled in, too, it would be computed twice.
        cursor.execute(
            "INSERT INTO battery_pack_hours_filled VALUES (%s, %s) "
            "ON CONFLICT (table_oid) DO UPDATE SET filled_from = excluded.filled_from",
            [one.oid, "infinity" if has_rows else "-infinity"],
        )


def _name(event: str) -> str:
    return f"{TABLE}_hours_{event}"
