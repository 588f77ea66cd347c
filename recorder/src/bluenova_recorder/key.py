"""Makes the unique key of a table that has none: the whole one, or one for new rows.

While it is built, and if it cannot be, rows are kept unique by a look before each insert.
"""

import logging
from contextlib import closing

from psycopg2 import extensions as pg

from bluenova_recorder.account import Account, Session, is_pooled
from bluenova_recorder.build import Watch, connect_for_long
from bluenova_recorder.locks import BUILD_LOCK
from bluenova_recorder.table_state import (
    PARTIAL_KEY,
    TIME_INDEX,
    WHOLE_KEY,
    TableState,
    time_of,
)
from bluenova_recorder.ways import Beside, Duplicates, InAMoment, NewIndex, Way
from bluenova_shared.logs import Change
from bluenova_shared.table import KEY, TABLE

log = logging.getLogger(__name__)

_KEY = ", ".join(KEY)
_WHOLE = NewIndex(WHOLE_KEY, f"UNIQUE INDEX {{}} ON {TABLE} ({_KEY})", "unique key")
_TIME = NewIndex(TIME_INDEX, f"INDEX {{}} ON {TABLE} (insert_time_utc)", "index of the time")
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
        self._waits = Change()
        # Tables (by oid) with duplicates, and those whose key takes too long to build.
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
                self._make_key(InAMoment(db, self._moment), state)
                return True
        with closing(connect_for_long(self._account)) as db:
            return self._see_to_beside(db, state.oid)

    def _see_to_beside(self, db: pg.connection, oid: int) -> bool:
        with db.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [BUILD_LOCK])
            mine = cursor.fetchone() == (True,)
        way = Beside(self._account, db, self._moment, self._waits)
        state = way.look()
        if state is None or state.oid != oid:
            return False
        if not mine:
            Watch(db, oid, f"Building the unique key on {TABLE}").say()
            return False
        if not self._is_complete(state):
            # The owner's own build of an index of our name is not to be taken for a broken one.
            if way.is_in_use(state, f"What {TABLE} lacks"):
                return False
            self._complete(way, state)
        return True

    def _is_complete(self, state: TableState) -> bool:
        has_key = state.has_whole_key or self._is_settled(state)
        is_tidy = not state.broken and not (state.has_whole_key and state.partial_keys)
        return has_key and is_tidy and state.has_time_index

    def _complete(self, way: Beside, state: TableState) -> None:
        for one in state.broken:
            way.drop(state, one)
        if not state.has_time_index:
            way.make(state, _TIME)
        self._make_key(way, state)
        now = way.look()
        if now is not None and now.oid == state.oid and now.has_whole_key:
            for one in now.partial_keys:
                way.drop(now, one)

    def _make_key(self, way: Way, state: TableState) -> None:
        """The whole key, or the one from now on if there are duplicates."""
        if state.has_whole_key or self._is_settled(state):
            return
        found = way.duplicates(state)
        if found is None:
            self._give_up(state, _WHOLE)
        elif not found.keys and state.oid not in self._duplicated:
            if way.make(state, _WHOLE):
                log.info("%s has a unique key on (%s)", TABLE, _KEY)
            else:
                self._give_up(state, _WHOLE)
        else:
            self._duplicated.add(state.oid)
            partial = state.partial_key
            if partial is not None and partial.from_s is not None:
                _report(found, partial.from_s)
            elif way.make(state, new := _partial(state, found.from_s)):
                _report(found, found.from_s)
            else:
                _report(found, None)
                self._give_up(state, new)

    def _is_settled(self, state: TableState) -> bool:
        """Whether there is no use in another try on this table before the next start."""
        has_partial = state.partial_key is not None
        return state.oid in self._given_up or (state.oid in self._duplicated and has_partial)

    def _give_up(self, state: TableState, index: NewIndex) -> None:
        self._given_up.add(state.oid)
        log.warning(
            "%s lacks an index. To build it takes so long that others would have to wait, "
            "because the table is partitioned or a pooler (PgBouncer) stands in between. "
            "Nothing is stored twice by recorders all the same: each row is looked for first. "
            "Let the recorder start once with PGHOST and PGPORT of PostgreSQL itself, or make "
            "it at a quiet hour: CREATE %s",
            *(TABLE, index.definition.format(index.name)),
        )


def _partial(state: TableState, from_s: int) -> NewIndex:
    """The condition has the column's own type: PostgreSQL takes no other as immutable."""
    kind = "TIMESTAMPTZ" if state.time_type == "timestamp with time zone" else "TIMESTAMP"
    zone = "+00" if kind == "TIMESTAMPTZ" else ""
    where = f"insert_time_utc >= {kind} '{time_of(from_s)}{zone}'"
    name = f"{PARTIAL_KEY}{from_s}"
    return NewIndex(name, f"UNIQUE INDEX {{}} ON {TABLE} ({_KEY}) WHERE {where}", "unique key")


def _report(found: Duplicates, from_s: int | None) -> None:
    kept = (
        f"rows from {time_of(from_s)}+00:00 on are kept unique"
        if from_s
        else "each row is looked for first"
    )
    log.warning(
        "%s holds more than one row for %d pairs of (%s), the newest at %s. Nothing was deleted, "
        "and recording goes on: %s. docs/migrating.md tells how to "
        "find and remove the duplicates; after that the next start makes the whole key.",
        *(TABLE, found.keys, _KEY, found.newest, kept),
    )
