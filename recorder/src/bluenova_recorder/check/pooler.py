"""Whether a pooler stands before the database, and in which mode."""

import contextlib
import threading
from contextlib import closing

import psycopg2
from psycopg2 import extensions as pg

from bluenova_recorder.account import Account, is_pooled
from bluenova_recorder.table_state import TableState
from bluenova_shared.check.result import Findings

POOLER = "database pooler"
# A pool of one connection has no second one in session mode.
ANOTHER_WITHIN_S = 1.0


def look_at_pooler(
    findings: Findings, db: pg.connection, account: Account, state: TableState | None
) -> None:
    """Adds `database pooler`."""
    try:
        if not is_pooled(db):
            findings.ok(POOLER, "none: this is PostgreSQL itself")
            return
        mode = _mode(db, account)
    except psycopg2.Error as error:
        findings.skipped(POOLER, f"there is no telling ({error})")
        return
    if state is not None and state.can_have_key and not state.has_whole_key:
        findings.warning(
            POOLER,
            f"{mode}: the unique key of a big table cannot be built through it",
            "Let the recorder start once with PGHOST and PGPORT of PostgreSQL itself",
        )
    else:
        findings.ok(POOLER, f"{mode}, which does")


def _mode(db: pg.connection, account: Account) -> str:
    """A session that is ours keeps its server process; a transaction leaves it to the next one."""
    ours, theirs = _server_of(db), list[int]()

    def ask_another() -> None:
        with contextlib.suppress(psycopg2.Error), closing(account.connect()) as other:
            theirs.append(_server_of(other))

    thread = threading.Thread(target=ask_another, name="pooler", daemon=True)
    thread.start()
    thread.join(ANOTHER_WITHIN_S)
    return "one in transaction mode" if theirs == [ours] else "one in session mode"


def _server_of(db: pg.connection) -> int:
    with db, db.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone() or (0,)
        return int(pid)
