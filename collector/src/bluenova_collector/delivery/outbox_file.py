"""The outbox's SQLite file: opens it, replaces a damaged one, and waits for a full disk."""

import contextlib
import logging
import secrets
import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from bluenova_collector.delivery.damage import (
    DAMAGE,
    checksum,
    disk_fails,
    is_damage,
    kind,
    whole_items,
)
from bluenova_shared.wire import Item, to_chunk_json

log = logging.getLogger(__name__)

T = TypeVar("T")
Operation = Callable[[sqlite3.Connection], T]

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS known (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    # AUTOINCREMENT: a number never comes again, so that "after n" keeps its meaning.
    "CREATE TABLE IF NOT EXISTS outbox (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL,"
    " mcu_id TEXT NOT NULL, time_s INTEGER NOT NULL, payload TEXT NOT NULL, crc INTEGER)",
    "CREATE UNIQUE INDEX IF NOT EXISTS outbox_id ON outbox (id)",
    "CREATE INDEX IF NOT EXISTS outbox_mcu_id ON outbox (mcu_id, n)",
    # Items that a damaged disk has made unreadable: never sent, kept to be looked at.
    "CREATE TABLE IF NOT EXISTS damaged"
    " (n INTEGER PRIMARY KEY, id TEXT, mcu_id TEXT, payload TEXT)",
)
_SAVE = (
    "INSERT OR IGNORE INTO outbox (n, id, mcu_id, time_s, payload, crc) VALUES (?, ?, ?, ?, ?, ?)"
)
# Deleting takes room, too, as SQLite writes changes ahead: on a disk that is full to the last byte
# the outbox could not delete what is recorded.
ROOM_FOR_DELETING_BYTES = 8 * 2**20
# So much is written ahead, as by default, before it goes to its place in the file.
CHANGES_AHEAD_BYTES = 4 * 2**20
# What belongs to a file, itself last: if it is gone, so is the rest.
_PARTS = ("-wal", "-shm", "-journal", "")


class DiskTrouble(Exception):  # noqa: N818  # reads better than DiskTroubleError where it is caught
    """The disk does not take or give what it should; it may later."""


class Unusable(Exception):  # noqa: N818  # reads better, too
    """There cannot be an outbox at this place; the message says why."""


def as_row(item: Item) -> tuple[str, str, int, str, int]:
    """Its id, mcu_id, time_s, payload, and crc."""
    item_id, payload = str(item.id), to_chunk_json(item)
    crc = checksum(item_id, item.mcu_id, payload.encode())
    return item_id, item.mcu_id, int(item.time.timestamp()), payload, crc


