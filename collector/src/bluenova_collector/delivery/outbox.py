"""What has no receipt yet, oldest first, and what a collector must know again after a restart."""

import json
import logging
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from bluenova_collector.delivery.damage import is_whole
from bluenova_collector.delivery.outbox_file import (
    DiskTrouble,
    Operation,
    OutboxFile,
    T,
    as_row,
)
from bluenova_collector.memory import Memory
from bluenova_shared.logs import Change
from bluenova_shared.wire import Item

log = logging.getLogger(__name__)

# What a failing disk said it did not take may be there all the same.
_INSERT = (
    "INSERT INTO outbox (id, mcu_id, time_s, payload, crc) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET payload = excluded.payload, crc = excluded.crc RETURNING n"
)
# One bit on the disk decides whether the same bytes are a text.
_BETWEEN = (
    "SELECT n, id, CAST(payload AS BLOB), crc FROM outbox"
    " WHERE mcu_id = ? AND n > ? AND n < ? ORDER BY n LIMIT ?"
)
_DELETE_OLDEST = (
    "DELETE FROM outbox WHERE n IN (SELECT n FROM outbox ORDER BY n LIMIT ?) RETURNING mcu_id"
)
_SET_ITEM_ASIDE = (
    "INSERT OR IGNORE INTO damaged SELECT n, id, mcu_id, payload FROM outbox"
    " WHERE n = ? AND id IS ?"
)
_DELETE_ITEM = "DELETE FROM outbox WHERE n = ? AND id IS ? RETURNING mcu_id"
_OLDEST = "SELECT time_s FROM outbox WHERE mcu_id = ? ORDER BY n LIMIT 1"

MEMORY: TypeAdapter[Memory] = TypeAdapter(Memory)


class Kept(NamedTuple):
    """An item in the outbox, under its number: its JSON, and whether that is as it was."""

    n: int
    id: str
    payload: bytes
    is_whole: bool


