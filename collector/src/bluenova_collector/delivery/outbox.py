"""The collector's one file, in SQLite: what has no receipt yet, and what it must know again."""

from __future__ import annotations

import contextlib
import json
import logging
import secrets
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from bluenova_collector.delivery.damage import disk_fails, is_damage, kind, whole_items
from bluenova_shared.settings import WrongSettings
from bluenova_shared.wire import Item, to_chunk_json

log = logging.getLogger(__name__)

T = TypeVar("T")

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS known (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    # AUTOINCREMENT: a number never comes again, so that "after n" keeps its meaning.
    "CREATE TABLE IF NOT EXISTS outbox (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL,"
    " mcu_id TEXT NOT NULL, time_s INTEGER NOT NULL, payload TEXT NOT NULL)",
    "CREATE UNIQUE INDEX IF NOT EXISTS outbox_id ON outbox (id)",
    "CREATE INDEX IF NOT EXISTS outbox_mcu_id ON outbox (mcu_id, n)",
    # Items that a damaged disk has made unreadable: never sent, kept to be looked at.
    "CREATE TABLE IF NOT EXISTS damaged"
    " (n INTEGER PRIMARY KEY, id TEXT, mcu_id TEXT, payload TEXT)",
)
# What a failing disk said it did not take may be there all the same.
_INSERT = (
    "INSERT INTO outbox (id, mcu_id, time_s, payload) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET payload = excluded.payload RETURNING n"
)
_BETWEEN = (
    "SELECT n, id, payload FROM outbox WHERE mcu_id = ? AND n > ? AND n < ? ORDER BY n LIMIT ?"
)
_DELETE_OLDEST = (
    "DELETE FROM outbox WHERE n IN (SELECT n FROM outbox ORDER BY n LIMIT ?) RETURNING mcu_id"
)
_SET_ITEM_ASIDE = (
    "INSERT OR IGNORE INTO damaged SELECT n, id, mcu_id, payload FROM outbox WHERE n = ? AND id = ?"
)
_DELETE_ITEM = "DELETE FROM outbox WHERE n = ? AND id = ? RETURNING mcu_id"
_SAVE = "INSERT OR IGNORE INTO outbox (n, id, mcu_id, time_s, payload) VALUES (?, ?, ?, ?, ?)"
# Deleting takes room, too, as SQLite writes ahead what it changes: an outbox that fills its disk to
# the last byte could not let go of what is recorded.
ROOM_TO_LET_GO_BYTES = 8 * 2**20
# What belongs to a file, itself last: where it is gone, so is the rest.
_PARTS = ("-wal", "-shm", "-journal", "")


@dataclass(frozen=True)
class Memory:
    """What a collector remembers of its battery: see the Assembler, the Intervals and Presence."""

    mcu_id: str | None = None
    totals: Mapping[str, dict[str, float]] = field(default_factory=dict)
    last_end_s: int | None = None
    present: Sequence[str] = ()
    lost: Sequence[str] = ()


MEMORY: TypeAdapter[Memory] = TypeAdapter(Memory)


@dataclass(frozen=True)
class Kept:
    """An item in the outbox, under its number."""

    n: int
    id: str
    payload: str


