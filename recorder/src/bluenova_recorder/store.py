"""Writes rows into the tables: each once, even if it comes often or others write, too."""

import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Self

import psycopg2
from psycopg2 import errors
from psycopg2 import extensions as pg

from bluenova_recorder import rejected, schema
from bluenova_recorder.account import SESSION, Account, Session, transaction
from bluenova_recorder.batch import Entry
from bluenova_recorder.cures import is_items, is_owners
from bluenova_recorder.insert import BEGIN, COPY_STRAIGHT, COPY_TO_STAGE, FEW, STAGE, Rows
from bluenova_recorder.intake import RejectedItem
from bluenova_recorder.locks import ROWS_LOCK
from bluenova_recorder.look import look
from bluenova_recorder.table_state import ALWAYS, TableState
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.table import row
from bluenova_shared.topics import Topics
from bluenova_shared.wire import Event, Item, to_chunk_json

log = logging.getLogger(__name__)

_TAKEN = "time taken: its row has other values"
_KEPT_OUT = "kept out by another unique key of the table, or by a trigger: see docs/migrating.md"

# A batch is halved to find the items that are to blame. After so many transactions that failed, the
# rest is written one by one: if most items are to blame, that takes half as many.
ENOUGH_FAILED = 16

# If not all rows of a batch could go straight into the table, so many batches of many rows go by
# the stage: where two recorders store the same, each try would be an error in the server's log.
BATCHES_BY_STAGE = 100


class _KeptOut(Exception):  # noqa: N818  # no error: the stage tells which rows, and why
    """Something keeps some of the rows out of the table."""


# Rows are there already, or are kept out.
_NOT_STRAIGHT = (_KeptOut, errors.UniqueViolation, errors.ExclusionViolation)
_key = attrgetter("mcu_id", "time")


@dataclass
class Written:
    """What a committed batch has become."""

    recorded: list[Item] = field(default_factory=list)
    rejected: list[RejectedItem] = field(default_factory=list)
    # Rejected, too, but their table has no room.
    not_kept: list[RejectedItem] = field(default_factory=list)
    # Storable as soon as the database's owner has mended something; and the error that says what.
    waiting: list[Item] = field(default_factory=list)
    why: psycopg2.Error | None = None
    failed: int = 0  # transactions

    def add(self, other: Self) -> Self:
        """Both together."""
        return type(self)(
            self.recorded + other.recorded,
            self.rejected + other.rejected,
            self.not_kept + other.not_kept,
            self.waiting + other.waiting,
            self.why or other.why,
            self.failed + other.failed,
        )


