"""Who else is at the table: named, so that a person can see whom to wait for."""

from psycopg2 import extensions as pg

_NAMED = """
SELECT string_agg(
    format('process %%s (%%s)', a.pid, concat_ws(', ', nullif(a.application_name, ''),
        'account ' || a.usename, 'since ' || to_char(a.xact_start AT TIME ZONE 'UTC',
        'YYYY-MM-DD HH24:MI:SS') || ' UTC')), '; ' ORDER BY a.pid)
FROM pg_stat_activity AS a
"""


def users_of(cursor: pg.cursor, table: str) -> str:
    """Who holds a lock on the table, however weak, by name."""
    cursor.execute(
        _NAMED + "WHERE a.pid <> pg_backend_pid() AND a.pid IN (SELECT l.pid FROM pg_locks AS l "
        "WHERE l.granted AND l.relation = to_regclass(%s))",
        [table],
    )
    return _text(cursor)


def blockers_of(cursor: pg.cursor, pid: int) -> str:
    """Whom the process waits for, by name; nobody: the empty text."""
    cursor.execute(_NAMED + "WHERE a.pid = ANY (pg_blocking_pids(%s))", [pid])
    (named,) = cursor.fetchone() or (None,)
    return named or ""


def stands_in_the_way(cursor: pg.cursor, pid: int, oid: int) -> bool:
    """Whether somebody waits for the process, behind whom those who read or write wait in turn."""
    cursor.execute(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = %s AND NOT granted AND mode IN "
        "('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock') "
        "AND %s = ANY (pg_blocking_pids(pid)))",
        [oid, pid],
    )
    return cursor.fetchone() == (True,)


def _text(cursor: pg.cursor) -> str:
    (named,) = cursor.fetchone() or (None,)
    return named or "somebody who is gone by now"
