"""Runs what takes long beside those who read and write, and says how far it is.

Nobody waits for it: it is done concurrently, and given up if somebody comes to wait for it.
"""

import contextlib
import logging
import threading
import time
from typing import Any

import psycopg2
from psycopg2 import extensions as pg

from bluenova_recorder.account import Account
from bluenova_recorder.others import blockers_of, stands_in_the_way
from bluenova_recorder.progress import percent
from bluenova_shared.logs import Change

log = logging.getLogger(__name__)

# Well within PostgreSQL's deadlock_timeout (1 s), after which somebody else may be ended for us.
LOOK_EVERY_S = 0.3
# What takes no longer than this is not worth a word.
SAY_AFTER_S = 3.0

_PROGRESS = (
    "SELECT phase, blocks_done, blocks_total, tuples_done, tuples_total "
    "FROM pg_stat_progress_create_index "
    "WHERE relid = %s AND datname = current_database() AND phase IS NOT NULL"
)


def connect_for_long(account: Account) -> pg.connection:
    """A connection whose statements may take as long as they need. Not for a pooled one."""
    db = account.connect()
    db.autocommit = True
    with db.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('statement_timeout', '0', false), "
            "set_config('lock_timeout', '0', false), set_config('TimeZone', 'UTC', false)"
        )
    return db


class Watch:
    """A look at the builds on a table, over a connection of its own."""

    def __init__(self, db: pg.connection, oid: int, what: str) -> None:
        self._db = db
        self._oid = oid
        self._what = what
        self._tens = Change()
        self._seen = ""
        self._said = Change()

    def say(self) -> None:
        """Says how far it is, and who keeps it waiting, if that has changed."""
        with self._db.cursor() as cursor:
            cursor.execute(_PROGRESS, [self._oid])
            found = cursor.fetchone()
        if found is not None:
            part = percent(*found)
            if self._tens.to(part // 10):
                log.info("%s: %d %%", self._what, part)

    def make_way(self, pid: int) -> None:
        """Ends the build of that process if somebody waits for it behind whom all others wait."""
        with self._db.cursor() as cursor:
            blockers = blockers_of(cursor, pid)
            # A recorder that commits a batch right now is not worth a word.
            stays = blockers == self._seen
            self._seen = blockers
            if blockers and stays and self._said.to(blockers):
                log.warning(
                    "%s waits for %s. Recording goes on; the build does when that ends",
                    *(self._what, blockers),
                )
            if stands_in_the_way(cursor, pid, self._oid):
                log.info("%s makes way for somebody who needs the table", self._what)
                cursor.execute("SELECT pg_cancel_backend(%s)", [pid])


def run_beside(
    account: Account, db: pg.connection, statement: str, oid: int, what: str
) -> list[tuple[Any, ...]]:
    """Runs it on `db`, while another connection watches; gives its rows. Raises psycopg2.Error."""
    rows: list[tuple[Any, ...]] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            with db.cursor() as cursor:
                cursor.execute(statement)
                if cursor.description:
                    rows.extend(cursor.fetchall())
        except BaseException as error:  # it is raised where the thread is joined
            raised.append(error)

    thread = threading.Thread(target=run, name="build", daemon=True)
    thread.start()
    thread.join(LOOK_EVERY_S)
    if thread.is_alive():
        # Without somebody who watches, the build goes on.
        with contextlib.suppress(psycopg2.Error):
            _watch(account, db.info.backend_pid, thread, oid, what)
        thread.join()
    if raised:
        raise raised[0]
    return rows


def _watch(account: Account, pid: int, thread: threading.Thread, oid: int, what: str) -> None:
    """Watches the build until it is done. Raises psycopg2.Error if the database goes."""
    began_s = time.monotonic()
    with contextlib.closing(account.connect()) as db:
        db.autocommit = True
        watch = Watch(db, oid, what)
        while thread.is_alive():
            watch.make_way(pid)
            if time.monotonic() - began_s > SAY_AFTER_S:
                watch.say()
            thread.join(LOOK_EVERY_S)
