"""Who else is at the table: named, so that a person can see whom to wait for."""

from psycopg2 import extensions as pg

_NAMED = """
SELECT string_agg(
    format('process %%s (%%s)', a.pid, concat_ws(', ', nullif(a.application_name, ''),
        'account ' || a.usename, 'since ' || to_char(a.xact_start AT TIME ZONE 'UTC',
        'YYYY-MM-DD HH24:MI:SS') || ' UTC')), '; ' ORDER BY a.pid)
FROM pg_stat_activity AS a
"""

# The locks of which a table bears only one at a time: VACUUM's, a concurrent build's and stronger.
_STRONG = (
    "('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', "
    "'AccessExclusiveLock')"
)

# A database that was copied has tables with the same numbers.
_HERE = "l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"


def users_of(cursor: pg.cursor, table: str) -> str:
    """Who holds a lock on the table, however weak, by name."""
    cursor.execute(
        _NAMED + "WHERE a.pid <> pg_backend_pid() AND a.pid IN (SELECT l.pid FROM pg_locks AS l "
        f"WHERE l.granted AND l.relation = to_regclass(%s) AND {_HERE})",
        [table],
    )
    return _text(cursor)


def blockers_of(cursor: pg.cursor, pid: int) -> str:
    """Whom the process waits for, by name; nobody: the empty text."""
    cursor.execute(_NAMED + "WHERE a.pid = ANY (pg_blocking_pids(%s))", [pid])
    (named,) = cursor.fetchone() or (None,)
    return named or ""


def holders_of(cursor: pg.cursor, oid: int) -> str:
    """Who builds an index, vacuums or changes the table now, by name; nobody: the empty text.

    Recorders do not count: their builds have a lock of their own, and their triggers take a moment.
    """
    cursor.execute(
        _NAMED + "WHERE a.application_name <> 'bluenova-recorder' "
        "AND a.pid IN (SELECT l.pid FROM pg_locks AS l "
        f"WHERE l.relation = %s AND {_HERE} AND l.mode IN {_STRONG})",
        [oid],
    )
    (named,) = cursor.fetchone() or (None,)
    return named or ""


def stands_in_the_way(cursor: pg.cursor, pid: int, oid: int) -> bool:
    """Whether the process is to make way for others who need the table.

    Somebody waits for it, behind whom those who read or write may wait in turn; or it waits itself
    for somebody who may come to wait for it.
    """
    cursor.execute(
        f"SELECT EXISTS (SELECT FROM pg_locks AS l WHERE relation = %(oid)s AND {_HERE} "
        "AND NOT granted AND "
        f"(pid = %(pid)s OR mode IN {_STRONG} AND %(pid)s = ANY (pg_blocking_pids(pid))))",
        {"oid": oid, "pid": pid},
    )
    return cursor.fetchone() == (True,)


def _text(cursor: pg.cursor) -> str:
    (named,) = cursor.fetchone() or (None,)
    return named or "somebody who is gone by now"
