"""Writes rows into the tables: each once, even if it comes often or others write, too."""

import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg2
from psycopg2 import extensions as pg

from bluenova_recorder import rejected, schema
from bluenova_recorder.account import SESSION, Account, Session
from bluenova_recorder.batch import Entry
from bluenova_recorder.intake import RejectedItem
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.table import COLUMNS, KEY, TABLE, Cell, TableColumn, row
from bluenova_shared.topics import Topics
from bluenova_shared.wire import Event, Item, to_chunk_json

log = logging.getLogger(__name__)

_NAMES = ", ".join(column.name for column in COLUMNS)
_STAGE = (
    f"CREATE TEMPORARY TABLE stage ON COMMIT DELETE ROWS AS "
    f"SELECT 0 AS n, {_NAMES} FROM {TABLE} WITH NO DATA"
)
_BY_KEY = " AND ".join(f"there.{key} = stage.{key}" for key in KEY)
# In one order, or two recorders that insert the same rows wait for each other for ever.
_INSERT = (
    f"INSERT INTO {TABLE} ({_NAMES}) SELECT {_NAMES} FROM stage "
    f"ORDER BY {', '.join(KEY)} ON CONFLICT DO NOTHING"
)
_INSERT_BEFORE_KEY = (
    f"INSERT INTO {TABLE} ({_NAMES}) SELECT DISTINCT ON ({', '.join(KEY)}) {_NAMES} FROM stage "
    f"WHERE insert_time_utc >= %s OR NOT EXISTS (SELECT FROM {TABLE} AS there WHERE {_BY_KEY}) "
    f"ORDER BY {', '.join(KEY)}, n ON CONFLICT DO NOTHING"
)
_THERE = ", ".join(f"there.{column.name}" for column in COLUMNS)
_STAGED = ", ".join(f"stage.{column.name}" for column in COLUMNS)
_OTHERS = (
    f"SELECT n FROM stage WHERE NOT EXISTS (SELECT FROM {TABLE} AS there "
    f"WHERE {_BY_KEY} AND ({_THERE}) IS NOT DISTINCT FROM ({_STAGED}))"
)


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

    def add(self, other: Written) -> Written:
        """Both together."""
        return Written(
            self.recorded + other.recorded,
            self.rejected + other.rejected,
            self.not_kept + other.not_kept,
        )


class Store:
    """Writes batches over one connection, made anew after each failure."""

    def __init__(self, account: Account, topics: Topics, session: Session = SESSION) -> None:
        self._account = account
        self._session = session
        self._topics = topics
        self._db: pg.connection | None = None
        self._key_from: datetime | None = None

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
        """Connects, and brings the database into shape. Raises psycopg2.Error."""
        if self._db is not None:
            return self._db
        db = self._account.connect(self._session)
        try:
            from_s = schema.prepare(db)
            with db, db.cursor() as cursor:
                cursor.execute(_STAGE)
        except psycopg2.Error:
            db.close()
            raise
        self._key_from = None if from_s is None else datetime.fromtimestamp(from_s, UTC)
        self._db = db
        return db

    def _write(self, entries: Sequence[Entry]) -> Written:
        db = self.open()
        try:
            with db, db.cursor() as cursor:  # commits, or rolls back
                return self._insert(cursor, entries)
        except (psycopg2.DataError, psycopg2.IntegrityError) as error:
            if len(entries) > 1:
                half = len(entries) // 2
                return self._write(entries[:half]).add(self._write(entries[half:]))
            if isinstance(entries[0], RejectedItem):
                raise
            reason = f"refused by the table: {error.diag.message_primary or error}"
            return self._write([self._rejected(entries[0], reason)])

    def _insert(self, cursor: pg.cursor, entries: Sequence[Entry]) -> Written:
        snapshots = [entry for entry in entries if isinstance(entry, Snapshot)]
        events = [entry for entry in entries if isinstance(entry, Event)]
        refused = [entry for entry in entries if isinstance(entry, RejectedItem)]
        taken = self._insert_snapshots(cursor, snapshots)
        reason = "time taken: its row has other values"
        refused += [self._rejected(snapshots[n], reason) for n in taken]
        _insert_events(cursor, events)
        kept = rejected.keep(cursor, refused)
        are_kept = set(kept)
        recorded = [snapshot for n, snapshot in enumerate(snapshots) if n not in taken]
        return Written([*recorded, *events], kept, [one for one in refused if one not in are_kept])

    def _insert_snapshots(self, cursor: pg.cursor, snapshots: list[Snapshot]) -> set[int]:
        """Inserts what is not there; returns which stand there already with other values."""
        if not snapshots:
            return set()
        lines = "".join(copy_line(n, row(snapshot)) for n, snapshot in enumerate(snapshots))
        cursor.copy_expert("COPY stage FROM STDIN", io.StringIO(lines))
        if self._key_from is None:
            cursor.execute(_INSERT)
        else:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [schema.OLD_ROWS_LOCK])
            cursor.execute(_INSERT_BEFORE_KEY, [self._key_from.replace(tzinfo=None)])
        if cursor.rowcount == len(snapshots):
            return set()
        cursor.execute(_OTHERS)
        return {n for (n,) in cursor.fetchall()}

    def _rejected(self, item: Item, reason: str) -> RejectedItem:
        topic = self._topics.backlog(item.mcu_id)
        return RejectedItem(topic, to_chunk_json(item).encode(), reason, item.mcu_id, item.id)


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
