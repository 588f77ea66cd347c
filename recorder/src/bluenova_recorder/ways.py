"""The two ways of making an index of a table that is in use: beside all others, or in a moment."""

import logging
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from psycopg2 import errors, sql
from psycopg2 import extensions as pg

from bluenova_recorder.account import Account, Session, transaction
from bluenova_recorder.build import run_beside
from bluenova_recorder.locks import BUILD_LOCK
from bluenova_recorder.look import look, names_taken
from bluenova_recorder.others import holders_of
from bluenova_recorder.table_state import Index, TableState, free_name
from bluenova_shared.logs import Change
from bluenova_shared.table import KEY, TABLE

log = logging.getLogger(__name__)

_KEY = ", ".join(KEY)
_DUPLICATES = (
    f"SELECT count(*), max(insert_time_utc), extract(epoch FROM greatest("
    f"date_trunc('second', now() AT TIME ZONE 'UTC'), max(insert_time_utc)))::bigint + 1 "
    f"FROM (SELECT {_KEY} FROM {TABLE} WHERE mcu_id IS NOT NULL AND insert_time_utc IS NOT NULL"
    f" GROUP BY {_KEY} HAVING count(*) > 1) AS duplicated"
)


@dataclass(frozen=True)
class NewIndex:
    """An index that is wanted: its name, unless that is taken, and what it is to a person."""

    name: str
    definition: str  # with {} for the name
    what: str


@dataclass(frozen=True)
class Duplicates:
    """How many keys have several rows, the newest one's time, and from when on there are none."""

    keys: int
    newest: datetime | None
    from_s: int


class Way(Protocol):
    """A way of making an index. Both raise psycopg2.Error if it is to be tried again later."""

    def duplicates(self, state: TableState) -> Duplicates | None:
        """Counts the keys with several rows; None if that takes too long."""

    def make(self, state: TableState, index: NewIndex) -> bool:
        """Makes the index; false if that takes too long."""


class Beside:
    """Takes as long as it needs, on a connection for long; nobody who writes waits for it.

    Where PostgreSQL cannot do that (a partitioned table, a hypertable), an index is made in a
    moment. `waits` remembers from one try to the next what was said.
    """

    def __init__(self, account: Account, db: pg.connection, moment: Session, waits: Change) -> None:
        self._account = account
        self._db = db
        self._moment = moment
        self._waits = waits

    def look(self) -> TableState | None:
        """What the table is like now."""
        with self._db.cursor() as cursor:
            return look(cursor)

    def duplicates(self, state: TableState) -> Duplicates | None:
        """Counts the keys with several rows."""
        what = f"Looking for duplicates in {_rows(state)}"
        return _counted(run_beside(self._account, self._db, _DUPLICATES, state.oid, what))

    def make(self, state: TableState, index: NewIndex) -> bool:
        """Makes the index."""
        with self._db.cursor() as cursor:
            name = free_name(index.name, names_taken(cursor, state.schema))
        definition = index.definition.format(name)
        concurrently = definition.replace("INDEX", "INDEX CONCURRENTLY", 1)
        what = f"Building the {index.what} on {_rows(state)}"
        try:
            self._run_alone(f"CREATE {concurrently}", state, what)
        except errors.FeatureNotSupported:
            with closing(self._account.connect()) as other:
                # The lock against other recorders is held by this connection here.
                return InAMoment(other, self._moment, is_locked=True).make(state, index)
        return True

    def drop(self, state: TableState, index: Index) -> None:
        """Drops an index of this very table, which is ours to do with those that we made."""
        name = sql.Identifier(state.schema, index.name).as_string(self._db)
        what = f"Dropping {index.name} of {TABLE}"
        self._run_alone(f"DROP INDEX CONCURRENTLY {name}", state, what)

    def is_in_use(self, state: TableState, what: str) -> bool:
        """Whether somebody builds an index, vacuums or changes the table now; says who.

        Two such waits for each other would make PostgreSQL end one of them: maybe theirs.
        """
        with self._db.cursor() as cursor:
            holders = holders_of(cursor, state.oid)
        if holders and self._waits.to(holders):
            log.warning("%s waits for %s. Recording goes on", what, holders)
        return bool(holders)

    def _run_alone(self, statement: str, state: TableState, what: str) -> None:
        if self.is_in_use(state, what):
            raise errors.LockNotAvailable("somebody else is at work on the table")
        run_beside(self._account, self._db, statement, state.oid, what)


class InAMoment:
    """Keeps those who write waiting, but no longer than `moment` says; then it gives up.

    `is_locked` tells that the lock against other recorders is held already.
    """

    def __init__(self, db: pg.connection, moment: Session, *, is_locked: bool = False) -> None:
        self._db = db
        self._moment = moment
        self._is_locked = is_locked

    def duplicates(self, state: TableState) -> Duplicates | None:
        """Counts the keys with several rows; None if that takes too long."""
        try:
            with transaction(self._db, self._moment) as cursor:
                cursor.execute(_DUPLICATES)
                return _counted(cursor.fetchall())
        except errors.QueryCanceled:
            return None

    def make(self, state: TableState, index: NewIndex) -> bool:
        """Makes the index; false if that takes too long."""
        try:
            with transaction(self._db, self._moment) as cursor:
                if not self._is_locked:
                    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [BUILD_LOCK])
                    if cursor.fetchone() != (True,):
                        raise errors.LockNotAvailable("another recorder is at it")
                name = free_name(index.name, names_taken(cursor, state.schema))
                definition = index.definition.format(name)
                cursor.execute(f"CREATE {definition}")
        except errors.QueryCanceled:
            return False
        log.info("%s has the index that was missing: %s", TABLE, definition)
        return True


def _counted(rows: list[tuple[int, datetime | None, int | None]]) -> Duplicates:
    ((keys, newest, from_s),) = rows
    return Duplicates(keys, newest, from_s or 0)


def _rows(state: TableState) -> str:
    # Nobody has counted a table that was never analyzed.
    return f"{state.rows:,} rows of {TABLE}" if state.rows else TABLE
