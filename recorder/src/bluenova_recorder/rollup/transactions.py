"""The transactions in which hours are computed: all of one sees the rows of one instant."""

import contextlib
from collections.abc import Iterator

from psycopg2 import extensions as pg

from bluenova_recorder.account import SESSION, Account, transaction

# One recorder at a time works on the hours. Its name is a number that no other program locks.
HOURS_LOCK = 0x626E_6F79


class Busy(Exception):  # noqa: N818  # it is no error: another recorder does the work
    """Another recorder works on the hours now."""


def connect(account: Account) -> pg.connection:
    """A connection whose transactions see one instant. Raises psycopg2.OperationalError."""
    db = account.connect()
    db.set_session(isolation_level=pg.ISOLATION_LEVEL_REPEATABLE_READ)
    return db


@contextlib.contextmanager
def step(db: pg.connection) -> Iterator[pg.cursor]:
    """Gives a cursor for one step of work, alone among the recorders. Raises Busy.

    The lock ends with the transaction, so that a pooler may stand in between. Who takes it just
    after another's commit may still see what was before: PostgreSQL refuses to change that then.
    """
    with transaction(db, SESSION) as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [HOURS_LOCK])
        if cursor.fetchone() != (True,):
            raise Busy
        yield cursor
