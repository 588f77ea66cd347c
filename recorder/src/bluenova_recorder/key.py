"""Makes the unique key of a table that has none: the whole one, or one for new rows.

While it is built, and if it cannot be, rows are kept unique by a look before each insert.
"""

import logging
from contextlib import closing

from psycopg2 import errors, sql
from psycopg2 import extensions as pg

from bluenova_recorder.account import Account, Session, is_pooled, transaction
from bluenova_recorder.build import Watch, connect_for_long, run_beside
from bluenova_recorder.look import look, names_taken
from bluenova_recorder.schema import BUILD_LOCK
from bluenova_recorder.table_state import (
    PARTIAL_KEY,
    TIME_INDEX,
    WHOLE_KEY,
    Index,
    TableState,
    free_name,
    time_of,
)
from bluenova_shared.table import KEY, TABLE

log = logging.getLogger(__name__)

_KEY = ", ".join(KEY)
_DUPLICATES = (
    f"SELECT count(*), max(insert_time_utc), extract(epoch FROM greatest("
    f"date_trunc('second', now() AT TIME ZONE 'UTC'), max(insert_time_utc)))::bigint + 1 "
    f"FROM (SELECT {_KEY} FROM {TABLE} WHERE mcu_id IS NOT NULL AND insert_time_utc IS NOT NULL"
    f" GROUP BY {_KEY} HAVING count(*) > 1) AS duplicated"
)
# A build that is not concurrent keeps those who write waiting: no longer than this, in seconds.
MOMENT = Session(lock_timeout_s=0.3, statement_timeout_s=2)


