"""Who is in the way at our tables, by name."""

from psycopg2 import extensions as pg

from bluenova_recorder.check.asking import asking
from bluenova_recorder.others import blockers_of, holders_of
from bluenova_recorder.table_state import TableState
from bluenova_shared.check.result import Findings, ago
from bluenova_shared.table import TABLE

BLOCKERS = "database blockers"

_NO_ROWS, _NO_HOURS = "no row can be written", "no hours are kept meanwhile"
_NO_OLD_HOURS = "old rows get no hours meanwhile"
# Our tables, and what a lock on each of them stops. Writing a row marks its hour, too.
_STOPS = {
    TABLE: _NO_ROWS,
    f"{TABLE}_changed_hours": _NO_ROWS,
    f"{TABLE}_events": "no event can be written",
    f"{TABLE}_rejected": "nothing that is rejected can be kept",
    f"{TABLE}_hours": _NO_HOURS,
    f"{TABLE}_hour_facts": _NO_HOURS,
    f"{TABLE}_days": _NO_HOURS,
    f"{TABLE}_hours_filled": _NO_OLD_HOURS,
}
# Locks with which nobody else can write a row; and of those, the one with which nobody can read.
_AGAINST_ROWS = "('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"
_HERE = "l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
_BLOCKING = f"""
SELECT a.pid, coalesce(nullif(a.application_name, ''), 'a program'), a.usename,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8,
       array_agg(DISTINCT ours.name),
       bool_or(l.mode = 'AccessExclusiveLock' AND ours.name = '{TABLE}')
FROM unnest(%s) AS ours (name) JOIN pg_locks AS l ON l.relation = to_regclass(ours.name)
JOIN pg_stat_activity AS a ON a.pid = l.pid
WHERE {_HERE} AND l.granted AND l.mode IN {_AGAINST_ROWS} AND a.pid <> pg_backend_pid()
GROUP BY 1, 2, 3, a.xact_start ORDER BY a.xact_start
"""
_WAITING = f"""
SELECT count(DISTINCT l.pid)
FROM unnest(%s) AS ours (name) JOIN pg_locks AS l ON l.relation = to_regclass(ours.name)
WHERE {_HERE} AND NOT l.granted
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
        cursor.execute(_BLOCKING, [list(_STOPS)])
        blocking = cursor.fetchall()
        readable = not any(one[-1] for one in blocking)
        if blocking:
            cursor.execute(_WAITING, [list(_STOPS)])
            (waiting,) = cursor.fetchone() or (0,)
            stopped = {_STOPS[name] for one in blocking for name in one[4]}
            goes_on = stopped <= {_NO_HOURS, _NO_OLD_HOURS}
            add = findings.warning if goes_on else findings.wrong
            ends = "; ".join(f"SELECT pg_terminate_backend({one[0]})" for one in blocking)
            add(
                BLOCKERS,
                "; ".join(_told(*one[:5]) for one in blocking)
                + "; recording goes on" * goes_on
                + f"; {waiting} wait",
                f"Wait until it ends, or end it: {ends}",
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


def _told(pid: int, program: str, account: str, lasts_s: float | None, tables: list[str]) -> str:
    """Who has which tables locked for how long, and what that stops."""
    names = [name for name in _STOPS if name in tables]
    stopped = " and ".join(dict.fromkeys(_STOPS[name] for name in names))
    return (
        f"process {pid} ({program}, account {account}) has {', '.join(names)} locked for "
        f"{ago(lasts_s or 0)}: {stopped}"
    )


def _before_the_build(cursor: pg.cursor, state: TableState) -> str:
    """Whom the build of an index waits for, by name: a backup, say; nobody: the empty text."""
    cursor.execute("SELECT to_regclass('pg_stat_progress_create_index') IS NOT NULL")
    if cursor.fetchone() != (True,):
        return ""
    cursor.execute(_BUILD, [state.oid])
    found = cursor.fetchone()
    return "" if found is None else blockers_of(cursor, found[0])