class Outbox:
    """The queue in the file at `path`, and the memory beside it.

    `battery` (host and port) is whose memory it is: another battery starts without it. At most
    `limit` items are kept; the oldest go first. `wall` gives the seconds since 1970. Raises
    Unusable if there can be no such file.
    """

    def __init__(self, path: Path, battery: str, limit: int, wall: Callable[[], float]) -> None:
        self._file = OutboxFile(path, wall)
        self._battery = battery
        self._limit = limit
        self.dropped = 0
        self._waiting: Counter[str] = Counter()
        self._counted = 0  # at which of the file's changes
        self._unreadable = Change(False)

    @property
    def waiting(self) -> Counter[str]:
        """How many items have no receipt yet, by battery."""
        if self._counted != self._file.changes:
            self._read(self._count)
        return self._waiting

    @property
    def name(self) -> str:
        """The collector's own among all: random, made once."""
        return self._file.name

    def recall(self) -> Memory:
        """What was remembered of this battery. Raises DiskTrouble."""
        known = self._file.read(lambda db: dict(db.execute("SELECT key, value FROM known")))
        if known.get("battery") != self._battery:
            return Memory()
        try:
            return MEMORY.validate_json(known["memory"])
        except (KeyError, ValidationError):
            path = self._file.path
            log.error("The outbox %s has forgotten the battery: its memory is damaged", path)
            return Memory()

    def commit(self, items: Sequence[Item], memory: Memory) -> list[int]:
        """Stores the items, and the memory in place of the old one, all or nothing.

        Returns the items' numbers. Raises DiskTrouble if the disk takes nothing.
        """
        memories = json.dumps(vars(memory))
        return self._commit(items, name=self.name, battery=self._battery, memory=memories)

    def take_over(self, items: Sequence[Item]) -> None:
        """Stores the items of another outbox. Raises DiskTrouble if the disk takes nothing."""
        self._counted = 0  # some of them may be here already
        self._commit(items)

    def _commit(self, items: Sequence[Item], **known: str) -> list[int]:
        rows = [as_row(item) for item in items]

        def write(db: sqlite3.Connection) -> tuple[list[int], list[str]]:
            is_known = self._counted == self._file.changes
            db.executemany("INSERT OR REPLACE INTO known VALUES (?, ?)", known.items())
            numbers = [int(db.execute(_INSERT, row).fetchone()[0]) for row in rows]
            if is_known:
                self._waiting.update(item.mcu_id for item in items)
            else:
                self._count(db)  # with the new ones: which of them were there, nobody knows
            return numbers, self._make_room(db)

        numbers, dropped = self._file.add(write)
        self._waiting.subtract(dropped)
        self.count_dropped(len(dropped), f"OUTBOX_LIMIT={self._limit}")
        return numbers

    def delete(self, mcu_id: str, ids: Sequence[str]) -> int:
        """Deletes the battery's items that have these ids; returns how many there were.

        After a power cut some may be there again, until something is stored: then they are sent
        again, and the recorder has them already. Raises DiskTrouble.
        """

        def write(db: sqlite3.Connection) -> int:
            self._count(db)
            named = [(item_id, mcu_id) for item_id in ids]
            return db.executemany("DELETE FROM outbox WHERE id = ? AND mcu_id = ?", named).rowcount

        deleted = self._file.change(write, synced=False)
        self._waiting[mcu_id] -= deleted
        return deleted

    def set_items_aside(self, items: Sequence[Kept]) -> None:
        """Takes items that are damaged out of the way of the others, into a table of their own."""
        named = [(item.n, item.id) for item in items]

        def write(db: sqlite3.Connection) -> list[str]:
            self._count(db)
            db.executemany(_SET_ITEM_ASIDE, named)
            return [mcu_id for one in named for (mcu_id,) in db.execute(_DELETE_ITEM, one)]

        try:
            self._waiting.subtract(self._file.change(write))
        except DiskTrouble as trouble:
            log.error("The outbox cannot set damaged items aside: %s", trouble)
            return
        log.error(
            "%d items in the outbox %s are damaged: kept in its table `damaged`, never sent",
            *(len(items), self._file.path),
        )

    def between(self, above: int, below: int | None, mcu_id: str, limit: int) -> list[Kept]:
        """The battery's items with numbers in between, oldest first, `limit` at most."""
        found = (mcu_id, above, below or sys.maxsize, limit)
        rows = self._read(lambda db: db.execute(_BETWEEN, found).fetchall()) or []
        return [
            Kept(n, item_id, payload, is_whole(item_id, mcu_id, payload, crc))
            for n, item_id, payload, crc in rows
        ]

    def oldest(self, mcu_id: str) -> datetime | None:
        """The time of the battery's item that waits longest."""
        found = self._read(lambda db: db.execute(_OLDEST, (mcu_id,)).fetchone())
        try:
            return datetime.fromtimestamp(found[0], UTC) if found else None
        except (TypeError, ValueError, OSError):  # a number that the disk has turned
            return None

    def count_dropped(self, more: int, why: str) -> None:
        """So many of the oldest items are lost for want of room; tells the first, and each 1000."""
        before, self.dropped = self.dropped, self.dropped + more
        if more and (before == 0 or before // 1000 != self.dropped // 1000):
            log.error(
                "The outbox is full (%s): the oldest items are dropped, %d so far",
                *(why, self.dropped),
            )

    def close(self) -> None:
        """Gives the file back."""
        self._file.close()

    def _read(self, operation: Operation[T]) -> T | None:
        """None if the disk does not give it: what is live goes on without."""
        try:
            found = self._file.read(operation)
        except DiskTrouble as trouble:
            if self._unreadable.to(True):
                log.error("The outbox cannot be read: %s", trouble)
            return None
        self._unreadable.to(False)
        return found

    def _make_room(self, db: sqlite3.Connection) -> list[str]:
        """Deletes the oldest items over the limit; returns the battery of each."""
        too_many = self._waiting.total() - self._limit
        if too_many <= 0:
            return []
        return [mcu_id for (mcu_id,) in db.execute(_DELETE_OLDEST, (too_many,)).fetchall()]

    def _count(self, db: sqlite3.Connection) -> None:
        """Counts anew if the file may hold other items than we know of."""
        if self._counted != self._file.changes:
            counts = db.execute("SELECT mcu_id, count(*) FROM outbox GROUP BY mcu_id")
            self._waiting = Counter(dict(counts))
            self._counted = self._file.changes