class Store:
    """Writes batches over one connection, made anew after each failure."""

    def __init__(self, account: Account, topics: Topics, session: Session = SESSION) -> None:
        self._account = account
        self._session = session
        self._topics = topics
        self._db: pg.connection | None = None
        self._by_stage = 0
        # What the table was like when it was last written to, or connected to.
        self.table: TableState | None = None
        self._glance: tuple[object, ...] | None = None

    def write(self, entries: Sequence[Entry]) -> Written:
        """Commits the entries, each stored once however often it comes.

        Raises psycopg2.Error if nothing was wrong with them and they may be tried again.
        """
        try:
            return self._write(entries)
        except psycopg2.Error:
            self.close()
            raise

    def close(self) -> None:
        """Closes the connection, if there is one."""
        db, self._db, self._glance = self._db, None, None
        if db is not None:
            db.close()

    def look_again(self) -> None:
        """Has the next batch look at the table, even if a glance finds nothing new."""
        self._glance = None

    def open(self) -> pg.connection:
        """Connects, and makes the tables if they are missing. Raises psycopg2.Error."""
        if self._db is not None:
            return self._db
        db = self._account.connect()
        try:
            schema.prepare(db)
            with transaction(db, self._session) as cursor:
                self.table = look(cursor)
        except psycopg2.Error:
            db.close()
            raise
        self._db = db
        return db

    def _write(self, entries: Sequence[Entry], before: Written | None = None) -> Written:
        """Commits the entries; `before` is what has become of those before them in the batch."""
        before = before or Written()
        db = self.open()
        try:
            return before.add(self._insert(db, entries))
        except (psycopg2.Error, UnicodeError) as error:
            if not is_items(error):
                raise
            before = before.add(Written(failed=1))
            if len(entries) > 1:
                size = 1 if before.failed >= ENOUGH_FAILED else (len(entries) + 1) // 2
                for start in range(0, len(entries), size):
                    before = self._write(entries[start : start + size], before)
                return before
            (entry,) = entries
            if isinstance(entry, RejectedItem):
                return before.add(Written(not_kept=[entry]))
            if isinstance(error, psycopg2.Error) and is_owners(error):
                return before.add(Written(waiting=[entry], why=error))
            said = error.diag.message_primary if isinstance(error, psycopg2.Error) else None
            one = self._rejected(entry, f"refused by the table: {said or error}")
            return self._write([one], before)

    def _insert(self, db: pg.connection, entries: Sequence[Entry]) -> Written:
        if sum(isinstance(entry, Snapshot) for entry in entries) > FEW:
            if not self._by_stage:
                try:
                    return self._commit(db, entries, straight=True)
                except _NOT_STRAIGHT:
                    self._by_stage = BATCHES_BY_STAGE
            else:
                self._by_stage -= 1
        return self._commit(db, entries, straight=False)

    def _commit(self, db: pg.connection, entries: Sequence[Entry], *, straight: bool) -> Written:
        snapshots = [entry for entry in entries if isinstance(entry, Snapshot)]
        # In one order, or two recorders that insert the same rows wait for each other for ever.
        snapshots.sort(key=_key)
        events = [entry for entry in entries if isinstance(entry, Event)]
        refused = [entry for entry in entries if isinstance(entry, RejectedItem)]
        rows = Rows.of([row(snapshot) for snapshot in snapshots])
        # Events and rejected items are stored even while somebody keeps the table locked.
        with transaction(db, self._session, BEGIN if snapshots else "") as cursor:
            taken = self._insert_snapshots(cursor, snapshots, rows, straight) if snapshots else {}
            refused += [self._rejected(snapshots[n], reason) for n, reason in taken.items()]
            _insert_events(cursor, events)
            kept = rejected.keep(cursor, refused)
        are_kept = set(kept)
        recorded = [snapshot for n, snapshot in enumerate(snapshots) if n not in taken]
        return Written([*recorded, *events], kept, [one for one in refused if one not in are_kept])

    def _insert_snapshots(
        self, cursor: pg.cursor, snapshots: list[Snapshot], rows: Rows, straight: bool
    ) -> dict[int, str]:
        """Inserts what is not there; returns which the table does not have then, and why.

        Goes `straight` if it can; raises _KeptOut if the table does not take all rows then.
        """
        if (glance := cursor.fetchone()) != self._glance:
            self.table, self._glance = look(cursor), glance
        unique_from = self.table.unique_from if self.table else ALWAYS
        values = {"unique_from": unique_from, "rows": rows.json}
        if straight and self.table and self.table.takes_copies:
            _copy(cursor, COPY_STRAIGHT, rows.for_table())
            if cursor.rowcount != len(snapshots):
                raise _KeptOut
            return {}
        if rows.lines:
            cursor.execute(STAGE)
            _copy(cursor, COPY_TO_STAGE, rows.for_stage())
        if unique_from == ALWAYS:
            cursor.execute(rows.statements.insert, values)
        else:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ROWS_LOCK])
            cursor.execute(rows.statements.insert_before_key, values)
        if cursor.rowcount == len(snapshots):
            return {}
        keys = {
            "mcu_ids": [int(snapshot.mcu_id, 16) for snapshot in snapshots],
            "times": [snapshot.time.replace(tzinfo=None) for snapshot in snapshots],
        }
        cursor.execute(rows.statements.others, {**values, **keys})
        return {n: _TAKEN if is_taken else _KEPT_OUT for n, is_taken in cursor.fetchall()}

    def _rejected(self, item: Item, reason: str) -> RejectedItem:
        topic = self._topics.backlog(item.mcu_id)
        return RejectedItem(topic, to_chunk_json(item).encode(), reason, item.mcu_id, item.id)


def _copy(cursor: pg.cursor, statement: str, text: bytes) -> None:
    # At once: between two pieces another thread may have the interpreter for 5 ms.
    cursor.copy_expert(statement, io.BytesIO(text), size=len(text))


def _insert_events(cursor: pg.cursor, events: Sequence[Event]) -> None:
    cursor.executemany(
        "INSERT INTO battery_pack_events (event_time_utc, mcu_id, event, interval_s) "
        "VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [(e.time.replace(tzinfo=None), int(e.mcu_id, 16), e.event, e.interval_s) for e in events],
    )