class Outbox:
    """The file at `path`; all calls come from one thread, and what they write is synced on return.

    `battery` (host and port) is whose memory it is: another battery starts without it. At most
    `limit` items are kept; the oldest go first. A damaged file is set aside under another name and
    a new one begun. Raises WrongSettings where there cannot be a file at all.
    """

    def __init__(self, path: Path, battery: str, limit: int) -> None:
        self._path = path
        self._fresh = Path(f"{path}.new")
        self._battery = battery
        self._limit = limit
        self.dropped = 0
        self.waiting: Counter[str] = Counter()  # items by battery
        self.name = ""  # the collector's own among all: random, made once
        self._db = sqlite3.connect(":memory:")  # until the file is open
        self._on_disk = True
        self._unreadable = False
        self._uncertain = False  # whether the disk may have taken what it said it did not
        try:
            self._guarded(self._open)
        except sqlite3.OperationalError as error:  # damaged, and cannot be set aside
            raise _unusable(path, str(error)) from None
        self._recount()

    def recall(self) -> Memory:
        """What was remembered of this battery."""
        known = self._guarded(self._known)
        if known.get("battery") != self._battery:
            return Memory()
        try:
            return MEMORY.validate_json(known["memory"])
        except (KeyError, ValidationError):
            log.error("The outbox %s has forgotten the battery: its memory is damaged", self._path)
            return Memory()

    def commit(self, items: Sequence[Item], memory: Memory) -> list[int]:
        """Stores the items, and the memory in place of the old one, all or nothing.

        Returns the items' numbers. Raises sqlite3.OperationalError where the disk takes nothing.
        """
        self._leave_room()
        if not self._on_disk:
            self._open_at_last()
        rows = [(i.id, i.mcu_id, int(i.time.timestamp()), to_chunk_json(i)) for i in items]
        kept = json.dumps(vars(memory))

        def write() -> tuple[list[int], list[str]]:
            with self._db:
                self._put(name=self.name, battery=self._battery, memory=kept)
                numbers = [int(self._db.execute(_INSERT, row).fetchone()[0]) for row in rows]
                return numbers, self._make_room(len(rows))

        try:
            numbers, dropped = self._guarded(write)
        except sqlite3.OperationalError:
            self._uncertain = True
            raise
        self.waiting.update(item.mcu_id for item in items)
        self.waiting.subtract(dropped)
        if self._uncertain:
            self._recount()
        self.count_dropped(len(dropped), f"OUTBOX_LIMIT={self._limit}")
        return numbers

    def delete(self, mcu_id: str, ids: Sequence[str]) -> int:
        """Deletes the battery's items that have these ids; returns how many there were."""

        def write() -> int:
            with self._db:
                cursor = self._db.executemany(
                    "DELETE FROM outbox WHERE id = ? AND mcu_id = ?",
                    [(item_id, mcu_id) for item_id in ids],
                )
                return cursor.rowcount

        deleted = self._guarded(write)
        self.waiting[mcu_id] -= deleted
        return deleted

    def set_items_aside(self, items: Sequence[Kept]) -> None:
        """Takes items that are damaged out of the way of the others, into a table of their own."""
        named = [(item.n, item.id) for item in items]

        def write() -> Counter[str]:
            with self._db:
                self._db.executemany(_SET_ITEM_ASIDE, named)
                gone = [self._db.execute(_DELETE_ITEM, one).fetchall() for one in named]
                return Counter(row[0] for rows in gone for row in rows)

        try:
            self.waiting.subtract(self._guarded(write))
        except sqlite3.OperationalError as error:
            log.error("The outbox cannot set damaged items aside: %s", error)
            return
        log.error(
            "%d items in the outbox %s are damaged: kept in its table `damaged`, never sent",
            *(len(items), self._path),
        )

    def between(self, above: int, below: int | None, mcu_id: str, limit: int) -> list[Kept]:
        """The battery's items with numbers in between, oldest first, `limit` at most."""
        found = (mcu_id, above, below or sys.maxsize, limit)
        return self._read(lambda: [Kept(*row) for row in self._db.execute(_BETWEEN, found)]) or []

    def oldest(self, mcu_id: str) -> datetime | None:
        """The time of the battery's item that waits longest."""
        query = "SELECT time_s FROM outbox WHERE mcu_id = ? ORDER BY n LIMIT 1"
        found = self._read(lambda: self._db.execute(query, (mcu_id,)).fetchone())
        try:
            return datetime.fromtimestamp(found[0], UTC) if found else None
        except (TypeError, ValueError, OSError):  # a number that the disk has turned
            return None

    def _read(self, operation: Callable[[], T]) -> T | None:
        """None where the disk does not give it: what is live goes on without."""
        try:
            found = self._guarded(operation)
        except sqlite3.OperationalError as error:
            if not self._unreadable:
                log.error("The outbox cannot be read: %s", error)
            self._unreadable = True
            return None
        self._unreadable = False
        return found

    def close(self) -> None:
        """Gives the file back."""
        self._db.close()

    def _leave_room(self) -> None:
        try:
            disk = shutil.disk_usage(self._path.parent)
        except OSError as error:
            raise sqlite3.OperationalError(str(error)) from None
        if disk.total and disk.free < ROOM_TO_LET_GO_BYTES:
            raise sqlite3.OperationalError(f"only {disk.free} bytes of the disk are free")

    def _make_room(self, added: int) -> list[str]:
        """Deletes the oldest items over the limit; returns the battery of each."""
        too_many = self.waiting.total() + added - self._limit
        if too_many <= 0:
            return []
        return [mcu_id for (mcu_id,) in self._db.execute(_DELETE_OLDEST, (too_many,)).fetchall()]

    def count_dropped(self, more: int, why: str) -> None:
        """So many of the oldest items are lost for want of room; tells the first, and each 1000."""
        before, self.dropped = self.dropped, self.dropped + more
        if more and (before == 0 or before // 1000 != self.dropped // 1000):
            log.error(
                "The outbox is full (%s): the oldest items are dropped, %d so far",
                *(why, self.dropped),
            )

    def _guarded(self, operation: Callable[[], T]) -> T:
        try:
            return operation()
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if not is_damage(error):
                raise
            damage = str(error)
        # Not above: while the error is there, so are its cursor and the lock on the file.
        self._begin_anew(damage)
        return operation()

    def _begin_anew(self, damage: str) -> None:
        """Puts another file in the place of a damaged one, with all that can still be read.

        Killed meanwhile, it begins again: the damaged one is set aside when the other is complete.
        """
        self._db.close()
        aside = f"{self._path}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
        try:
            _remove(self._fresh)
            self._begun(str(self._fresh))
            with self._db:
                self._db.executemany(_SAVE, whole_items(self._path))
            self._db.close()
            for part in _PARTS:
                _rename(f"{self._path}{part}", f"{aside}{part}")
            self._fresh.rename(self._path)
        except (OSError, sqlite3.Error) as failed:
            self._go_without()
            raise sqlite3.OperationalError(
                f"it is damaged ({damage}), and cannot be set aside for another ({failed})"
            ) from None
        log.error("The outbox %s is damaged (%s): kept as %s", self._path, damage, aside)
        self._open()
        if not self._on_disk:
            raise sqlite3.OperationalError("the disk does not take another outbox")
        self._recount()
        log.error("The outbox is begun anew: %d of its items are saved", self.waiting.total())

    def _open(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if not self._path.exists():
                _rename(self._fresh, self._path)  # killed when it was about to do that
            self._begun(str(self._path))
            self._on_disk = True
        except (OSError, sqlite3.OperationalError) as error:
            if kind(error) == sqlite3.SQLITE_BUSY:
                raise _unusable(self._path, "another collector uses it") from None
            if is_damage(error):
                raise
            if not disk_fails(error):
                raise _unusable(self._path, str(error)) from None
            if self._on_disk:
                log.error("The disk does not take the outbox %s (%s)", self._path, error)
            self._go_without()

    def _go_without(self) -> None:
        self._on_disk = False
        self._begun(":memory:")  # stays empty: it would promise what it cannot hold

    def _open_at_last(self) -> None:
        self._guarded(self._open)
        if not self._on_disk:
            raise sqlite3.OperationalError("the disk does not take the outbox")
        self._recount()

    def _begun(self, name: str) -> None:
        self._db.close()  # or it would keep this one out
        db = self._db = sqlite3.connect(name, timeout=5)
        # Exclusive: a second collector on the same file would take this one's place.
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        with db:
            for statement in _SCHEMA:
                db.execute(statement)
            known = dict(db.execute("SELECT key, value FROM known"))
            self.name = known.get("name") or self.name or secrets.token_hex(4)
            if "name" not in known:
                db.execute("INSERT OR REPLACE INTO known VALUES ('name', ?)", (self.name,))

    def _known(self) -> dict[str, str]:
        return dict(self._db.execute("SELECT key, value FROM known"))

    def _recount(self) -> None:
        counted = self._guarded(self._count)
        self.waiting.clear()
        self.waiting.update(counted)
        self._uncertain = False

    def _count(self) -> dict[str, int]:
        return dict(self._db.execute("SELECT mcu_id, count(*) FROM outbox GROUP BY mcu_id"))

    def _put(self, **values: str) -> None:
        self._db.executemany("INSERT OR REPLACE INTO known VALUES (?, ?)", values.items())


def _unusable(path: Path, reason: str) -> WrongSettings:
    return WrongSettings(
        f"The outbox {path} cannot be used: {reason}. Set OUTBOX_PATH to a file in a folder that "
        "is ours to write, one for each collector."
    )


def _rename(old: str | Path, new: str | Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        Path(old).rename(new)


def _remove(path: Path) -> None:
    for part in _PARTS:
        Path(f"{path}{part}").unlink(missing_ok=True)