class KeyMaker:
    """Makes what a table lacks, over connections of its own. One for the life of a recorder.

    The whole key is tried once for each table: with duplicates it costs minutes, in vain. `moment`
    says how long those who write may wait for a build that cannot be concurrent.
    """

    def __init__(self, account: Account, moment: Session = MOMENT) -> None:
        self._account = account
        self._moment = moment
        # Tables (by oid) with duplicates, and those whose whole key takes too long to build.
        self._duplicated: set[int] = set()
        self._given_up: set[int] = set()

    def see_to(self, state: TableState) -> bool:
        """Makes what is missing; returns whether there is nothing more to do for now.

        Raises psycopg2.Error if it is to be tried again later.
        """
        if not state.can_have_key:
            return True
        with closing(self._account.connect()) as db:
            if is_pooled(db):
                return self._see_to_pooled(db, state)
        with closing(connect_for_long(self._account)) as db, db.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [BUILD_LOCK])
            mine = cursor.fetchone() == (True,)
            found = look(cursor)
            if found is None or found.oid != state.oid:
                return False
            if not mine:
                Watch(db, found.oid, _what(found, "unique key")).say()
                return False
            self._complete(db, cursor, found)
        return True

    def _complete(self, db: pg.connection, cursor: pg.cursor, state: TableState) -> None:
        self._drop(db, state, state.broken)
        if not state.has_time_index:
            self._build(db, cursor, state, TIME_INDEX, f"INDEX {{}} ON {TABLE} (insert_time_utc)")
        if not state.has_whole_key:
            self._make_key(db, cursor, state)
        now = look(cursor)
        if now is not None and now.oid == state.oid and now.has_whole_key:
            self._drop(db, now, [one for one in now.indexes if one.from_s is not None])

    def _make_key(self, db: pg.connection, cursor: pg.cursor, state: TableState) -> None:
        """The whole key, or the one from now on if there are duplicates."""
        partial = state.partial_key
        if self._is_settled(state):
            return
        cursor.execute(_DUPLICATES)
        duplicated, newest, from_s = cursor.fetchone() or (0, None, 0)
        if not duplicated and state.oid not in self._duplicated:
            index = f"UNIQUE INDEX {{}} ON {TABLE} ({_KEY})"
            if self._build(db, cursor, state, WHOLE_KEY, index):
                log.info("%s has a unique key on (%s)", TABLE, _KEY)
            else:
                self._given_up.add(state.oid)
            return
        self._duplicated.add(state.oid)
        if partial is None:
            self._build(db, cursor, state, f"{PARTIAL_KEY}{from_s}", _partial(state, from_s))
        else:
            from_s = partial.from_s
        _report(duplicated, newest, from_s)

    def _build(
        self, db: pg.connection, cursor: pg.cursor, state: TableState, name: str, index: str
    ) -> bool:
        """Makes an index beside those who write, or in a moment if that is not possible.

        Returns whether it is there now.
        """
        name = free_name(name, names_taken(cursor, state.schema))
        what = _what(state, "index of the time" if name.startswith(TIME_INDEX) else "unique key")
        concurrently = index.replace("INDEX", "INDEX CONCURRENTLY", 1).format(name)
        try:
            run_beside(self._account, db, f"CREATE {concurrently}", state.oid, what)
        except errors.FeatureNotSupported:  # a hypertable or a partitioned table
            with closing(self._account.connect()) as other:
                return self._build_in_a_moment(other, state, index.format(name), is_locked=True)
        return True

    def _see_to_pooled(self, db: pg.connection, state: TableState) -> bool:
        if state.has_whole_key or self._is_settled(state):
            return True
        with transaction(db) as cursor:
            cursor.execute(_DUPLICATES)
            duplicated, newest, from_s = cursor.fetchone() or (0, None, 0)
            taken = names_taken(cursor, state.schema)
        if not duplicated:
            name = free_name(WHOLE_KEY, taken)
            if not self._build_in_a_moment(db, state, f"UNIQUE INDEX {name} ON {TABLE} ({_KEY})"):
                self._given_up.add(state.oid)
        else:
            if state.partial_key is None:
                name = free_name(f"{PARTIAL_KEY}{from_s}", taken)
                self._build_in_a_moment(db, state, _partial(state, from_s).format(name))
            self._duplicated.add(state.oid)
            _report(duplicated, newest, from_s)
        return True

    def _is_settled(self, state: TableState) -> bool:
        """Whether there is no use in another try on this table before the next start."""
        has_partial = state.partial_key is not None
        return state.oid in self._given_up or (state.oid in self._duplicated and has_partial)

    def _build_in_a_moment(
        self, db: pg.connection, state: TableState, index: str, *, is_locked: bool = False
    ) -> bool:
        """Makes an index while those who write wait; gives up if that takes too long.

        Returns whether it is there now. `is_locked` tells that we have the lock already, over
        another connection.
        """
        try:
            with transaction(db, self._moment) as cursor:
                if not is_locked:
                    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [BUILD_LOCK])
                    if cursor.fetchone() != (True,):
                        raise errors.LockNotAvailable("another recorder is at it")
                cursor.execute(f"CREATE {index}")
        except errors.QueryCanceled:
            log.warning(
                "%s lacks an index. To build it takes so long that others would have to wait, "
                "because the table is partitioned or a pooler (PgBouncer) stands in between. "
                "Nothing is stored twice by recorders all the same: each row is looked for first. "
                "Let the recorder start once with PGHOST and PGPORT of PostgreSQL itself, or make "
                "it at a quiet hour: CREATE %s",
                *(TABLE, index),
            )
            return False
        log.info("%s has the index that was missing: %s", TABLE, index)
        return True

    def _drop(self, db: pg.connection, state: TableState, indexes: list[Index]) -> None:
        """Drops indexes of this very table, which is ours to do with those that we made."""
        for one in indexes:
            name = sql.Identifier(state.schema, one.name).as_string(db)
            what = f"Dropping {one.name} of {TABLE}"
            statement = f"DROP INDEX CONCURRENTLY {name}"
            run_beside(self._account, db, statement, state.oid, what)


def _what(state: TableState, index: str) -> str:
    # Nobody has counted a table that was never analyzed.
    rows = f"{state.rows:,} rows of " if state.rows else ""
    return f"Building the {index} on {rows}{TABLE}"


def _partial(state: TableState, from_s: int) -> str:
    """The condition has the column's own type: PostgreSQL takes no other as immutable."""
    kind = "TIMESTAMPTZ" if state.time_type == "timestamp with time zone" else "TIMESTAMP"
    zone = "+00" if kind == "TIMESTAMPTZ" else ""
    where = f"insert_time_utc >= {kind} '{time_of(from_s)}{zone}'"
    return f"UNIQUE INDEX {{}} ON {TABLE} ({_KEY}) WHERE {where}"


def _report(duplicated: int, newest: object, from_s: int) -> None:
    log.warning(
        "%s holds more than one row for %d pairs of (%s), the newest at %s. Nothing was deleted, "
        "and recording goes on: rows from %s on are kept unique. docs/migrating.md tells how to "
        "find and remove the duplicates; after that the next start makes the whole key.",
        *(TABLE, duplicated, _KEY, newest, f"{time_of(from_s)}+00:00"),
    )
