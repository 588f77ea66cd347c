"""Who is in the way at the table, by name."""

from psycopg2 import extensions as pg

from bluenova_recorder.check.asking import asking
from bluenova_recorder.others import blockers_of, holders_of
from bluenova_recorder.table_state import TableState
from bluenova_shared.check.result import Findings, ago
from bluenova_shared.table import TABLE

BLOCKERS = "database blockers"

# Locks with which nobody else can write a row; and of those, the one with which nobody can read.
_AGAINST_ROWS = "('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"
_HERE = "l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
_BLOCKING = f"""
SELECT a.pid, coalesce(nullif(a.application_name, ''), 'a program'), a.usename,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8,
       bool_or(l.mode = 'AccessExclusiveLock')
FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
WHERE l.relation = %s AND {_HERE} AND l.granted AND l.mode IN {_AGAINST_ROWS}
  AND a.pid <> pg_backend_pid()
GROUP BY 1, 2, 3, 4 ORDER BY 4 DESC
"""
_WAITING = f"""
SELECT count(*) FROM pg_locks AS l WHERE l.relation = %s AND {_HERE} AND NOT l.granted
"""
# Not in PostgreSQL 11.
_BUILD = """
SELECT pid FROM pg_stat_progress_create_index
WHERE relid = %s AND datname = current_database() LIMIT 1
"""


def look_at_blockers(findings: Findings, db: pg.connection, state: TableState) -> bool:
    """Adds `database blockers`; false if the table cannot be read now."""
    readable = True
    with asking(db, findings, BLOCKERS) as cursor:
        cursor.execute(_WAITING, [state.oid])
        (waiting,) = cursor.fetchone() or (0,)
        cursor.execute(_BLOCKING, [state.oid])
        blocking = cursor.fetchall()
        if blocking:
            pid, program, account, lasts_s, _ = blocking[0]
            readable = not any(one[-1] for one in blocking)
            findings.wrong(
                BLOCKERS,
                f"process {pid} ({program}, account {account}) has {TABLE} locked for "
                f"{ago(lasts_s or 0)}: no row can be written, {waiting} wait",
                f"Wait until it ends, or end it: SELECT pg_terminate_backend({pid})",
            )
        elif before := _before_the_build(cursor, state):
            findings.warning(
                BLOCKERS,
                f"an index is being built, and waits for {before}",
                "Wait until that ends, or end it: SELECT pg_terminate_backend(ITS NUMBER)",
            )
        elif holders := holders_of(cursor, state.oid):
            findings.ok(BLOCKERS, f"none; an index or a VACUUM is at work: {holders}")
        else:
            findings.ok(BLOCKERS, "nobody is in the way")
    return readable


def _before_the_build(cursor: pg.cursor, state: TableState) -> str:
    """Whom the build of an index waits for, by name: a backup, say; nobody: the empty text."""
    cursor.execute("SELECT to_regclass('pg_stat_progress_create_index') IS NOT NULL")
    if cursor.fetchone() != (True,):
        return ""
    cursor.execute(_BUILD, [state.oid])
    found = cursor.fetchone()
    return "" if found is None else blockers_of(cursor, found[0])
