"""Writes rows into the tables: each once, even if it comes often or others write, too."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg2
from psycopg2 import extensions as pg

from bluenova_recorder import rejected, schema
from bluenova_recorder.account import SESSION, Account, Session, transaction
from bluenova_recorder.batch import Entry
from bluenova_recorder.cures import is_owners
from bluenova_recorder.intake import RejectedItem
from bluenova_recorder.look import look
from bluenova_recorder.table_state import ALWAYS, TableState
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.table import COLUMNS, KEY, TABLE, Cell, TableColumn, row
from bluenova_shared.topics import Topics
from bluenova_shared.wire import Event, Item, to_chunk_json

log = logging.getLogger(__name__)

_NAMES = ", ".join(column.name for column in COLUMNS)
# It lives in the batch's transaction: a pooler in between gives each one another session. It also
# keeps the table from being renamed or changed until the commit.
_STAGE = (
    f"CREATE TEMPORARY TABLE stage ON COMMIT DROP AS "
    f"SELECT 0 AS n, {_NAMES} FROM {TABLE} WITH NO DATA"
)
_BY_KEY = " AND ".join(f"there.{key} = stage.{key}" for key in KEY)
# In one order, or two recorders that insert the same rows wait for each other for ever.
_INSERT = (
    f"INSERT INTO {TABLE} ({_NAMES}) SELECT {_NAMES} FROM stage "
    f"ORDER BY {', '.join(KEY)} ON CONFLICT DO NOTHING"
)
# Where no key holds, one recorder at a time looks first: for rows before the time that is passed.
_INSERT_BEFORE_KEY = (
    f"INSERT INTO {TABLE} ({_NAMES}) SELECT DISTINCT ON ({', '.join(KEY)}) {_NAMES} FROM stage "
    f"WHERE insert_time_utc >= %s OR NOT EXISTS (SELECT FROM {TABLE} AS there WHERE {_BY_KEY}) "
    f"ORDER BY {', '.join(KEY)}, n ON CONFLICT DO NOTHING"
)
_THERE = ", ".join(f"there.{column.name}" for column in COLUMNS)
_STAGED = ", ".join(f"stage.{column.name}" for column in COLUMNS)
_OTHERS = (
    f"SELECT n, EXISTS (SELECT FROM {TABLE} AS there WHERE {_BY_KEY}) FROM stage "
    f"WHERE NOT EXISTS (SELECT FROM {TABLE} AS there "
    f"WHERE {_BY_KEY} AND ({_THERE}) IS NOT DISTINCT FROM ({_STAGED}))"
)
_TAKEN = "time taken: its row has other values"
_KEPT_OUT = "kept out by another unique key of the table, or by a trigger: see docs/migrating.md"

# After so many in a batch, and none stored, the rest of it is not tried one by one.
ENOUGH_WAITING = 3


def _format(column: TableColumn) -> str:
    return "%s" if column.decimals is None else f"%.{column.decimals}f"


_FORMATS = [_format(column) for column in COLUMNS]
_TEXTS = [place for place, column in enumerate(COLUMNS) if column.sql_type.startswith("VARCHAR")]


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

    def add(self, other: Written) -> Written:
        """Both together."""
        return Written(
            self.recorded + other.recorded,
            self.rejected + other.rejected,
            self.not_kept + other.not_kept,
            self.waiting + other.waiting,
            self.why or other.why,
        )


class Store:
    """Writes batches over one connection, made anew after each failure."""

    def __init__(self, account: Account, topics: Topics, session: Session = SESSION) -> None:
        self._account = account
        self._session = session
        self._topics = topics
        self._db: pg.connection | None = None
        # What the table was like when it was last written to, or connected to.
        self.table: TableState | None = None

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
        db, self._db = self._db, None
        if db is not None:
            db.close()

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
        if len(before.waiting) >= ENOUGH_WAITING and not before.recorded:
            return before.add(_all_wait(entries, before.why))
        db = self.open()
        try:
            with transaction(db, self._session) as cursor:
                return before.add(self._insert(cursor, entries))
        except (psycopg2.DataError, psycopg2.IntegrityError, UnicodeError) as error:
            if len(entries) > 1:
                half = len(entries) // 2
                return self._write(entries[half:], self._write(entries[:half], before))
            (entry,) = entries
            if isinstance(entry, RejectedItem):
                return before.add(Written(not_kept=[entry]))
            if isinstance(error, psycopg2.Error) and is_owners(error):
                return before.add(_all_wait(entries, error))
            said = error.diag.message_primary if isinstance(error, psycopg2.Error) else None
            one = self._rejected(entry, f"refused by the table: {said or error}")
            return self._write([one], before)

    def _insert(self, cursor: pg.cursor, entries: Sequence[Entry]) -> Written:
        snapshots = [entry for entry in entries if isinstance(entry, Snapshot)]
        events = [entry for entry in entries if isinstance(entry, Event)]
        refused = [entry for entry in entries if isinstance(entry, RejectedItem)]
        taken = self._insert_snapshots(cursor, snapshots)
        refused += [self._rejected(snapshots[n], reason) for n, reason in taken.items()]
        _insert_events(cursor, events)
        kept = rejected.keep(cursor, refused)
        are_kept = set(kept)
        recorded = [snapshot for n, snapshot in enumerate(snapshots) if n not in taken]
        return Written([*recorded, *events], kept, [one for one in refused if one not in are_kept])

    def _insert_snapshots(self, cursor: pg.cursor, snapshots: list[Snapshot]) -> dict[int, str]:
        """Inserts what is not there; returns which the table does not have then, and why."""
        if not snapshots:
            return {}
        cursor.execute(_STAGE)
        self.table = look(cursor)
        lines = "".join(copy_line(n, row(snapshot)) for n, snapshot in enumerate(snapshots))
        cursor.copy_expert("COPY stage FROM STDIN", io.BytesIO(lines.encode()))
        unique_from = self.table.unique_from if self.table else ALWAYS
        if unique_from == ALWAYS:
            cursor.execute(_INSERT)
        else:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [schema.ROWS_LOCK])
            cursor.execute(_INSERT_BEFORE_KEY, [unique_from])
        if cursor.rowcount == len(snapshots):
            return {}
        cursor.execute(_OTHERS)
        return {n: _TAKEN if is_taken else _KEPT_OUT for n, is_taken in cursor.fetchall()}

    def _rejected(self, item: Item, reason: str) -> RejectedItem:
        topic = self._topics.backlog(item.mcu_id)
        return RejectedItem(topic, to_chunk_json(item).encode(), reason, item.mcu_id, item.id)


def _all_wait(entries: Sequence[Entry], why: psycopg2.Error | None) -> Written:
    waiting = [entry for entry in entries if not isinstance(entry, RejectedItem)]
    not_kept = [entry for entry in entries if isinstance(entry, RejectedItem)]
    return Written(waiting=waiting, not_kept=not_kept, why=why)


def _insert_events(cursor: pg.cursor, events: Sequence[Event]) -> None:
    cursor.executemany(
        "INSERT INTO battery_pack_events (event_time_utc, mcu_id, event, interval_s) "
        "VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [(e.time.replace(tzinfo=None), int(e.mcu_id, 16), e.event, e.interval_s) for e in events],
    )


def copy_line(n: int, values: Sequence[Cell]) -> str:
    """A line of COPY's text format: numbers with their columns' decimals, unknown as null."""
    cells = list(values)
    for place in _TEXTS:
        text = cells[place]
        if isinstance(text, str):
            cells[place] = _quoted(text)
    texts = [
        r"\N" if cell is None else form % cell for form, cell in zip(_FORMATS, cells, strict=True)
    ]
    return f"{n}\t" + "\t".join(texts) + "\n"


def _quoted(text: str) -> str:
    return text.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")