class OutboxFile:
    """The file at `path`. All calls come from one thread.

    A damaged file is set aside under a name with the time (`wall`), and a new one begun with all
    that can be read of it. Raises Unusable if there cannot be a file at all.
    """

    def __init__(self, path: Path, wall: Callable[[], float]) -> None:
        self.path = path
        self._wall = wall
        self.name = ""  # the collector's own among all: random, made once
        self.changes = 0  # how often items may have come or gone other than by our calls
        self._fresh = Path(f"{path}.new")
        self._db = sqlite3.connect(":memory:")  # until the file is open
        self._on_disk = True
        try:
            self._guarded(self._open)
        except DiskTrouble as trouble:  # damaged, and cannot be set aside
            raise Unusable(str(trouble)) from None

    def read(self, operation: Operation[T]) -> T:
        """Runs an operation that changes nothing. Raises DiskTrouble."""
        return self._guarded(lambda: operation(self._db))

    def change(self, operation: Operation[T], *, synced: bool = True) -> T:
        """Runs the operation in a transaction, which is on the disk on return. Raises DiskTrouble.

        If it is not to be `synced`, a power cut may undo it until the next one that is.
        """

        def transaction() -> T:
            self._db.execute(f"PRAGMA synchronous = {'FULL' if synced else 'NORMAL'}")
            with self._db:
                return operation(self._db)

        try:
            return self._guarded(transaction)
        except DiskTrouble:
            self.changes += 1  # it may have taken what it said it did not
            raise

    def add(self, operation: Operation[T]) -> T:
        """Like `change`, if enough room is left for deleting. Raises DiskTrouble, Unusable."""
        self._leave_room()
        if not self._on_disk:
            self._guarded(self._open)
        if not self._on_disk:
            raise DiskTrouble("the disk does not take the outbox")
        return self.change(operation)

    def close(self) -> None:
        """Gives the file back."""
        self._db.close()

    def _leave_room(self) -> None:
        try:
            disk = shutil.disk_usage(self.path.parent)
        except OSError as error:
            raise DiskTrouble(str(error)) from None
        if disk.total and disk.free < ROOM_FOR_DELETING_BYTES:
            raise DiskTrouble(f"only {disk.free} bytes of the disk are free")

    def _guarded(self, operation: Callable[[], T]) -> T:
        try:
            try:
                return operation()
            except DAMAGE as error:
                if not is_damage(error):
                    raise
                damage = str(error)
            # Not above: while the error is there, so are its cursor and the lock on the file.
            self._begin_anew(damage)
            return operation()
        except sqlite3.OperationalError as error:
            raise DiskTrouble(str(error)) from None

    def _begin_anew(self, damage: str) -> None:
        """Replaces a damaged file by a new one with all that can still be read.

        The damaged one is renamed only when the new one is complete, so that a kill in between
        costs nothing: the next start does it again.
        """
        self._db.close()
        now = datetime.fromtimestamp(self._wall(), UTC)
        aside = f"{self.path}.damaged-{now:%Y%m%dT%H%M%S.%fZ}"
        try:
            _remove(self._fresh)
            self._begin(str(self._fresh))
            with self._db:
                saved_rows = ((n, *as_row(item)) for n, item in whole_items(self.path))
                self._db.executemany(_SAVE, saved_rows)
            (saved,) = self._db.execute("SELECT count(*) FROM outbox").fetchone()
            self._db.close()
            for part in _PARTS:
                _rename(f"{self.path}{part}", f"{aside}{part}")
            self._fresh.rename(self.path)
        except (OSError, sqlite3.Error) as failed:
            self._go_without()
            raise DiskTrouble(
                f"it is damaged ({damage}), and cannot be set aside for another ({failed})"
            ) from None
        log.error("The outbox %s is damaged (%s): kept as %s", self.path, damage, aside)
        self._open()
        if not self._on_disk:
            raise DiskTrouble("the disk does not take another outbox")
        log.error("The outbox is begun anew: %d of its items are saved", saved)

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not self.path.exists():
                _rename(self._fresh, self.path)  # killed when it was about to do that
            self._begin(str(self.path))
            self._on_disk = True
        except (OSError, sqlite3.OperationalError) as error:
            if kind(error) == sqlite3.SQLITE_BUSY:
                raise Unusable("another collector uses it") from None
            if is_damage(error):
                raise
            if not disk_fails(error):
                raise Unusable(str(error)) from None
            if self._on_disk:
                log.error("The disk does not take the outbox %s (%s)", self.path, error)
            self._go_without()

    def _go_without(self) -> None:
        self._on_disk = False
        self._begin(":memory:")  # stays empty: it would promise what it cannot hold

    def _begin(self, name: str) -> None:
        self._db.close()  # its lock would keep this one out
        self.changes += 1
        db = self._db = sqlite3.connect(name, timeout=5)
        # A snapshot changes a few pages twice, and each is written whole: with SQLite's own 4096 a
        # battery writes 322 MB a day, with 1024 a quarter of it. An older file keeps what it has.
        db.execute("PRAGMA page_size = 1024")
        # Debian's SQLite writes zeros over all that is deleted: ten times as much as to delete it.
        db.execute("PRAGMA secure_delete = OFF")
        # Exclusive: only one collector may use the file.
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        (page_bytes,) = db.execute("PRAGMA page_size").fetchone()
        db.execute(f"PRAGMA wal_autocheckpoint = {CHANGES_AHEAD_BYTES // page_bytes}")
        with db:
            for statement in _SCHEMA:
                db.execute(statement)
            columns = {name for _, name, *_ in db.execute("PRAGMA table_info(outbox)")}
            if "crc" not in columns:
                db.execute("ALTER TABLE outbox ADD COLUMN crc INTEGER")
            # One bit in an index hides items, or keeps what is recorded from being deleted. If they
            # cannot be made anew, what is damaged is found later.
            with contextlib.suppress(*DAMAGE):
                db.execute("REINDEX")
            known = dict(db.execute("SELECT key, value FROM known"))
            self.name = known.get("name") or self.name or secrets.token_hex(4)
            if "name" not in known:
                db.execute("INSERT OR REPLACE INTO known VALUES ('name', ?)", (self.name,))


def _rename(old: str | Path, new: str | Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        Path(old).rename(new)


def _remove(path: Path) -> None:
    for part in _PARTS:
        Path(f"{path}{part}").unlink(missing_ok=True)
